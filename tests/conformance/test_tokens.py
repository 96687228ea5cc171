"""What every store of API tokens must do, on every metadata database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from taxi_pipelines.domain.access import AccessRole, Token
from taxi_pipelines.flow_interfaces import Tokens
from taxi_pipelines.store.tokens import TokenStore
from tests.support.metadata import PLACES, Place, database_at
from tests.support.records import NOW, SECOND


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return PLACES[request.param](tmp_path)


@pytest.fixture
def store(place: Place) -> Iterator[Tokens]:
    with database_at(place) as database:
        yield TokenStore(database)


def test_a_store_that_is_not_there_yet_is_empty_and_looking_does_not_make_it(place: Place, store: Tokens) -> None:
    before = place.fingerprint()
    assert (store.find("a"), store.listed()) == (None, [])
    assert place.fingerprint() == before


def test_tokens_are_kept_as_they_are_the_oldest_first_until_they_are_removed(store: Tokens) -> None:
    newer = Token(id="a", role=AccessRole.ADMIN, digest="$argon2id$x", created_at=NOW + SECOND)
    older = Token(id="b", role=AccessRole.VIEWER, digest="$argon2id$y", created_at=NOW)
    store.add(newer)
    store.add(older)
    assert store.listed() == [older, newer]
    assert store.find("a") == newer
    assert (store.remove("a"), store.remove("a"), store.find("a")) == (True, False, None)
