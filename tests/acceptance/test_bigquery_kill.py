"""Death at every single call to BigQuery, and SIGKILL at random moments: the record tells the truth, and nothing is left behind."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from google.auth.credentials import AnonymousCredentials
from google.auth.transport.requests import AuthorizedSession
from google.cloud import bigquery as google

from taxi_pipelines import Pipeline
from taxi_pipelines.domain.month import Month
from taxi_pipelines.domain.receipt import RunAction
from taxi_pipelines.synthetic.files import republish, write_month
from taxi_pipelines.warehouses.bigquery import BigQueryWarehouse
from tests.support import bigquery
from tests.support.bigquery import nothing_is_left
from tests.support.google.faults import Refuse
from tests.support.waiting import go, waiting_process
from tests.support.warehouses import JAN, TABLE, fares, month_of, put

KILLS = 30
ROWS = 20_000
OLD, NEW, NEWEST = [1.0, 1.0, 4.0], [2.0, 2.0], [3.0]
CALLS = 25
"""More than a month makes."""

RUN_WHEN_TOLD = """
import sys
from taxi_pipelines import Pipeline
import taxi_pipelines.warehouses.bigquery, taxi_pipelines.store.receipts, taxi_pipelines.lakes.local, taxi_pipelines.sources
import google.cloud.bigquery
print("ready", flush=True)
sys.stdin.readline()
home, source, dataset, url = sys.argv[1:]
with Pipeline(home=home, source=source, target="bigquery", project="taxi-tests", dataset=dataset, location="EU",
              bigquery_emulator_host=url) as taxi:
    print(taxi.run("green", "2021-01").action, flush=True)
"""


class Dead(BaseException):
    """What a killed process does from then on: nothing."""


class MortalSession(AuthorizedSession):
    """A client's connection to BigQuery that dies at its n-th call: before it is sent, or when it is done and not yet answered."""

    def __init__(self, last: int, *, sent: bool) -> None:
        super().__init__(AnonymousCredentials())
        self.calls = 0
        self._last = last
        self._sent = sent

    def request(self, *arguments: Any, **named: Any) -> Any:
        self.calls += 1
        if self.calls < self._last:
            return super().request(*arguments, **named)
        if self.calls == self._last and self._sent:
            super().request(*arguments, **named)
        raise Dead


@pytest.fixture
def home(tmp_path: Path) -> Path:
    bigquery.dataset_of(tmp_path)
    return tmp_path


def mortal(home: Path, strategy: str, last: int, *, sent: bool) -> tuple[BigQueryWarehouse, MortalSession]:
    """A warehouse whose process dies at that call."""
    session = MortalSession(last, sent=sent)
    client = google.Client(
        project=bigquery.PROJECT,
        location=bigquery.LOCATION,
        _http=session,
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": bigquery.fake().url},
    )
    warehouse = BigQueryWarehouse(
        lambda: client,
        project=bigquery.PROJECT,
        dataset=bigquery.dataset_of(home),
        location=bigquery.LOCATION,
        spool=home / "spool",
        clock=bigquery.now,
        maximum_bytes_billed=bigquery.LIMIT,
        strategy=strategy,  # type: ignore[arg-type]
    )
    return warehouse, session


def die(home: Path, strategy: str, last: int, *, sent: bool) -> bool:
    """Puts the new month in place of the old, dying at that call; whether it came to its death."""
    warehouse, session = mortal(home, strategy, last, sent=sent)
    try:
        put(warehouse, "v2", month_of(NEW))
    except Dead:
        return True
    finally:
        session.close()
    return False


@pytest.mark.parametrize("sent", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("strategy", ["replace", pytest.param("merge", marks=pytest.mark.slow)])
def test_after_death_at_any_call_the_record_says_which_month_is_in_place(
    tmp_path: Path, strategy: str, sent: bool
) -> None:
    seen = set()
    for last in range(1, CALLS):
        home = tmp_path / f"{last}"
        put(bigquery.warehouse_of(home, strategy=strategy), "v1", month_of(OLD))
        if not die(home, strategy, last, sent=sent):
            break
        warehouse = bigquery.warehouse_of(home, strategy=strategy)
        warehouse.sweep()
        published = warehouse.published(TABLE)[JAN]
        expected = {"v1": OLD, "v2": NEW}[published.version]
        assert fares(warehouse) == expected, f"call {last}"
        assert published.rows == len(expected), f"call {last}"
        nothing_is_left(home)
        put(warehouse, "v3", month_of(NEWEST))
        assert fares(warehouse) == NEWEST
        assert warehouse.published(TABLE)[JAN].version == "v3"
        assert warehouse.problems() == []
        nothing_is_left(home)
        seen.add(published.version)
    else:
        pytest.fail("a month makes more calls than that")
    assert seen == {"v1", "v2"}


@pytest.mark.parametrize("sent", [pytest.param(False, marks=pytest.mark.slow), True], ids=["before", "after"])
def test_another_machine_takes_a_dead_one_s_place_when_its_lease_has_ended(tmp_path: Path, sent: bool) -> None:
    for last in range(1, CALLS):
        home = tmp_path / f"{last}"
        put(bigquery.warehouse_of(home), "v1", month_of(OLD))
        if not die(home, "replace", last, sent=sent):
            break
        early = bigquery.warehouse_of(home, spool=home / "elsewhere")
        early.sweep()
        if early.locked(TABLE, [JAN]):
            assert early.published(TABLE)[JAN].version == "v1"
        late = bigquery.warehouse_of(
            home, spool=home / "elsewhere", clock=lambda: bigquery.now() + timedelta(minutes=4)
        )
        assert not late.locked(TABLE, [JAN])
        late.sweep()
        assert fares(late) == {"v1": OLD, "v2": NEW}[late.published(TABLE)[JAN].version], f"call {last}"
        put(late, "v3", month_of(NEWEST))
        assert fares(late) == NEWEST
        assert bigquery.staging_tables(home) == []


def test_what_a_dead_one_did_long_ago_is_not_believed(home: Path) -> None:
    put(bigquery.warehouse_of(home), "v1", month_of(OLD))
    calls = calls_of(home, lambda warehouse: put(warehouse, "v0", month_of(OLD)))
    assert die(home, "replace", calls - 1, sent=False)  # published, but not written down
    for table in bigquery.staging_tables(home):
        bigquery.client().delete_table(f"{bigquery.dataset_of(home)}_staging.{table}")  # as Google does after a day
    tomorrow = bigquery.warehouse_of(home, clock=lambda: bigquery.now() + timedelta(days=1))
    tomorrow.sweep()
    assert tomorrow.published(TABLE) == {}
    put(tomorrow, "v3", month_of(NEWEST))
    assert fares(tomorrow) == NEWEST


def calls_of(home: Path, work: Callable[[BigQueryWarehouse], None]) -> int:
    """How many calls some work makes."""
    warehouse, session = mortal(home, "replace", 1_000, sent=False)
    work(warehouse)
    session.close()
    return session.calls


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    write_month(folder, "green", Month(2021, 1), ROWS)
    return folder


def waiting_run(home: Path, source: Path) -> subprocess.Popen[str]:
    """A run that starts when told."""
    return waiting_process(RUN_WHEN_TOLD, str(home), str(source), bigquery.dataset_of(home), bigquery.fake().url)


def pipeline(home: Path, source: Path) -> Pipeline:
    return Pipeline(
        home=home,
        source=source,
        target="bigquery",
        project=bigquery.PROJECT,
        dataset=bigquery.dataset_of(home),
        location=bigquery.LOCATION,
        bigquery_emulator_host=bigquery.fake().url,
    )


@pytest.fixture
def processes(tmp_path: Path, source: Path) -> Iterator[float]:
    """How long an undisturbed run takes, in seconds."""
    with waiting_run(tmp_path / "measured", source) as process:
        started = time.monotonic()
        go(process)
        assert process.wait(timeout=60) == 0
        yield time.monotonic() - started


@pytest.mark.slow
def test_a_run_killed_at_any_moment_is_made_good_by_the_next(tmp_path: Path, source: Path, processes: float) -> None:
    home, path = tmp_path / "home", source / "green_tripdata_2021-01.parquet"
    moments = random.Random(2021)
    for number in range(KILLS):
        with waiting_run(home, source) as process:
            go(process)
            time.sleep(moments.uniform(0, processes * 1.1))
            process.send_signal(signal.SIGKILL)
        with pipeline(home, source) as taxi:
            receipt = taxi.run("green", "2021-01")
            assert receipt.rows == pq.read_metadata(path).num_rows
            assert [result.ok for result in taxi.verify("green")] == [True], f"kill {number}"
            assert taxi.run("green", "2021-01").action is RunAction.UNCHANGED
        assert bigquery.staging_tables(home) == []
        assert [text for text in bigquery.records(home).values() if "holder" in text] == []
        if number % 3 == 2:
            republish(path, edited=5, deleted=5, added=5, seed=number)


def test_two_processes_on_one_month_do_the_work_once(tmp_path: Path, source: Path) -> None:
    home = tmp_path / "home"
    with waiting_run(home, source) as one, waiting_run(home, source) as other:
        go(one)
        go(other)
        said = sorted(process.communicate(timeout=60)[0] for process in (one, other))
    assert said == ["loaded\n", "unchanged\n"]


def test_what_an_earlier_run_left_over_is_not_taken_for_the_newest(home: Path) -> None:
    """A staging table outlives its month's publication where its removal failed; the job that came last decides."""
    warehouse = bigquery.warehouse_of(home)
    put(warehouse, "v5", month_of(OLD))
    bigquery.fake().faults.on("DELETE", "_v1", *[Refuse(403, "accessDenied")])
    put(warehouse, "v1", month_of(NEW))  # of a machine whose clock is behind; its staging table stays
    put(warehouse, "v7", month_of(NEWEST))
    assert bigquery.staging_tables(home) == ["green_tripdata_2021_01_v1"]
    assert die(home, "replace", 4, sent=True)
    again = bigquery.warehouse_of(home)
    assert again.sweep() >= 1
    assert again.published(TABLE)[JAN].version == "v7"
    assert fares(again) == NEWEST
    nothing_is_left(home)
