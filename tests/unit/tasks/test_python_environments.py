"""Virtual environments for `dependencies`: made once for a set, by one of many, from wheels of this test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.engines import Bench, Ran, running
from tests.support.worker_tasks import one_task

KESTRA = """
import json
class Kestra:
    @staticmethod
    def outputs(values): print("::" + json.dumps({"outputs": values}) + "::")
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index with one package, `taxi-test-package` 1.0."""
    folder = tmp_path_factory.mktemp("wheels")
    info = "taxi_test_package-1.0.dist-info"
    files = {
        "taxi_test_package.py": KESTRA,
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: taxi-test-package\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(folder / "taxi_test_package-1.0-py3-none-any.whl", "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
        wheel.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"]))
    return folder


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Iterator[Bench]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("PIP_")]:
            patch.delenv(name)
        patch.setenv("PIP_CONFIG_FILE", os.devnull)
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(wheels))
        with running(tmp_path_factory.mktemp("home")) as found:
            yield found


def script(bench: Bench, text: str, **more: Any) -> Ran:
    return bench.finish(bench.submit(one_task({"type": "python.script", "script": text, **more})).id, 120)


USE = "from taxi_test_package import Kestra\nKestra.outputs({'a': {{ 1 + 1 }} })"


def environments(bench: Bench) -> list[Path]:
    return [path for path in (bench.parts.folder.parent / "cache" / "python").iterdir() if path.is_dir()]


def test_packages_are_installed_once_for_each_set(bench: Bench) -> None:
    first = script(bench, USE, dependencies=["taxi-test-package"])
    assert first.runs[0].outputs["vars"] == {"a": 2}, first.lines
    assert first.lines[0] == "INFO t: making a Python environment with taxi-test-package"
    second = script(bench, USE, dependencies=["taxi-test-package"])
    assert (second.runs[0].outputs["vars"], second.lines) == ({"a": 2}, [])
    assert len(environments(bench)) == 1


def test_of_several_that_want_the_same_one_makes_it_and_the_others_wait(bench: Bench) -> None:
    tasks = [
        {"id": f"t{number}", "type": "python.script", "script": USE, "dependencies": ["taxi-test-package==1.0"]}
        for number in range(2)
    ]
    ran = bench.finish(bench.submit(one_task({"type": "parallel", "tasks": tasks})).id, 120)
    assert {run.outputs["vars"]["a"] for run in ran.runs if run.task_id != "t"} == {2}, ran.lines
    assert len([line for line in ran.lines if "making" in line]) == 1


@pytest.mark.slow
def test_what_somebody_left_half_made_is_made_anew(bench: Bench) -> None:
    done = environments(bench)[0]
    (done / "ready").unlink()
    shutil.rmtree(done / "lib")
    for name in ("taxi-test-package", "taxi-test-package==1.0"):
        assert script(bench, USE, dependencies=[name]).states == {"t": "SUCCESS"}


@pytest.mark.parametrize(
    "name", ["no-such-package-of-ours", pytest.param("--index-url=http://127.0.0.1:1/", marks=pytest.mark.slow)]
)
def test_a_package_that_cannot_be_installed_is_one_clear_line(bench: Bench, name: str) -> None:
    ran = script(bench, "print('never')", dependencies=[name])
    error = ran.runs[0].error or ""
    assert error.startswith(f"a Python environment with {name} cannot be made: ERROR: ")
    assert "check the names and versions in `dependencies`" in error
    assert "\n" not in error


@pytest.mark.slow
def test_an_environment_with_before_commands_is_the_tasks_own(bench: Bench) -> None:
    before = environments(bench)
    install = ["pip install --quiet taxi-test-package"]
    ran = script(bench, USE, beforeCommands=install, taskRunner={"type": "docker"}, containerImage="python:3.11")
    assert ran.runs[0].outputs["vars"] == {"a": 2}, ran.lines
    assert environments(bench) == before


def test_a_python_that_is_not_there_is_named(bench: Bench) -> None:
    ran = script(bench, "1", pythonVersion="3.99")
    assert (ran.runs[0].error or "").startswith("there is no Python 3.99 on this machine")


@pytest.mark.slow
def test_the_kestra_package_reports_as_these_tasks_read_it(tmp_path: Path) -> None:
    """With the package itself, where its index can be reached."""
    subprocess.run(["python3", "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python3"
    got = subprocess.run([python, "-m", "pip", "install", "-q", "kestra<2"], capture_output=True, check=False)
    if got.returncode:
        pytest.skip("no index with the kestra package")
    text = (
        "from kestra import Kestra\nKestra.outputs({'rows': 7})\nKestra.counter('read', 3, {'of': 'x'})\n"
        "Kestra.timer('took', 1.5)\nKestra.logger().warning('careful')\n"
    )
    task = {"type": "python.commands", "commands": [f"{python} main.py"], "inputFiles": {"main.py": text}}
    with running(tmp_path / "home") as bench:
        ran = bench.finish(bench.submit(one_task(task)).id, 60)
        metrics = {one.name: (one.type, one.value, one.tags) for one in bench.parts.logs.metrics(ran.execution.id)}
    assert ran.runs[0].outputs["vars"] == {"rows": 7}
    assert metrics["read"] == ("counter", 3.0, {"of": "x"})
    assert metrics["took"] == ("timer", 1.5, {})
    assert any("careful" in line for line in ran.lines)
