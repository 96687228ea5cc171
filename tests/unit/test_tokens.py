"""API tokens: made, known again, forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from taxi_pipelines.clock import utc_now
from taxi_pipelines.domain.access import AccessRole
from taxi_pipelines.store.database import Database
from taxi_pipelines.store.tokens import TokenStore
from taxi_pipelines.tokens import KnownTokens, make_token


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[TokenStore]:
    with closing(Database(tmp_path / "metadata.db")) as database:
        yield TokenStore(database)


def test_a_token_is_known_by_its_whole_text_and_only_a_hash_of_it_is_kept(tokens: TokenStore) -> None:
    token, text = make_token(AccessRole.OPERATOR, utc_now())
    tokens.add(token)
    known = KnownTokens(tokens)
    assert known.role_of(text) is known.role_of(text) is AccessRole.OPERATOR
    assert text.rpartition("_")[2] not in repr(tokens.listed())
    for wrong in (
        "",
        "taxi",
        "taxi__",
        f"taxi_{token.id}_",
        f"taxi_{token.id}_x",
        text[1:],
        text + "x",
        f"other{text[4:]}",
    ):
        assert known.role_of(wrong) is None


def test_a_removed_token_is_unknown_even_to_who_knew_it(tokens: TokenStore) -> None:
    token, text = make_token(AccessRole.VIEWER, utc_now())
    tokens.add(token)
    known = KnownTokens(tokens)
    assert known.role_of(text)
    assert (tokens.remove(token.id), tokens.remove(token.id)) == (True, False)
    assert known.role_of(text) is None


def test_a_stronger_role_covers_the_weaker_ones() -> None:
    covered = {role: [str(other) for other in AccessRole if role.covers(other)] for role in AccessRole}
    assert covered[AccessRole.VIEWER] == ["viewer"]
    assert covered[AccessRole.OPERATOR] == ["viewer", "operator"]
    assert covered[AccessRole.ADMIN] == ["viewer", "operator", "admin"]
