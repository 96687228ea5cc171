"""Settings: the only reader of the environment and of `taxi.toml`. Later wins: taxi.toml, TAXI_* variables, flags."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PositiveInt,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, InitSettingsSource, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from taxi_pipelines.domain.alert import AlertOn, AlertRule
from taxi_pipelines.domain.manifest import FileFormat
from taxi_pipelines.errors import UsageError
from taxi_pipelines.gcp.names import (
    check_dataset_name,
    check_project_id,
    is_bucket_url,
    location_name,
    parse_bucket_url,
)

FILE = "taxi.toml"

CDN = "https://d37ci6vzurychx.cloudfront.net/trip-data"
"""Where the TLC publishes."""

SHORTEST_PASSWORD = 8

_SECRET = ("alerts", "auth", "credentials", "database_url", "flows_git", "postgres_url", "secret_key")


class Target(StrEnum):
    """The warehouses a month can be loaded into."""

    DUCKDB = "duckdb"
    POSTGRES = "postgres"
    BIGQUERY = "bigquery"


class Strategy(StrEnum):
    """How a month is brought into a table that has it already."""

    REPLACE = "replace"  #: swap the month as a whole
    MERGE = "merge"  #: by the rows' addresses; unchanged rows are left alone


def _folder(value: Path) -> Path:
    folder = value.expanduser().absolute()
    for place in (folder, *folder.parents):
        if os.path.exists(place) and not os.path.isdir(place):
            raise ValueError(f"{place} is a file, not a folder")
    return folder


def _lake_place(value: str) -> str:
    if is_bucket_url(value):
        return str(parse_bucket_url(value))
    if "://" in value:
        raise ValueError("a lake is a folder or gs://BUCKET/PREFIX")
    return str(_folder(Path(value)))


def _location(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z]+(-[A-Za-z]+[0-9]+)?", value):
        raise ValueError("a location is US, EU or a region such as europe-west3")
    return location_name(value)


def _service_account(value: str) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value):
        raise ValueError("a service account is named NAME@PROJECT.iam.gserviceaccount.com")
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("a time zone is named as America/New_York") from error
    return value


_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")


def _hosts(value: Any) -> Any:
    """`pgdatabase:5432=localhost:5433,minio=localhost`, or a table of the same; keys in small letters."""
    if isinstance(value, str):
        value = dict(pair.partition("=")[::2] for pair in value.split(",") if pair.strip())
    if not isinstance(value, Mapping):
        return value
    found = {str(old).strip().lower(): str(new).strip() for old, new in value.items()}
    if wrong := [name for pair in found.items() for name in pair if not _HOST.fullmatch(name)]:
        raise ValueError(
            f"{wrong[0]!r} is neither HOST nor HOST:PORT; write pgdatabase:5432=localhost:5433,minio=localhost"
        )
    return found


def _login(value: SecretStr) -> SecretStr:
    user, _, password = value.get_secret_value().partition(":")
    if not user or len(password) < SHORTEST_PASSWORD:
        raise ValueError(f"a login is written USER:PASSWORD, the password {SHORTEST_PASSWORD} characters or longer")
    return value


def _web_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("it is where people reach the server, as https://taxi.example.com")
    return value.rstrip("/")


def _git_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("https", "http", "file") or not parts.path.strip("/"):
        raise ValueError("a repository is https://HOST/PATH or file:///PATH")
    if "@" in parts.netloc:
        raise ValueError("keep the login as a secret USER:PASSWORD, and name that in flows_git_login")
    return value


def _alert_rule(rule: AlertRule) -> AlertRule:
    if not rule.on:
        raise ValueError(f"`on` names what the rule is for: {', '.join(AlertOn)}")
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", rule.to):
        raise ValueError("`to` names a secret that holds the URL, as taxi secret set NAME --namespace system keeps it")
    if (AlertOn.LATE in rule.on) is (rule.after is None):
        raise ValueError('LATE and `after` belong together, as: on = ["LATE"], after = "PT6H"')
    if rule.after is not None and rule.after <= timedelta(0):
        raise ValueError("`after` is longer than nothing, as PT6H")
    return rule


def _checked(check: Callable[[str], None]) -> AfterValidator:
    def checked(value: str) -> str:
        check(value)
        return value

    return AfterValidator(checked)


Folder = Annotated[Path, AfterValidator(_folder)]
LakePlace = Annotated[str, AfterValidator(_lake_place)]
Project = Annotated[str, _checked(check_project_id)]
Dataset = Annotated[str, _checked(check_dataset_name)]
Location = Annotated[str, AfterValidator(_location)]
ServiceAccount = Annotated[str, AfterValidator(_service_account)]
Zone = Annotated[str, AfterValidator(_zone)]
Hosts = Annotated[dict[str, str], NoDecode, BeforeValidator(_hosts)]
Login = Annotated[SecretStr, AfterValidator(_login)]
Port = Annotated[int, Field(ge=0, le=65535)]
WebUrl = Annotated[str, AfterValidator(_web_url)]
GitUrl = Annotated[str, AfterValidator(_git_url)]
Rule = Annotated[AlertRule, AfterValidator(_alert_rule)]
Interval = Annotated[timedelta, Field(ge=timedelta(seconds=1))]


class Settings(BaseSettings):
    """What a run needs to know. Every field is also a `taxi.toml` key and, in capitals, a TAXI_ variable.

    The emulators' hosts alone have the names that Google's own clients read. `lake` is a folder, or gs://BUCKET/PREFIX.
    """

    model_config = SettingsConfigDict(env_prefix="TAXI_", env_ignore_empty=True, extra="forbid", frozen=True)

    home: Folder = Path(".taxi")
    source: str = CDN
    target: Target = Target.DUCKDB
    format: FileFormat = FileFormat.PARQUET
    strategy: Strategy = Strategy.REPLACE
    postgres_url: SecretStr | None = None
    postgres_schema: str = "taxi"
    lake: LakePlace | None = None
    project: Project | None = None
    dataset: Dataset = "taxi"
    location: Location = "US"
    credentials: SecretStr | None = None
    impersonate: ServiceAccount | None = None
    maximum_bytes_billed: PositiveInt = 10 << 30
    require_partition_filter: bool = False
    keep_clean: bool = False
    database_url: SecretStr | None = None
    workers: PositiveInt = 4
    timezone: Zone = "UTC"
    lease_seconds: PositiveInt = 15
    secret_key: SecretStr | None = None
    rewrite_hosts: Hosts = {}
    block_private_hosts: bool = False
    host: str = "127.0.0.1"
    port: Port = 8080
    flows: Folder = Path("flows")
    auth: Login | None = None
    url: WebUrl | None = None
    alerts: tuple[Rule, ...] = ()
    flows_git: GitUrl | None = None
    flows_git_branch: str | None = None
    flows_git_folder: str = "flows"
    flows_git_interval: Interval = timedelta(minutes=1)
    flows_git_login: str | None = None
    storage_emulator_host: str | None = Field(None, validation_alias="storage_emulator_host")
    bigquery_emulator_host: str | None = Field(None, validation_alias="bigquery_emulator_host")

    @field_validator("format", mode="before")
    @classmethod
    def _two_kinds(cls, value: Any) -> Any:
        if value not in (FileFormat.PARQUET, FileFormat.CSV):
            raise ValueError("valid are parquet and csv (which reads .csv and .csv.gz)")
        return value

    @model_validator(mode="after")
    def _strategy_fits_target(self) -> Settings:
        if self.target is Target.DUCKDB and self.strategy is Strategy.MERGE:
            raise ValueError("the embedded warehouse's months are immutable files: its only strategy is replace")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then variables, then taxi.toml."""
        return init_settings, env_settings, InitSettingsSource(settings_cls, _read_file(Path(FILE)))

    @classmethod
    def load(cls, **flags: Any) -> Settings:
        """Settings with the flags that are given (None means not given). Raises UsageError naming the setting."""
        try:
            return cls(**{name: value for name, value in flags.items() if value is not None})
        except ValidationError as error:
            raise UsageError(*_explain(error, flags)) from error

    @property
    def server_url(self) -> str:
        """What links to the server begin with: `url`, else where it listens."""
        return self.url or f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def source_is_default(self) -> bool:
        """Whether nobody named a source, so that it is the TLC's CDN."""
        return self.source == CDN


def flow_environment() -> dict[str, str]:
    """The variables that flows may see: `ENV_…` as `envs`, and `SECRET_…` by `secret()`."""
    return {name: value for name, value in os.environ.items() if name.startswith(("ENV_", "SECRET_"))}


def _read_file(path: Path) -> dict[str, Any]:
    """What the file says; nothing where there is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", "make it a file that you may read") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text", "save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not valid TOML: {error}", "mend that line") from error


def _explain(error: ValidationError, flags: Mapping[str, Any]) -> tuple[str, str]:
    problem = error.errors()[0]
    name = ".".join(str(part) for part in problem["loc"])
    said = problem["msg"].removeprefix("Value error, ")
    if not name:
        return f"the settings do not fit each other: {said}", "change one of them"
    if problem["type"] == "extra_forbidden":
        place = "" if name in flags else f" in {FILE}"
        return f"unknown setting {name!r}{place}", f"valid are {', '.join(Settings.model_fields)}"
    shown = "***" if name.split(".")[0] in _SECRET else repr(problem["input"])
    return f"setting {name} = {shown} is not valid", said
