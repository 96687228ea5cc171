"""What every store of flows must do, on every metadata database."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from taxi_pipelines.domain.flow_change import ChangeKind, FlowChange
from taxi_pipelines.domain.records import StoredFlow
from taxi_pipelines.flow_interfaces import Flows
from taxi_pipelines.store.flows import FlowStore
from tests.support.metadata import PLACES, Place, database_at
from tests.support.records import NOW, ODD, SECOND


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return PLACES[request.param](tmp_path)


@pytest.fixture
def store(place: Place) -> Iterator[Flows]:
    with database_at(place) as database:
        yield FlowStore(database)


def test_a_store_that_is_not_there_yet_is_empty_and_looking_does_not_make_it(place: Place, store: Flows) -> None:
    before = place.fingerprint()
    assert store.find("a", "f") is None
    assert store.listed() == []
    assert store.revisions("a", "f") == []
    assert place.fingerprint() == before


def test_every_text_is_a_revision_and_the_newest_counts(store: Flows) -> None:
    first = store.save("a", "f", "one", NOW)
    second = store.save("a", "f", ODD * 10_000, NOW + SECOND)
    assert first == StoredFlow(namespace="a", id="f", revision=1, source="one", created_at=NOW)
    assert store.find("a", "f") == second
    assert second.source == ODD * 10_000
    assert store.find("a", "f", 1) == first
    assert store.find("a", "f", 3) is None
    assert store.revisions("a", "f") == [first, second]


def test_the_same_text_keeps_its_revision(store: Flows) -> None:
    first = store.save("a", "f", "one", NOW)
    assert store.save("a", "f", "one", NOW + SECOND) == first
    assert store.save("a", "f", "two", NOW).revision == 2
    assert store.save("a", "f", "one", NOW).revision == 3


def test_a_deleted_flow_is_gone_but_its_older_revisions_stay_for_executions_that_go_on(store: Flows) -> None:
    first = store.save("a", "f", "one", NOW)
    assert store.delete("a", "f", NOW)
    assert not store.delete("a", "f", NOW)
    assert not store.delete("a", "g", NOW)
    assert store.find("a", "f") is None
    assert store.find("a", "f", 2) is None
    assert store.listed() == []
    assert store.find("a", "f", 1) == first
    assert [flow.deleted for flow in store.revisions("a", "f")] == [False, True]
    assert store.save("a", "f", "one", NOW).revision == 3
    assert store.find("a", "f") is not None


def test_a_listing_has_the_newest_of_each_of_a_namespace_and_those_below_it(store: Flows) -> None:
    for namespace in ("a", "a.b", "a.b.c", "a-b", "ab", "a_b", "b", "B", "ä"):
        store.save(namespace, "f", "old", NOW)
        store.save(namespace, "f", "new", NOW)
    store.save("a", "g", "new", NOW)
    assert {flow.source for flow in store.listed()} == {"new"}
    everything = [(flow.namespace, flow.id) for flow in store.listed()]
    assert everything == sorted(everything)
    assert len(everything) == 10
    assert [flow.namespace for flow in store.listed("a")] == ["a", "a", "a.b", "a.b.c"]
    assert [flow.namespace for flow in store.listed("a.b")] == ["a.b", "a.b.c"]
    assert store.listed("c") == []


def test_texts_saved_at_once_each_get_a_revision(place: Place) -> None:
    def save(number: int) -> int:
        with database_at(place) as database:
            return FlowStore(database).save("a", "f", f"text {number}", NOW).revision

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(save, range(8))) == list(range(1, 9))


def change(kind: ChangeKind, id: str, before: int | None = None) -> FlowChange:
    return FlowChange(kind=kind, namespace="a", id=id, before=before)


def test_a_commit_is_taken_over_as_a_whole_and_named_by_each_revision(store: Flows) -> None:
    store.save("a", "same", "text", NOW)
    store.save("a", "old", "one", NOW)
    store.save("a", "gone", "text", NOW)
    changes = [
        change(ChangeKind.NEW, "new"),
        change(ChangeKind.CHANGED, "old", 1),
        change(ChangeKind.ADOPTED, "same", 1),
        change(ChangeKind.DELETED, "gone", 1),
    ]
    assert store.take_over([(one, ODD, []) for one in changes], "c0ffee", NOW + SECOND)
    kept = {flow.id: (flow.revision, flow.source, flow.git_commit) for flow in store.listed()}
    assert kept == {"new": (1, ODD, "c0ffee"), "old": (2, ODD, "c0ffee"), "same": (1, "text", "c0ffee")}
    assert [flow.git_commit for flow in store.revisions("a", "gone")] == [None, "c0ffee"]
    assert store.take_over([(change(ChangeKind.NEW, "gone"), "again", [])], "beef", NOW)
    assert store.save("a", "gone", "again", NOW).git_commit == "beef"
    assert store.save("a", "gone", "by hand", NOW).git_commit is None


@pytest.mark.parametrize("before", [None, 2])
def test_nothing_of_a_commit_is_taken_over_where_a_flow_is_of_another_revision(
    store: Flows, before: int | None
) -> None:
    store.save("a", "f", "one", NOW)
    changes = [change(ChangeKind.NEW, "new"), change(ChangeKind.CHANGED, "f", before)]
    assert not store.take_over([(one, "text", []) for one in changes], "c0ffee", NOW)
    assert [flow.id for flow in store.listed()] == ["f"]
