"""The command line in this process: its real parts, only the two streams are captured."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from taxi_pipelines.cli.main import main
from taxi_pipelines.domain.month import Month
from taxi_pipelines.synthetic.files import write_month


@dataclass(frozen=True)
class Result:
    """What a command left: exit code and streams."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What `--json` printed."""
        return json.loads(self.out)


Taxi = Callable[..., Result]


@pytest.fixture
def taxi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Taxi:
    """`taxi("run", "green", "2021-01")`, in an empty folder that is home and working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAXI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TAXI_SOURCE", str(tmp_path / "source"))

    def call(*arguments: str) -> Result:
        capfdbinary.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        out, err = capfdbinary.readouterr()
        return Result(int(ended.value.code or 0), out.decode(), err.decode())

    return call


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with two generated months, 2021-01 of 300 rows and 2021-02 of 200; the source of `taxi`."""
    folder = tmp_path / "source"
    write_month(folder, "green", Month(2021, 1), 300)
    write_month(folder, "green", Month(2021, 2), 200)
    return folder
