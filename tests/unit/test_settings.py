"""taxi.toml, then variables, then flags; what is wrong is named."""

from pathlib import Path

import pytest

from taxi_pipelines.domain.manifest import FileFormat
from taxi_pipelines.errors import UsageError
from taxi_pipelines.settings import Settings
from taxi_pipelines.taxi.types import CDN


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
        ('sorce = "x"', "unknown setting 'sorce'; valid are home, source, target, format"),
        ('target = "oracle"', "setting target = 'oracle'"),
        ('format = "csv.gz"', "valid are parquet and csv"),
        ("home = ", "not valid TOML"),
    ],
)
def test_a_wrong_setting_is_a_usage_error_that_names_it(tmp_path: Path, toml: str, said: str) -> None:
    (tmp_path / "taxi.toml").write_text(toml)
    with pytest.raises(UsageError, match=said):
        Settings.load()
