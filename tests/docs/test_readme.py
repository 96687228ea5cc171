"""The README's commands run as printed, and it shows what the commands really print."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from taxi_pipelines.domain.manifest import FileFormat
from taxi_pipelines.domain.month import Month
from taxi_pipelines.settings import Settings
from taxi_pipelines.synthetic.files import write_month, write_zones
from tests.support.data import ROOT, needs_real_data, real
from tests.support.google.server import start_fake

README = (ROOT / "README.md").read_text(encoding="utf-8")
CONSOLE = "\n".join(re.findall(r"```console\n(.*?)```", README, re.S))
FLOWS = dict(re.findall(r"```yaml\n(?=# (\S+)\n)(.*?)```", README, re.S))
COMMANDS = [line[2:] for line in CONSOLE.splitlines() if line.startswith("$ taxi ")]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trip-data")
    for month in range(1, 13):
        write_month(folder, "green", Month(2021, month), 500)
    write_month(folder, "green", Month(2020, 4), 500, format=FileFormat.CSV_GZ)
    write_month(folder, "yellow", Month(2024, 1), 500)
    write_zones(folder)
    return folder


def run(command: str, folder: Path, source: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command as printed, but with every source, and Google, on this machine."""
    words = shlex.split(command, comments=True)[1:]
    if "--source" in words:
        words[words.index("--source") + 1] = str(source)
    google = start_fake().url
    env = {
        **os.environ,
        "TAXI_HOME": str(folder),
        "TAXI_SOURCE": str(source),
        "TAXI_PROJECT": "my-project",
        "STORAGE_EMULATOR_HOST": google,
        "BIGQUERY_EMULATOR_HOST": google,
        "COLUMNS": "100",
    }
    return subprocess.run(
        [sys.executable, "-m", "taxi_pipelines", *words],
        capture_output=True,
        text=True,
        env=env,
        cwd=folder.parent,
        check=False,
    )


def test_every_command_of_the_readme_runs_in_its_order(tmp_path: Path, source: Path) -> None:
    assert len(COMMANDS) > 12
    first = source / "green_tripdata_2021-01.parquet"
    (tmp_path / "flows").symlink_to(ROOT / "flows")
    for name, text in FLOWS.items():
        (tmp_path / name).write_text(text)
    slips = FLOWS["hello.yaml"].replace("foreach", "forech").replace("inputs.names", "input.names")
    (tmp_path / "bad.yaml").write_text(slips)
    for command in COMMANDS:
        if "rollback" in command:
            write_month(source, "green", Month(2021, 1), 501, seed=1)
            assert run("taxi run green 2021-01", tmp_path / "home", source).returncode == 0
        done = run(command, tmp_path / "home", source)
        assert done.returncode == ("bad.yaml" in command), f"{command}\n{done.stdout}{done.stderr}"
    assert first.exists()


def test_the_python_of_the_readme_runs(tmp_path: Path, source: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
    env = {**os.environ, "TAXI_HOME": str(tmp_path / "home"), "TAXI_SOURCE": str(source)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=env, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"50\d 50\d 0\n", done.stdout)


@needs_real_data
def test_the_output_shown_is_the_real_one(tmp_path: Path) -> None:
    shown = CONSOLE.split("$ taxi status\n")[1].split("\n\n")[0]
    query = next(command for command in COMMANDS if command.startswith("taxi query"))
    answer = CONSOLE.split(f"$ {query}\n")[1].split("\n\n")[0]
    run("taxi backfill green 2021-01 2021-05", tmp_path / "home", real("trip-data"))
    assert run("taxi status", tmp_path / "home", real("trip-data")).stdout.strip() == shown
    assert run(query, tmp_path / "home", real("trip-data")).stdout.strip() == answer.strip()


def test_every_setting_is_documented() -> None:
    documented = dict(re.findall(r"^\| `(\w+)` \| `([A-Z_]+)` \|", README, re.M))
    variables = {name: field.validation_alias or f"taxi_{name}" for name, field in Settings.model_fields.items()}
    assert documented == {name: str(variable).upper() for name, variable in variables.items()}
