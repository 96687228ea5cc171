"""What is not used is not imported; what is not installed is named with the command that installs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from taxi_pipelines.domain.month import Month
from taxi_pipelines.synthetic.files import write_month

RUN = """
import json, sys
from taxi_pipelines.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    code = end.code
unwanted = ("google", "numpy", "pandas", "pyarrow", "duckdb")
print(json.dumps({"code": code, "imported": sorted({name.partition(".")[0] for name in sys.modules} & set(unwanted))}))
"""
WITHOUT = """
import sys
for name in sys.argv.pop(1).split(","):
    sys.modules[name] = None
from taxi_pipelines.cli.main import main
main(sys.argv[1:])
"""


def _python(code: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    env = {"TAXI_HOME": str(folder / "home"), "TAXI_SOURCE": str(folder / "source"), "PATH": "", "NO_GCE_CHECK": "true"}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=folder, env=env, timeout=60
    )


@pytest.mark.parametrize("command", [["--help"], ["run", "green", "2021-01"], ["gcp", "--help"], ["status"]])
def test_whoever_does_not_use_google_imports_nothing_of_it(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "source").mkdir()
    write_month(tmp_path / "source", "green", Month(2021, 1), 10)
    said = json.loads(_python(RUN, *command, folder=tmp_path).stdout.splitlines()[-1])
    assert said["code"] == 0 and "google" not in said["imported"]


@pytest.mark.parametrize("command", [["--help"], ["flow", "run", "hello.yaml"], ["execution", "list"]])
def test_flows_need_nothing_of_what_moves_trips(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "hello.yaml").write_text("{id: hello, namespace: a, tasks: [{id: say, type: log, message: hello}]}")
    said = json.loads(_python(RUN, *command, folder=tmp_path).stdout.splitlines()[-1])
    assert said == {"code": 0, "imported": []}


@pytest.mark.parametrize(
    ("modules", "arguments", "extra"),
    [
        ("google.cloud.bigquery", ["status", "--target", "bigquery"], "gcp"),
        ("google.auth", ["gcp", "setup"], "gcp"),
        ("psycopg", ["status", "--target", "postgres"], "postgres"),
        ("pgpq", ["status", "--target", "postgres"], "postgres"),
    ],
)
def test_a_driver_that_is_not_installed_is_named_with_its_extra(
    tmp_path: Path, modules: str, arguments: list[str], extra: str
) -> None:
    result = _python(WITHOUT, modules, *arguments, folder=tmp_path)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert result.stderr.endswith(f'are not installed; run: pip install "taxi-pipelines[{extra}]"\n')


def test_a_bucket_as_lake_needs_the_extra_too(tmp_path: Path) -> None:
    (tmp_path / "taxi.toml").write_text('lake = "gs://trips/lake"\n')
    result = _python(WITHOUT, "google.cloud.storage", "status", folder=tmp_path)
    assert (result.returncode, result.stderr) == (
        2,
        'error[usage]: the packages for Google Cloud are not installed; run: pip install "taxi-pipelines[gcp]"\n',
    )
