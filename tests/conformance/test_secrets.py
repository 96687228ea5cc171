"""What every store of secrets must do, on every metadata database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from taxi_pipelines.errors import StoreCorrupt, UsageError
from taxi_pipelines.store.executions import ExecutionStore
from taxi_pipelines.store.metadata import Metadata
from taxi_pipelines.store.secrets import SecretStore
from tests.support.metadata import PLACES, Place, database_at
from tests.support.records import ODD

KEY, OTHER_KEY = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return PLACES[request.param](tmp_path)


@pytest.fixture
def database(place: Place) -> Iterator[Metadata]:
    with database_at(place) as database:
        yield database


@pytest.fixture
def key_file(place: Place) -> Path:
    return place.home / "secret.key"


@pytest.fixture
def store(database: Metadata, key_file: Path) -> SecretStore:
    return SecretStore(database, key_file)


def test_looking_makes_neither_database_nor_key(place: Place, store: SecretStore, key_file: Path) -> None:
    before = place.fingerprint()
    assert store.get("a", "K") is None
    assert store.keys() == []
    assert not key_file.exists()
    assert place.fingerprint() == before


@pytest.mark.parametrize("value", ["", ODD, "half a pair \ud83d, \0", "x" * 100_000])
def test_a_value_comes_back_as_it_was(store: SecretStore, value: str) -> None:
    store.set("a", "K", "old")
    store.set("a", "K", value)
    assert store.get("a", "K") == value
    assert store.get("a.b", "K") is None


def test_keys_are_listed_never_values(store: SecretStore) -> None:
    for namespace, key in (("b", "K"), ("a", "L"), ("a", "K"), ("a.b", "K")):
        store.set(namespace, key, "hush")
    assert store.keys() == [("a", "K"), ("a", "L"), ("a.b", "K"), ("b", "K")]
    assert store.keys("a") == [("a", "K"), ("a", "L")]


def test_deleting_says_whether_it_was_there(store: SecretStore) -> None:
    store.set("a", "K", "hush")
    assert store.delete("a", "K")
    assert not store.delete("a", "K")
    assert store.get("a", "K") is None


def test_the_database_holds_no_value_and_printing_shows_neither_value_nor_key(
    place: Place, database: Metadata, key_file: Path
) -> None:
    store = SecretStore(database, key_file, KEY)
    store.set("a", "K", "hush-hush")
    assert "hush-hush" not in str(place.fingerprint())
    for path in place.home.glob("metadata*"):
        assert b"hush-hush" not in path.read_bytes()
    assert KEY not in repr(store) + str(store)


def test_the_key_is_made_with_the_first_secret_and_only_its_owner_reads_it(store: SecretStore, key_file: Path) -> None:
    mask = os.umask(0)
    try:
        store.set("a", "K", "hush")
    finally:
        os.umask(mask)
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in key_file.parent.glob("secret*")] == ["secret.key"]


def test_a_key_that_is_given_needs_no_file(database: Metadata, key_file: Path) -> None:
    store = SecretStore(database, key_file, KEY)
    store.set("a", "K", "hush")
    assert store.get("a", "K") == "hush"
    assert not key_file.exists()


def test_first_secrets_of_several_at_once_have_one_key(place: Place, key_file: Path) -> None:
    def work(number: int) -> None:
        with database_at(place) as database:
            SecretStore(database, key_file).set("a", f"K{number}", "hush")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    with database_at(place) as database:
        store = SecretStore(database, key_file)
        assert [store.get("a", f"K{number}") for number in range(4)] == ["hush"] * 4


def test_with_another_key_nothing_is_read_and_nothing_mixed_in(database: Metadata, key_file: Path) -> None:
    SecretStore(database, key_file, KEY).set("a", "K", "hush")
    other = SecretStore(database, key_file, OTHER_KEY)
    with pytest.raises(
        StoreCorrupt, match=r"^the secret K of a was encrypted with another key; bring back .*secret\.key"
    ):
        other.get("a", "K")
    with pytest.raises(StoreCorrupt, match=r"^the secrets that are there were encrypted with another key; bring back"):
        other.set("a", "L", "new")
    assert other.keys() == [("a", "K")]
    other.set("a", "K", "set again")
    assert other.get("a", "K") == "set again"


def test_a_missing_key_file_is_named_and_not_made_anew(store: SecretStore, key_file: Path) -> None:
    store.set("a", "K", "hush")
    key_file.unlink()
    for work in (lambda: store.get("a", "K"), lambda: store.set("a", "L", "new")):
        with pytest.raises(StoreCorrupt, match=r"^the key of the secrets, .*secret\.key, is missing; bring it back"):
            work()
    assert not key_file.exists()
    store.delete("a", "K")
    store.set("a", "L", "new")
    assert store.get("a", "L") == "new"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_file_that_others_may_read_is_refused(store: SecretStore, key_file: Path, mode: int) -> None:
    store.set("a", "K", "hush")
    key_file.chmod(mode)
    with pytest.raises(UsageError, match=r"^others than its owner may read or write .*; run: chmod 600 "):
        store.get("a", "K")


def test_what_is_no_key_is_named_without_showing_it(database: Metadata, key_file: Path) -> None:
    with pytest.raises(UsageError, match=r"^TAXI_SECRET_KEY is not a key for secrets") as refused:
        SecretStore(database, key_file, "letmein").set("a", "K", "hush")
    assert "letmein" not in str(refused.value)
    key_file.parent.mkdir(exist_ok=True)
    key_file.write_text("letmein")
    key_file.chmod(0o600)
    with pytest.raises(UsageError, match=r"^.*secret\.key is not a key for secrets"):
        SecretStore(database, key_file).set("a", "K", "hush")


def test_an_executions_own_are_listed_only_where_it_is_named_and_go_with_it(
    store: SecretStore, database: Metadata
) -> None:
    for place in ("demo", "execution:goes", "execution:stays"):
        store.set(place, "K", "v")
    assert store.keys() == [("demo", "K")]
    assert store.keys("execution:goes") == [("execution:goes", "K")]
    executions = ExecutionStore(database)
    executions.delete("goes")
    executions.vacuum()
    assert (store.get("execution:goes", "K"), store.get("execution:stays", "K"), store.get("demo", "K")) == (
        None,
        "v",
        "v",
    )
