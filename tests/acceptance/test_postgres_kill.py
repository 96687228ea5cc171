"""SIGKILL of the client and crashes of the server at random moments: the next run succeeds and nothing is left behind."""

from __future__ import annotations

import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest

from taxi_pipelines import Pipeline
from taxi_pipelines.domain.month import Month
from taxi_pipelines.domain.receipt import RunAction
from taxi_pipelines.errors import WarehouseUnavailable
from taxi_pipelines.synthetic.files import republish, write_month
from tests.support import postgres
from tests.support.postgres import execute
from tests.support.waiting import go, waiting_process

KILLS = 30
RESTARTS = 5
ROWS = 100_000
TABLES = "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'taxi' AND relname LIKE '%staging%'"
SESSIONS = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'taxi-pipelines' AND datname = current_database()"
)

RUN_WHEN_TOLD = """
import sys
from taxi_pipelines import Pipeline
import taxi_pipelines.warehouses.postgres, taxi_pipelines.store.receipts, taxi_pipelines.lakes.local, taxi_pipelines.sources
print("ready", flush=True)
sys.stdin.readline()
with Pipeline(home=sys.argv[1], source=sys.argv[2], target="postgres", postgres_url=sys.argv[3]) as taxi:
    print(taxi.run("green", "2021-01").action, flush=True)
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    write_month(folder, "green", Month(2021, 1), ROWS)
    return folder


@pytest.fixture
def own_server() -> Iterator[postgres.Server]:
    """A server that may be crashed without harm to other tests."""
    server = postgres.start_server()
    yield server
    postgres.stop_server(server)


def waiting_run(home: Path, source: Path, url: str) -> subprocess.Popen[str]:
    """A run that starts when told."""
    return waiting_process(RUN_WHEN_TOLD, str(home), str(source), url)


def prove(taxi: Pipeline, path: Path, url: str) -> None:
    """The month is whole, a second run finds it done, and nothing is left over."""
    receipt = taxi.run("green", "2021-01")
    assert receipt.rows == pq.read_metadata(path).num_rows
    assert [result.ok for result in taxi.verify("green")] == [True]
    assert taxi.run("green", "2021-01").action is RunAction.UNCHANGED
    assert [finding for finding in taxi.doctor() if finding.name in ("warehouse", "metadata") and not finding.ok] == []
    assert execute(url, TABLES) == [(0,)]


@pytest.mark.slow
def test_a_run_killed_at_any_moment_is_made_good_by_the_next(tmp_path: Path, source: Path) -> None:
    home, path, url = tmp_path / "home", source / "green_tripdata_2021-01.parquet", postgres.database_of(tmp_path)
    with waiting_run(tmp_path / "measured", source, postgres.database_of(tmp_path / "other")) as process:
        started = time.monotonic()
        go(process)
        assert process.wait(timeout=60) == 0
        duration = time.monotonic() - started
    moments = random.Random(2021)
    for number in range(KILLS):
        with waiting_run(home, source, url) as process:
            go(process)
            time.sleep(moments.uniform(0, duration * 1.1))
            process.send_signal(signal.SIGKILL)
        with Pipeline(home=home, source=source, target="postgres", postgres_url=url) as taxi:
            prove(taxi, path, url)
        postgres.wait_until(lambda: execute(url, SESSIONS) == [(0,)])
        if number % 3 == 2:
            republish(path, edited=5, deleted=5, added=5, seed=number)


def test_two_processes_on_one_month_do_the_work_once(tmp_path: Path, source: Path) -> None:
    url = postgres.database_of(tmp_path)
    with waiting_run(tmp_path / "home", source, url) as one, waiting_run(tmp_path / "home", source, url) as other:
        go(one)
        go(other)
        said = sorted(process.communicate(timeout=60)[0] for process in (one, other))
    assert said == ["loaded\n", "unchanged\n"]


def test_a_server_that_crashes_in_mid_load_costs_one_more_run(
    tmp_path: Path, source: Path, own_server: postgres.Server
) -> None:
    url = own_server.new_database("crashing")
    path = source / "green_tripdata_2021-01.parquet"
    moments = random.Random(7)
    with Pipeline(home=tmp_path / "home", source=source, target="postgres", postgres_url=url) as taxi:
        taxi.run("green", "2021-01")
        for number in range(RESTARTS):
            republish(path, edited=5, deleted=5, added=5, seed=number)
            with ThreadPoolExecutor(1) as pool:
                running = pool.submit(taxi.run, "green", "2021-01")
                time.sleep(moments.uniform(0.02, 0.5))
                own_server.control("-m", "immediate", "restart")
                failure = running.exception(timeout=60)
            assert failure is None or isinstance(failure, WarehouseUnavailable)
            prove(taxi, path, url)


def test_a_server_that_stays_away_is_said_to_be_unreachable(tmp_path: Path, own_server: postgres.Server) -> None:
    from taxi_pipelines.warehouses.postgres import PostgresWarehouse

    warehouse = PostgresWarehouse(own_server.new_database("gone"))
    assert warehouse.published("green_tripdata") == {}
    back = threading.Timer(1.0, own_server.control, ["start"])
    own_server.control("-m", "immediate", "stop")
    back.start()
    assert warehouse.published("green_tripdata") == {}  # it came back in time
    back.join()
    warehouse.close()
    with pytest.raises(psycopg.OperationalError):
        execute(own_server.url("nowhere"), "SELECT 1")
