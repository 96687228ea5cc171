"""The flows of a repository, kept deployed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from taxi_pipelines.engine.control import Control
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.errors import GitUnavailable
from taxi_pipelines.flow_sync import FlowSync, SyncWatch
from taxi_pipelines.git_files import GitPlace, newest_commit, read_files
from tests.support.engines import parts_of
from tests.support.git_server import Checkout, new_checkout


def flow(id: str, message: str = "hello") -> str:
    return f"id: {id}\nnamespace: demo\ntasks:\n  - {{id: out, type: log, message: {message}}}\n"


TIMED = flow("timed") + 'triggers:\n  - {id: monthly, type: schedule, cron: "0 9 1 * *"}\n'
WRONG = flow("wrong").replace("log", "lgo")


@dataclass
class Site:
    parts: Parts
    checkout: Checkout

    def sync(self) -> FlowSync:
        place = GitPlace(url=self.checkout.url)
        return FlowSync(self.parts, lambda: newest_commit(place), lambda: read_files(place, "flows", (".yaml", ".yml")))

    def taken(self) -> list[str]:
        """Takes over what is new; the changes."""
        sync = self.sync()
        plan = sync.plan()
        assert sync.perform(plan)
        return [f"{one.id} {one.kind}" for one in plan.changes]

    @property
    def kept(self) -> dict[str, tuple[int, str | None]]:
        """Id → revision, commit."""
        return {one.id: (one.revision, one.git_commit) for one in self.parts.flows.listed()}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with parts_of(tmp_path / "home") as parts:
        try:
            yield Site(parts, new_checkout(tmp_path / "repository"))
        finally:
            parts.executor.close(0.0)


def test_a_commit_is_taken_over_as_a_whole_and_each_revision_names_its_commit(site: Site) -> None:
    Control(site.parts).save_flow(flow("mine"))
    Control(site.parts).save_flow(flow("same"))
    first = site.checkout.commit(flows__a=flow("a"), flows__b=flow("b"), flows__same=flow("same"), flows__t=TIMED)
    assert site.taken() == ["a new", "b new", "same adopted", "timed new"]
    assert site.taken() == []
    assert site.kept == {"a": (1, first), "b": (1, first), "same": (1, first), "timed": (1, first), "mine": (1, None)}
    assert [state.name for state in site.parts.triggers.listed()] == ["demo.timed.monthly"]
    second = site.checkout.commit("flows/b.yaml", "flows/t.yaml", flows__a=flow("a", "new"))
    assert site.taken() == ["a changed", "b deleted", "timed deleted"]
    assert site.kept == {"a": (2, second), "same": (1, first), "mine": (1, None)}
    assert site.parts.triggers.listed() == []
    third = site.checkout.commit(flows__b=flow("b"))
    assert site.taken() == ["b new"]
    assert site.kept["b"] == (3, third)


def test_a_commit_with_one_wrong_flow_is_refused_as_a_whole_and_said_once(site: Site) -> None:
    first = site.checkout.commit(flows__a=flow("a"))
    said: list[str] = []
    changes: list[int] = []
    watch = SyncWatch(site.sync(), said.append, lambda: changes.append(1))
    watch.look()
    assert said == [f"commit {first[:7]}: 1 flow changed", "demo.a  new"]
    second = site.checkout.commit(flows__a=flow("a", "new"), flows__wrong=WRONG, flows__c=flow("a"), flows__d=b"\xff")
    said.clear()
    for _ in range(2):
        watch.look()
    assert site.kept == {"a": (1, first)}
    assert said[0] == f"commit {second[:7]} is refused, the flows stay as they are"
    assert [line.split(":")[0] for line in said[1:]] == ["flows/d.yaml", "flows/c.yaml", "flows/wrong.yaml"]
    third = site.checkout.commit("flows/wrong.yaml", "flows/c.yaml", "flows/d.yaml")
    watch.look()
    assert site.kept == {"a": (2, third)}
    assert len(changes) == 2


def test_what_was_changed_by_other_means_is_brought_back(site: Site) -> None:
    commit = site.checkout.commit(flows__a=flow("a"), flows__b=flow("b"))
    site.taken()
    Control(site.parts).save_flow(flow("a", "by hand"))
    Control(site.parts).delete_flow("demo", "b")
    assert site.taken() == ["a changed", "b new"]
    assert site.kept == {"a": (3, commit), "b": (3, commit)}


def test_nothing_is_done_where_a_flow_is_another_one_than_when_it_was_planned(site: Site) -> None:
    site.checkout.commit(flows__a=flow("a"), flows__b=flow("b"))
    sync = site.sync()
    plan = sync.plan()
    Control(site.parts).save_flow(flow("b", "meanwhile"))
    assert not sync.perform(plan)
    assert site.kept == {"b": (1, None)}
    assert sync.perform(sync.plan())
    assert set(site.kept) == {"a", "b"}


def test_a_server_that_does_not_answer_is_said_once(site: Site) -> None:
    said: list[str] = []

    def newest() -> str:
        raise GitUnavailable("https://git.example.com does not answer: gone")

    watch = SyncWatch(FlowSync(site.parts, newest, lambda: pytest.fail("not to be read")), said.append, lambda: None)
    watch.look()
    watch.look()
    assert said == ["the flows cannot be kept as in Git: https://git.example.com does not answer: gone; trying again"]
