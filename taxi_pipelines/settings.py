"""Settings: the only reader of the environment and of `taxi.toml`. Later wins: taxi.toml, TAXI_* variables, flags."""

from __future__ import annotations

import os
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from taxi_pipelines.domain.manifest import FileFormat
from taxi_pipelines.errors import UsageError
from taxi_pipelines.taxi.types import CDN

FILE = "taxi.toml"


class Target(StrEnum):
    """The warehouses a month can be loaded into."""

    DUCKDB = "duckdb"
    POSTGRES = "postgres"


class Strategy(StrEnum):
    """How a month is brought into a table that has it already."""

    REPLACE = "replace"  #: swap the month as a whole
    MERGE = "merge"  #: by the rows' addresses; unchanged rows are left alone


class Settings(BaseSettings):
    """What a run needs to know. Every field is also a `taxi.toml` key and, in capitals, a TAXI_ variable."""

    model_config = SettingsConfigDict(env_prefix="TAXI_", env_ignore_empty=True, extra="forbid", frozen=True)

    home: Path = Path(".taxi")
    source: str = CDN
    target: Target = Target.DUCKDB
    format: FileFormat = FileFormat.PARQUET
    strategy: Strategy = Strategy.REPLACE
    postgres_url: SecretStr | None = None
    postgres_schema: str = "taxi"

    @field_validator("format", mode="before")
    @classmethod
    def _two_kinds(cls, value: Any) -> Any:
        if value not in (FileFormat.PARQUET, FileFormat.CSV):
            raise ValueError("valid are parquet and csv (which reads .csv and .csv.gz)")
        return value

    @field_validator("home")
    @classmethod
    def _folder(cls, value: Path) -> Path:
        home = value.expanduser().absolute()
        for place in (home, *home.parents):
            if os.path.exists(place) and not os.path.isdir(place):
                raise ValueError(f"{place} is a file, not a folder")
        return home

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
            raise UsageError(*_explain(error)) from error

    @property
    def source_is_default(self) -> bool:
        """Whether nobody named a source, so that it is the TLC's CDN."""
        return self.source == CDN


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


def _explain(error: ValidationError) -> tuple[str, str]:
    problem = error.errors()[0]
    name = ".".join(str(part) for part in problem["loc"])
    said = problem["msg"].removeprefix("Value error, ")
    if not name:
        return f"the settings do not fit each other: {said}", "change one of them"
    if problem["type"] == "extra_forbidden":
        return f"unknown setting {name!r} in {FILE}", f"valid are {', '.join(Settings.model_fields)}"
    return f"setting {name} = {problem['input']!r} is not valid", said
