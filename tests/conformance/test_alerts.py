"""What every store of alerts must do, on every metadata database."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from taxi_pipelines.domain.alert import Alert, Place
from taxi_pipelines.domain.states import State
from taxi_pipelines.flow_interfaces import Batch
from taxi_pipelines.store.alerts import AlertStore
from taxi_pipelines.store.endings import EndingStore
from taxi_pipelines.store.engines import EngineStore
from taxi_pipelines.store.executions import ExecutionStore
from taxi_pipelines.store.metadata import Metadata
from taxi_pipelines.trigger_interfaces import AlertBox
from tests.support import metadata, records
from tests.support.metadata import database_at
from tests.support.records import NOW, ODD, SECOND

HOOK, TEAM = Place(namespace="system", secret="HOOK"), Place(namespace="course", secret="TEAM")
UNTIL = NOW + timedelta(minutes=2)


@pytest.fixture(params=metadata.PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> metadata.Place:
    return metadata.PLACES[request.param](tmp_path)


@pytest.fixture
def database(place: metadata.Place) -> Iterator[Metadata]:
    with database_at(place) as database:
        yield database


@pytest.fixture
def store(database: Metadata) -> AlertBox:
    return AlertStore(database)


def alert(title: str, place: Place = HOOK) -> Alert:
    return Alert(place=place, title=title, body=ODD, created_at=NOW)


def claimed(store: AlertBox, *but: Place) -> str | None:
    found = store.claim(NOW, UNTIL, but)
    return found.title if found else None


def test_a_store_that_is_not_there_yet_has_none_and_looking_does_not_make_it(
    place: metadata.Place, store: AlertBox
) -> None:
    before = place.fingerprint()
    assert store.claim(NOW, UNTIL) is None
    assert store.looked_at() is None
    assert place.fingerprint() == before


def test_alerts_are_kept_with_the_taking_of_their_news_or_not_at_all(database: Metadata, store: AlertBox) -> None:
    engines, endings = EngineStore(database), EndingStore(database)
    endings.listen("alerts", wanted=True)
    engines.register("one", "host", 1, NOW)
    one = records.execution("e1")
    ExecutionStore(database).create(one, holder="one")
    engines.commit("one", Batch(executions=[replace(one, state=State.FAILED)]))
    (ending,) = endings.waiting("alerts", 10)
    assert (ending.execution_id, ending.state) == ("e1", State.FAILED)
    assert store.put([alert("a"), alert("b", TEAM)], [ending.number])
    assert endings.waiting("alerts", 10) == []
    assert not store.put([alert("again")], [ending.number])
    assert [claimed(store) for _ in range(3)] == ["a", "b", None]


def test_the_one_tried_least_is_next_and_what_is_claimed_is_nobody_elses_for_a_while(store: AlertBox) -> None:
    store.put([alert("a"), alert("b"), alert("c", TEAM)], [])
    first = store.claim(NOW, UNTIL)
    assert first is not None and replace(first, number=0) == alert("a")
    store.keep(first)
    assert claimed(store, TEAM) == "b"
    assert claimed(store, HOOK) == "c"
    again = store.claim(NOW, UNTIL)
    assert again is not None and (again.title, again.tries) == ("a", 1)
    assert claimed(store) is None
    store.remove(again)
    late = store.claim(UNTIL, UNTIL + SECOND)
    assert late is not None and late.title == "b"


def test_each_is_claimed_once_by_whoever_comes_first(place: metadata.Place, store: AlertBox) -> None:
    store.put([alert(str(number)) for number in range(12)], [])

    def take(_: int) -> list[str]:
        with database_at(place) as database:
            own = AlertStore(database)
            return [found.title for found in iter(lambda: own.claim(NOW, UNTIL), None) if found]

    with ThreadPoolExecutor(3) as pool:
        taken = [title for titles in pool.map(take, range(3)) for title in titles]
    assert sorted(taken, key=int) == [str(number) for number in range(12)]


def test_a_look_counts_once(store: AlertBox) -> None:
    assert store.put_late([alert("first")], None, NOW)
    assert not store.put_late([alert("doubled")], None, NOW + SECOND)
    assert store.looked_at() == NOW
    assert store.put_late([], NOW, NOW + SECOND)
    assert store.looked_at() == NOW + SECOND
    assert [claimed(store) for _ in range(2)] == ["first", None]
