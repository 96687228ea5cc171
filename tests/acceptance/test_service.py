"""`taxi up` as a process: started, asked over HTTP, its folder of flows edited, stopped in the middle of things."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE, Popen, run
from typing import Any

import httpx
import pytest

from tests.support.cli_flows import HELLO, NAPPING, write

COMMAND = [sys.executable, "-m", "taxi_pipelines"]
LOGIN = ("admin@kestra.io", "Admin1234!")
SECONDS = 60

WORKING = """\
id: working
namespace: demo
tasks:
  - {id: nap, type: sleep, duration: PT3S}
  - {id: after, type: return, format: done}
outputs:
  - {id: said, type: STRING, value: "{{ outputs.after.value }}"}
"""


class Up:
    """`taxi up` in a folder, again and again; whatever still runs in the end is killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "flows").mkdir()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._environment = {**os.environ, "TAXI_HOME": str(folder / "home"), "TAXI_PORT": str(self.port)}
        self._started: list[Popen[str]] = []

    def start(self, *arguments: str, **variables: str) -> Popen[str]:
        """Started, and healthy."""
        process = Popen(
            [*COMMAND, "up", *arguments],
            cwd=self.folder,
            env=self._environment | variables,
            stdout=PIPE,
            stderr=PIPE,
            text=True,
        )
        self._started.append(process)
        self.until(lambda: process.poll() is not None or self._is_healthy())
        assert process.poll() is None, process.communicate()
        return process

    def run(self, *arguments: str, **variables: str) -> tuple[int, str]:
        """Exit code and stderr of one that ends by itself."""
        ended = run(
            [*COMMAND, "up", *arguments],
            cwd=self.folder,
            env=self._environment | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        return ended.returncode, ended.stderr

    def ask(self, method: str, path: str, **more: Any) -> Any:
        response = httpx.request(method, f"http://127.0.0.1:{self.port}/api/v1{path}", timeout=SECONDS, **more)
        assert response.status_code < 300, response.text
        return response.json()

    def until(self, is_so: Callable[[], bool]) -> None:
        end = time.monotonic() + SECONDS
        while not is_so():
            assert time.monotonic() < end, "it did not come to pass"
            time.sleep(0.05)

    def kill_all(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def _is_healthy(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/health", timeout=SECONDS).status_code == 200
        except httpx.ConnectError:
            return False


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    service = Up(tmp_path)
    yield service
    service.kill_all()


def test_a_course_flow_is_imported_and_started_as_its_readme_says(up: Up) -> None:
    process = up.start(TAXI_AUTH=":".join(LOGIN))
    flow = HELLO.replace("id: hello", "id: 01_hello_world", 1).replace("demo", "zoomcamp")
    assert up.ask("POST", "/flows/import", files={"fileUpload": ("01_hello_world.yaml", flow)}, auth=LOGIN) == []
    done = up.ask("POST", "/executions/zoomcamp/01_hello_world?wait=true", data={"name": "Will"}, auth=LOGIN)
    assert (done["state"]["current"], done["outputs"]) == ("SUCCESS", {"said": "hello Will"})
    with httpx.stream("GET", f"{done['url']}/follow", auth=LOGIN) as events:
        data = [line for line in events.iter_lines() if line.startswith("data: ")]
    assert json.loads(data[-1].removeprefix("data: "))["id"] == done["id"]
    assert httpx.get(done["url"]).status_code == 401
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=SECONDS)
    assert (process.returncode, "http://127.0.0.1:" in out, error) == (
        0,
        True,
        "stopping: running tasks have a few seconds\n",
    )


def test_what_is_stopped_in_the_middle_of_a_task_is_finished_by_the_next_start(up: Up) -> None:
    write(up.folder / "flows", WORKING, NAPPING)
    process = up.start()
    id = up.ask("POST", "/executions/demo/working")["id"]
    up.until(lambda: up.ask("GET", f"/executions/{id}")["state"]["current"] == "RUNNING")
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=SECONDS)
    assert (process.returncode, time.monotonic() - began < 10) == (0, True)
    up.start()
    up.until(lambda: up.ask("GET", f"/executions/{id}")["state"]["current"] == "SUCCESS")
    assert up.ask("GET", f"/executions/{id}")["outputs"] == {"said": "done"}


def test_a_follower_does_not_keep_it_from_stopping(up: Up) -> None:
    write(up.folder / "flows", NAPPING)
    process = up.start()
    id = up.ask("POST", "/executions/demo/napping")["id"]
    with httpx.stream("GET", f"http://127.0.0.1:{up.port}/api/v1/executions/{id}/follow", timeout=SECONDS) as events:
        lines = events.iter_lines()
        assert next(lines).startswith("id: progress")
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert list(lines)
    process.communicate(timeout=SECONDS)
    assert (process.returncode, time.monotonic() - began < 10) == (0, True)


def test_the_folder_of_flows_is_watched_and_its_problems_are_said(up: Up) -> None:
    (path,) = write(up.folder / "flows", HELLO)
    (up.folder / "flows" / "broken.yaml").write_text("id: broken\n")
    process = up.start()
    path.write_text(HELLO.replace("Hello {{", "Bye {{"))
    up.until(lambda: up.ask("GET", "/flows/demo/hello")["revision"] == 2)
    process.send_signal(signal.SIGTERM)
    out, error = process.communicate(timeout=SECONDS)
    assert "flows: 1 flow, 1 of them new or changed" in out
    assert "broken.yaml:1:1: " in out
    assert "demo.hello is now of revision 2" in error


def test_what_cannot_be_started_says_so_in_one_line(up: Up) -> None:
    up.start()
    code, error = up.run()
    assert (code, error.count("\n")) == (2, 1)
    assert f"cannot listen on 127.0.0.1:{up.port}: Address already in use" in error
    code, error = up.run("--host", "0.0.0.0")
    assert (code, error.count("\n")) == (2, 1)
    assert "set TAXI_AUTH=USER:PASSWORD" in error


def test_several_processes_share_the_parts(up: Up) -> None:
    write(up.folder / "flows", HELLO)
    up.start("--role", "api")
    engine = Popen(
        [*COMMAND, "up", "--role", "engine"], cwd=up.folder, env=up._environment, stdout=PIPE, stderr=PIPE, text=True
    )
    up._started.append(engine)
    assert up.ask("POST", "/executions/demo/hello?wait=true")["state"]["current"] == "SUCCESS"
    engine.send_signal(signal.SIGTERM)
    engine.communicate(timeout=SECONDS)
    assert engine.returncode == 0
