"""What every store of receipts must do, on every metadata database."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from taxi_pipelines.domain.month import WHOLE, Month
from taxi_pipelines.domain.receipt import CheckResult, Receipt, RunAction, Severity
from taxi_pipelines.interfaces import Failure, Receipts
from taxi_pipelines.store.receipts import ReceiptStore
from tests.support.metadata import PLACES, Place, database_at

MONTH = Month(2021, 1)
NOW = datetime(2024, 5, 1, 12, 30, 15, 250_001, tzinfo=UTC)
SPAWN = multiprocessing.get_context("spawn")


@contextmanager
def store_at(place: Place) -> Iterator[Receipts]:
    with database_at(place) as database:
        yield ReceiptStore(database)


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return PLACES[request.param](tmp_path)


@pytest.fixture
def store(place: Place) -> Iterator[Receipts]:
    with store_at(place) as store:
        yield store


FULL = Receipt(
    type="green",
    month=MONTH,
    action=RunAction.RELOADED,
    source_url="https://example.org/green_tripdata_2021-01.parquet",
    etag='"5f2a-é"',
    sha256="ab" * 32,
    bytes=5_000_000_000,
    rows=3_000_000_000,
    rows_staged=3_000_000_000,
    added=7,
    removed=5,
    columns_added=("cbd_congestion_fee", "a b"),
    checks=(
        CheckResult(name="rows", severity=Severity.FAIL, passed=True, value=3_000_000_000),
        CheckResult(name="nulls", severity=Severity.WARN, passed=False, value=0.25),
        CheckResult(name="range", severity=Severity.WARN, passed=False, value="2001 to 2090"),
        CheckResult(name="drop", severity=Severity.WARN, passed=True),
    ),
    schema_fingerprint="cd" * 32,
    target="duckdb",
    version="20240501T123015",
    started_at=NOW,
    finished_at=NOW + timedelta(seconds=3),
    seconds={"extract": 1.5, "load": 0.25},
    execution_id="01J0000000",
)
BARE = replace(
    FULL, etag=None, columns_added=(), checks=(), seconds={}, execution_id=None, action=RunAction.LOADED, version="v0"
)
FAILURE = Failure(type="green", month=MONTH, code="source-missing", message="not published; wait", failed_at=NOW)


def settled(store: Receipts, receipt: Receipt) -> Receipt:
    store.stage(receipt)
    store.settle(receipt.target, receipt.type, receipt.month, receipt.version)
    return receipt


def of_version(store: Receipts, receipt: Receipt) -> Receipt | None:
    return store.of_version(receipt.target, receipt.type, receipt.month, receipt.version)


def test_a_store_that_is_not_there_yet_is_empty_and_looking_does_not_make_it(place: Place, store: Receipts) -> None:
    before = place.fingerprint()
    assert store.current("duckdb") == {}
    assert store.failures("duckdb") == {}
    assert of_version(store, FULL) is None
    store.settle("duckdb", "green", MONTH, "v1")
    assert place.fingerprint() == before


@pytest.mark.parametrize("receipt", [FULL, BARE, replace(FULL, type="zones", month=WHOLE)])
def test_a_receipt_comes_back_as_it_was(place: Place, receipt: Receipt) -> None:
    with store_at(place) as store:
        settled(store, receipt)
    with store_at(place) as store:
        assert of_version(store, receipt) == receipt
        assert store.current("duckdb") == {(receipt.type, receipt.month): receipt}


def test_times_come_back_aware_and_in_utc(store: Receipts) -> None:
    new_york = timezone(timedelta(hours=-5))
    settled(store, replace(FULL, started_at=NOW.astimezone(new_york)))
    found = store.current("duckdb")["green", MONTH]
    assert found.started_at == NOW
    assert found.started_at.utcoffset() == timedelta(0)
    store.fail("duckdb", replace(FAILURE, failed_at=NOW.astimezone(new_york)))
    assert store.failures("duckdb")["green", MONTH].failed_at.utcoffset() == timedelta(0)


def test_a_staged_receipt_does_not_count_before_its_version_is_published(store: Receipts) -> None:
    store.stage(FULL)
    assert of_version(store, FULL) is None
    assert store.current("duckdb") == {}


@pytest.mark.parametrize("published", [None, "an older one"])
def test_a_staged_receipt_whose_version_never_was_published_goes(store: Receipts, published: str | None) -> None:
    store.stage(FULL)
    store.settle("duckdb", "green", MONTH, published)
    store.settle("duckdb", "green", MONTH, FULL.version)
    assert store.current("duckdb") == {}


def test_settling_takes_the_published_versions_receipt_and_drops_other_staged_ones(store: Receipts) -> None:
    old = settled(store, replace(FULL, version="v1"))
    new = replace(FULL, version="v3", rows=3)
    for receipt in (replace(FULL, version="v2"), new, replace(FULL, version="v4")):
        store.stage(receipt)
    store.settle("duckdb", "green", MONTH, "v3")
    assert of_version(store, new) == new
    assert of_version(store, old) == old
    assert of_version(store, replace(FULL, version="v2")) is None
    store.settle("duckdb", "green", MONTH, "v4")
    assert store.current("duckdb") == {("green", MONTH): new}


def test_settling_one_partition_leaves_all_others_alone(store: Receipts) -> None:
    others = [replace(FULL, month=Month(2021, 2)), replace(FULL, type="yellow"), replace(FULL, target="postgres")]
    for receipt in (FULL, *others):
        store.stage(receipt)
    store.settle("duckdb", "green", MONTH, FULL.version)
    assert store.current("duckdb") == {("green", MONTH): FULL}
    for receipt in others:
        store.settle(receipt.target, receipt.type, receipt.month, receipt.version)
        assert of_version(store, receipt) == receipt


def test_the_latest_receipt_of_a_version_counts_after_a_rollback_to_it(store: Receipts) -> None:
    first = settled(store, replace(FULL, version="v1", action=RunAction.LOADED))
    settled(store, replace(FULL, version="v2"))
    back = settled(store, replace(first, action=RunAction.ROLLED_BACK, started_at=NOW + timedelta(days=1)))
    assert of_version(store, first) == back
    assert store.current("duckdb") == {("green", MONTH): back}


def test_a_rollback_that_was_not_published_leaves_the_version_in_place_current(store: Receipts) -> None:
    first = settled(store, replace(FULL, version="v1"))
    second = settled(store, replace(FULL, version="v2"))
    store.stage(replace(first, action=RunAction.ROLLED_BACK))
    store.settle("duckdb", "green", MONTH, "v2")
    assert store.current("duckdb") == {("green", MONTH): second}
    assert of_version(store, first) == first


def test_touch_notes_a_new_mark_on_the_latest_receipt_of_the_version_only(store: Receipts) -> None:
    older = settled(store, replace(FULL, version="v1"))
    settled(store, FULL)
    latest = settled(store, replace(FULL, action=RunAction.ROLLED_BACK))
    store.touch(latest, None, "https://example.org/moved")
    assert of_version(store, latest) == replace(latest, etag=None, source_url="https://example.org/moved")
    assert of_version(store, older) == older


def test_a_failure_replaces_the_one_before_and_is_forgotten_alone(store: Receipts) -> None:
    store.fail("duckdb", FAILURE)
    latest = replace(FAILURE, code="disk-full", message="no space", failed_at=NOW + timedelta(hours=1))
    store.fail("duckdb", latest)
    store.fail("duckdb", replace(FAILURE, type="zones", month=WHOLE))
    assert store.failures("duckdb")["green", MONTH] == latest
    store.forget("postgres", "green", MONTH)
    store.forget("duckdb", "green", Month(2021, 2))
    assert len(store.failures("duckdb")) == 2
    store.forget("duckdb", "green", MONTH)
    assert set(store.failures("duckdb")) == {("zones", WHOLE)}


def test_reading_and_settling_what_is_in_step_changes_nothing(place: Place) -> None:
    with store_at(place) as store:
        settled(store, FULL)
        store.fail("duckdb", replace(FAILURE, type="yellow"))
    before = place.fingerprint()
    with store_at(place) as store:
        store.settle("duckdb", "green", MONTH, FULL.version)
        store.settle("duckdb", "yellow", MONTH, None)
        store.forget("duckdb", "green", MONTH)
        assert of_version(store, FULL) == FULL
        assert store.current("duckdb")
        assert store.failures("duckdb")
    assert place.fingerprint() == before


def write_many(place: Place, kind: str) -> None:
    with store_at(place) as store:
        for number in range(20):
            settled(store, replace(FULL, type=kind, version=f"v{number:02}"))
            store.fail("duckdb", replace(FAILURE, type=kind, message=str(number)))


def test_processes_that_write_a_fresh_store_at_once_all_succeed(place: Place) -> None:
    others = [SPAWN.Process(target=write_many, args=(place, kind), daemon=True) for kind in ("yellow", "fhv")]
    for process in others:
        process.start()
    write_many(place, "green")
    for process in others:
        process.join(60)
    assert [process.exitcode for process in others] == [0, 0]
    with store_at(place) as store:
        assert {kind: receipt.version for (kind, _), receipt in store.current("duckdb").items()} == {
            "fhv": "v19",
            "green": "v19",
            "yellow": "v19",
        }
        assert {failure.message for failure in store.failures("duckdb").values()} == {"19"}
        for number in range(20):
            assert of_version(store, replace(FULL, type="fhv", version=f"v{number:02}"))


def test_threads_share_a_store(store: Receipts) -> None:
    months = [Month(2020, 1).plus(number) for number in range(24)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda month: settled(store, replace(FULL, month=month)), months))
    assert set(store.current("duckdb")) == {("green", month) for month in months}


def stage_and_wait(place: Place, ready: Connection) -> None:
    with store_at(place) as store:
        settled(store, replace(FULL, version="v1"))
        store.stage(FULL)
        ready.send("staged")
        ready.recv()


def test_a_receipt_staged_by_a_process_that_died_before_publishing_goes(place: Place, store: Receipts) -> None:
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=stage_and_wait, args=(place, theirs), daemon=True)
    process.start()
    theirs.close()
    assert ours.recv() == "staged"
    assert process.pid
    os.kill(process.pid, signal.SIGKILL)
    process.join(60)
    store.settle("duckdb", "green", MONTH, "v1")
    assert store.current("duckdb") == {("green", MONTH): replace(FULL, version="v1")}
    store.settle("duckdb", "green", MONTH, FULL.version)
    assert of_version(store, FULL) is None
    ours.close()
