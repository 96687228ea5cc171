"""taxi.toml, then variables, then flags; what is wrong is named."""

from pathlib import Path

import pytest

from taxi_pipelines.domain.manifest import FileFormat
from taxi_pipelines.errors import UsageError
from taxi_pipelines.settings import Settings
from taxi_pipelines.taxi.types import CDN
from tests.support.rights import as_nobody


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("TAXI_HOME", "TAXI_SOURCE", "TAXI_TARGET", "TAXI_FORMAT"):
        monkeypatch.delenv(name, raising=False)


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
    ],
)
def test_a_wrong_setting_is_a_usage_error_that_names_it(tmp_path: Path, toml: str, said: str) -> None:
    (tmp_path / "taxi.toml").write_text(toml)
    with pytest.raises(UsageError, match=said):
        Settings.load()


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
