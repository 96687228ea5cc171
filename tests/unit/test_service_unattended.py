"""A service that nobody looks at: its flows come from Git, and failures are told."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from taxi_pipelines import flow_wiring
from taxi_pipelines.domain.alert import AlertOn, AlertRule
from taxi_pipelines.service import Service
from taxi_pipelines.settings import Settings
from tests.support.cli_flows import FAILING, HELLO
from tests.support.git_server import git_server, new_checkout
from tests.support.json_server import json_server

RULE = AlertRule(on=(AlertOn.FAILED,), to="HOOK")


def until(is_so: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def test_a_commit_is_deployed_by_itself_and_a_failure_is_told(tmp_path: Path) -> None:
    checkout = new_checkout(tmp_path / "repository")
    checkout.commit(flows__failing=FAILING)
    said: list[str] = []
    with json_server() as hook, git_server(checkout) as url:
        its = {"flows_git": url, "flows_git_interval": timedelta(seconds=1), "alerts": (RULE,)}
        service = Service(Settings(home=tmp_path / "home", flows=tmp_path / "none", **its), say=said.append)  # type: ignore[arg-type]
        with closing(service):
            parts, control = service.orchestrator.parts, service.orchestrator.control
            parts.secrets.set("system", "HOOK", hook.url)
            service.start()
            until(lambda: parts.flows.find("demo", "failing"))
            commit = checkout.commit(flows__hello=HELLO)
            service.submit(control.make_execution(control.flow("demo", "failing"), {}))
            until(lambda: hook.posted)
            until(lambda: parts.flows.find("demo", "hello"))
            assert service.ready()
    assert hook.posted[0]["title"] == "FAILED: demo.failing"
    assert f"commit {commit[:7]}: 1 flow changed" in said


def test_without_apprise_the_service_starts_and_says_so_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow_wiring, "find_spec", lambda name: None)
    said: list[str] = []
    with closing(
        Service(Settings(home=tmp_path / "home", flows=tmp_path / "none", alerts=(RULE,)), say=said.append)
    ) as it:
        it.start()
        assert it.ready()
    (line,) = said
    assert line.endswith("apprise, which sends them, is missing; install it: pip install 'taxi-pipelines[notify]'")
