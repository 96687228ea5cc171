"""`taxi db`: the PostgreSQL of the home folder from the command line."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import mkdtemp

import psycopg
import pytest

from taxi_pipelines.warehouses.postgres_server import EmbeddedPostgres
from tests.unit.cli.conftest import Result, Taxi


@pytest.fixture
def home() -> Iterator[Path]:
    """Not below pytest's folder, which the system user that serves root may not enter."""
    place = Path(mkdtemp(prefix="taxi-db-"))
    yield place
    EmbeddedPostgres(place / "postgres").stop()
    shutil.rmtree(place)


@pytest.fixture
def db(taxi: Taxi, home: Path) -> Callable[..., Result]:
    return lambda *arguments: taxi("--home", str(home), "db", *arguments)


def test_start_prints_the_url_and_nothing_else(db: Callable[..., Result]) -> None:
    started = db("start")
    assert (started.code, started.err) == (0, "")
    with psycopg.connect(started.out.strip()) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("ny_taxi",)
    assert db("url").out == started.out
    assert db("start", "--json").json == db("url", "--json").json == {"running": True, "url": started.out.strip()}


def test_stop_says_what_it_did(db: Callable[..., Result]) -> None:
    db("start")
    assert db("stop") == Result(0, "", "stopped\n")
    assert db("stop") == Result(0, "", "it was not running\n")


def test_url_of_what_is_not_running_is_an_error_and_touches_nothing(db: Callable[..., Result], home: Path) -> None:
    said = db("url")
    assert (said.code, said.out) == (1, "")
    assert said.err == "error[warehouse-unavailable]: the PostgreSQL is not running; start it: taxi db start\n"
    said = db("url", "--json")
    assert (said.code, said.json) == (1, {"running": False, "url": None})
    assert list(home.iterdir()) == []


def test_psql_starts_the_server_and_gets_its_arguments_as_they_are(home: Path) -> None:
    command = [sys.executable, "-m", "taxi_pipelines", "--home", str(home), "db", "psql"]
    sql = "SELECT current_user, 'a  b' -- ends"
    said = subprocess.run([*command, "-At", "-c", sql], capture_output=True, text=True, check=False, timeout=60)
    assert (said.returncode, said.stdout, said.stderr) == (0, "postgres|a  b\n", "")
    said = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False, timeout=60)
    assert said.returncode == 1
    assert "psql" in said.stderr
    said = subprocess.run(command, input="SELECT 1;\n\\q\n", capture_output=True, text=True, check=False, timeout=60)
    assert "(1 row)" in said.stdout
