"""The service: its parts begin and end together, whatever is asked of it meanwhile, and whoever else is at work."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from taxi_pipelines.errors import PipelineError
from taxi_pipelines.service import Service, ServiceRole
from taxi_pipelines.settings import Settings
from tests.support.cli_flows import HELLO
from tests.support.service import serving

EDITED = HELLO.replace("Hello {{", "Bye {{")


def settings(home: Path) -> Settings:
    return Settings(home=home / "home", flows=home / "flows")


def test_what_is_submitted_while_it_stops_is_kept_for_the_next_start(tmp_path: Path) -> None:
    service = Service(settings(tmp_path))
    service.orchestrator.control.save_flow(HELLO)
    service.start()
    flow = service.orchestrator.control.flow("demo", "hello")
    accepted: list[str] = []
    stopped = threading.Event()

    def submit() -> None:
        while not stopped.is_set():
            execution = service.orchestrator.control.make_execution(flow, {})
            service.submit(execution)
            accepted.append(execution.id)
            time.sleep(0.01)

    threads = [threading.Thread(target=submit) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    service._driver.stop()  # type: ignore[union-attr]
    time.sleep(0.1)
    stopped.set()
    for thread in threads:
        thread.join()
    service.close()
    assert accepted
    with serving(tmp_path) as served:
        done = {"flowId": "hello", "state": "SUCCESS"}
        served.until(lambda: served.json("GET", "/executions/search", params=done)["total"] == len(accepted))


def test_a_thread_that_fails_is_told_and_ends_readiness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    service = Service(settings(tmp_path), say=said.append)
    service.start()
    ended = threading.Event()
    service.on_fault = ended.set
    assert service.ready()
    assert service.engine is not None
    monkeypatch.setattr(service.engine, "step", lambda wait: 1 / 0)
    service.look()
    assert ended.wait(10)
    assert not service.ready()
    assert said[0] == "the engine thread failed: ZeroDivisionError: division by zero"
    service.close()


def test_the_api_alone_leaves_executions_to_the_engine_of_another_process(tmp_path: Path) -> None:
    with serving(tmp_path, role=ServiceRole.API) as api:
        api.save(HELLO)
        id = api.json("POST", "/executions/demo/hello")["id"]
        assert (api.state(id), api.service.engine, api.service.ready()) == ("CREATED", None, True)
        engine = Service(settings(tmp_path), role=ServiceRole.ENGINE)
        engine.start()
        try:
            api.until(lambda: api.state(id) == "SUCCESS")
            assert api.run("demo/hello", data={"name": "two"})["outputs"] == {"said": "hello two"}
        finally:
            engine.close()


def test_an_edited_file_is_a_new_revision_within_two_seconds_and_an_invalid_one_is_said(tmp_path: Path) -> None:
    path = tmp_path / "flows" / "hello.yaml"
    path.parent.mkdir()
    path.write_text(HELLO)
    with serving(tmp_path) as served:
        assert served.json("GET", "/flows/demo/hello")["revision"] == 1
        path.write_text(EDITED)
        began = time.monotonic()
        served.until(lambda: served.json("GET", "/flows/demo/hello")["revision"] == 2)
        assert time.monotonic() - began < 2
        path.write_text("id: hello\n")
        served.until(lambda: any(str(path) in line for line in served.said))
        assert served.json("GET", "/flows/demo/hello?source=true")["source"] == EDITED


def test_it_says_that_it_is_not_ready_where_its_database_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path) as served:

        def broken() -> None:
            raise PipelineError("the database is gone")

        monkeypatch.setattr(type(served.service.orchestrator.parts.engines), "listed", lambda store: broken())
        answer = served.client.get("/ready")
        assert (answer.status_code, answer.json()["code"]) == (503, "not-ready")
        assert served.client.get("/health").status_code == 200
        monkeypatch.undo()
        assert served.client.get("/ready").status_code == 200
