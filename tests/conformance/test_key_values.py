"""What every key-value store must do, on every metadata database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from taxi_pipelines.domain.records import KvEntry, KvType
from taxi_pipelines.flow_interfaces import KeyValues
from taxi_pipelines.store.kv import KeyValueStore
from tests.support.metadata import PLACES, Place, database_at
from tests.support.records import JSON, NOW, ODD, SECOND

ENTRY = KvEntry(
    namespace="a", key="k", type=KvType.JSON, value=JSON, description=ODD, expires_at=NOW + SECOND, updated_at=NOW
)


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return PLACES[request.param](tmp_path)


@pytest.fixture
def store(place: Place) -> Iterator[KeyValues]:
    with database_at(place) as database:
        yield KeyValueStore(database)


def test_a_store_that_is_not_there_yet_is_empty_and_looking_does_not_make_it(place: Place, store: KeyValues) -> None:
    before = place.fingerprint()
    assert store.get("a", "k", NOW) is None
    assert store.listed("a", NOW) == []
    assert place.fingerprint() == before


@pytest.mark.parametrize("value", [JSON, None, "", ODD, 0, 1.5, False, [], {}, "2024-05-01", 10**400])
def test_a_value_comes_back_as_it_was(store: KeyValues, value: Any) -> None:
    entry = replace(ENTRY, value=value)
    store.set(entry)
    assert store.get("a", "k", NOW) == entry


def test_a_value_replaces_the_one_before_as_a_whole(store: KeyValues) -> None:
    store.set(ENTRY)
    bare = KvEntry(namespace="a", key="k", type=KvType.STRING, value="v")
    store.set(bare)
    assert store.listed("a", NOW) == [bare]


def test_a_value_is_gone_at_the_moment_it_expires(store: KeyValues) -> None:
    store.set(ENTRY)
    assert store.get("a", "k", NOW + 0.999 * SECOND) == ENTRY
    assert store.get("a", "k", NOW + SECOND) is None
    assert store.listed("a", NOW + SECOND) == []
    store.set(replace(ENTRY, expires_at=None))
    assert store.get("a", "k", NOW + 1000 * SECOND)


def test_keys_are_listed_in_order_of_one_namespace_alone(store: KeyValues) -> None:
    for namespace, key in (("a", "b"), ("a", "B"), ("a", "ä"), ("a", ODD), ("a.b", "c"), ("", "d")):
        store.set(replace(ENTRY, namespace=namespace, key=key))
    assert [entry.key for entry in store.listed("a", NOW)] == sorted(["b", "B", "ä", ODD])
    assert [entry.key for entry in store.listed("a.b", NOW)] == ["c"]


def test_deleting_says_whether_it_was_there(store: KeyValues) -> None:
    store.set(ENTRY)
    assert not store.delete("a", "other")
    assert store.delete("a", "k")
    assert not store.delete("a", "k")
    assert store.get("a", "k", NOW) is None
