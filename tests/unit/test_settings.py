"""taxi.toml, then variables, then flags; what is wrong is named."""

import os
from pathlib import Path

import pytest

from taxi_pipelines.domain.manifest import FileFormat
from taxi_pipelines.errors import UsageError
from taxi_pipelines.settings import CDN, Settings
from tests.support.rights import as_nobody


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("TAXI_") or name.endswith("_EMULATOR_HOST"):
            monkeypatch.delenv(name)


def test_the_defaults_need_nothing(tmp_path: Path) -> None:
    settings = Settings.load()
    assert (settings.home, settings.source, settings.source_is_default) == (tmp_path / ".taxi", CDN, True)


def test_later_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "taxi.toml").write_text('source = "from-file"\nformat = "csv"\nhome = "h"\n')
    assert Settings.load().source == "from-file"
    monkeypatch.setenv("TAXI_SOURCE", "from-variable")
    assert Settings.load().source == "from-variable"
    settings = Settings.load(source="from-flag", format=None)
    assert (settings.source, settings.format, settings.home) == ("from-flag", FileFormat.CSV, tmp_path / "h")


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('sorce = "x"', "unknown setting 'sorce' in taxi.toml; valid are home, source, target, format"),
        ('target = "oracle"', "setting target = 'oracle'"),
        ('format = "csv.gz"', "valid are parquet and csv"),
        ('format = "csv.gz"', "^setting format = 'csv.gz' is not valid; valid are"),
        ("home = ", "taxi.toml is not valid TOML"),
        ('lake = "s3://trips"', "setting lake = 's3://trips' is not valid; a lake is a folder or gs://BUCKET/PREFIX"),
        ('lake = "gs://My_Trips/x"', "bucket name 'My_Trips' is not valid: only lower-case letters.*; try my-trips"),
        ('dataset = "nyc-taxi"', "dataset name 'nyc-taxi' is not valid: .* no dash; try nyc_taxi"),
        ('project = "My Project"', "project 'My Project' is not a project's id"),
        ('location = "somewhere else"', "setting location = 'somewhere else'.*US, EU or a region"),
        ('impersonate = "loader"', "a service account is named NAME@PROJECT"),
        ("maximum_bytes_billed = 0", "setting maximum_bytes_billed = 0 is not valid"),
        ('rewrite_hosts = "a"', "setting rewrite_hosts = 'a' is not valid; '' is neither HOST nor HOST:PORT; write pg"),
        ('rewrite_hosts = "http://a=b"', "'http://a' is neither HOST nor HOST:PORT"),
    ],
)
def test_a_wrong_setting_is_a_usage_error_that_names_it(tmp_path: Path, toml: str, said: str) -> None:
    (tmp_path / "taxi.toml").write_text(toml)
    with pytest.raises(UsageError, match=said):
        Settings.load()


def test_hosts_to_rewrite_are_pairs_in_a_variable_or_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "taxi.toml").write_text('[rewrite_hosts]\n"PgDatabase:5432" = "localhost:5433"\n')
    assert Settings.load().rewrite_hosts == {"pgdatabase:5432": "localhost:5433"}
    monkeypatch.setenv("TAXI_REWRITE_HOSTS", "pgdatabase:5432=localhost:5433, minio=[::1]:9000,")
    assert Settings.load().rewrite_hosts == {"pgdatabase:5432": "localhost:5433", "minio": "[::1]:9000"}


def test_a_file_is_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    for home in ("file", "file/below"):
        with pytest.raises(UsageError, match=r"^setting home = '.*' is not valid; /.*/file is a file, not a folder$"):
            Settings.load(home=home)
        monkeypatch.setenv("TAXI_HOME", home)
        with pytest.raises(UsageError, match="is a file, not a folder"):
            Settings.load()


def test_an_empty_variable_is_not_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "taxi.toml").write_text('source = "from-file"')
    for name in ("TAXI_HOME", "TAXI_SOURCE", "TAXI_TARGET"):
        monkeypatch.setenv(name, "")
    settings = Settings.load()
    assert (settings.home, settings.source, settings.target) == (tmp_path / ".taxi", "from-file", "duckdb")


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / "taxi.toml").write_bytes('source = "Zürich"'.encode("latin-1"))
    with pytest.raises(UsageError, match=r"^taxi\.toml is not UTF-8 text; save it as UTF-8$"):
        Settings.load()


def test_a_folder_in_the_files_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "taxi.toml").mkdir()
    with pytest.raises(UsageError, match=r"^taxi\.toml cannot be read: Is a directory; "):
        Settings.load()


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "taxi.toml").write_text("")
    (tmp_path / "taxi.toml").chmod(0)
    with as_nobody(), pytest.raises(UsageError, match=r"^taxi\.toml cannot be read: Permission denied; "):
        Settings.load()


def test_a_lake_is_a_folder_or_a_bucket(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert Settings.load(lake="trips").lake == str(tmp_path / "trips")
    assert Settings.load(lake="gs://trips/nyc/").lake == "gs://trips/nyc"
    with pytest.raises(UsageError, match=r"setting lake = 'file/x' is not valid; .* is a file, not a folder"):
        Settings.load(lake="file/x")


def test_locations_are_written_as_google_writes_them() -> None:
    assert (Settings.load(location="eu").location, Settings.load(location="Europe-West3").location) == (
        "EU",
        "europe-west3",
    )


def test_emulators_are_named_as_for_googles_own_clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "taxi.toml").write_text('bigquery_emulator_host = "localhost:1"\n')
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://localhost:2")
    settings = Settings.load()
    assert (settings.storage_emulator_host, settings.bigquery_emulator_host) == ("http://localhost:2", "localhost:1")


def test_secrets_are_shown_nowhere(tmp_path: Path) -> None:
    settings = Settings.load(credentials="sesame", postgres_url="postgresql://sesame@h/d")
    assert "sesame" not in repr(settings)
    (tmp_path / "taxi.toml").write_text('[credentials]\nprivate_key = "sesame"\n')
    with pytest.raises(UsageError, match=r"setting credentials = \*\*\* is not valid") as refused:
        Settings.load()
    assert "sesame" not in str(refused.value)


def test_an_unknown_argument_is_not_looked_for_in_the_file() -> None:
    with pytest.raises(UsageError, match=r"^unknown setting 'lakes'; valid are home, "):
        Settings.load(lakes="gs://trips")


def test_a_login_has_a_user_and_a_password_that_is_not_too_short() -> None:
    assert Settings.load(auth="a:b:c-secret").auth
    for wrong in ("user", ":password1", "user:short", "user:"):
        with pytest.raises(UsageError, match=r"setting auth = \*\*\* is not valid; a login is written USER:PASSWORD"):
            Settings.load(auth=wrong)
    assert "c-secret" not in repr(Settings.load(auth="a:b:c-secret"))
