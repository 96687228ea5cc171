"""Which database metadata is kept in."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from taxi_pipelines.errors import UsageError
from taxi_pipelines.store.database import Database
from taxi_pipelines.store.open import open_database
from taxi_pipelines.store.postgres_database import PostgresDatabase


def test_without_a_url_it_is_a_file_in_the_home_folder_that_nobody_makes_yet(tmp_path: Path) -> None:
    with closing(open_database(None, tmp_path / "home")) as database:
        assert isinstance(database, Database)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["postgresql://me@host/db", "postgres://host", "host=here dbname=db"])
def test_with_one_it_is_a_postgresql_that_nobody_connects_to_yet(tmp_path: Path, url: str) -> None:
    with closing(open_database(url, tmp_path / "home")) as database:
        assert isinstance(database, PostgresDatabase)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url",
    ["", "sqlite:///x.db", "mysql://me:hush@host/db", "postgresql://me:hu@sh@host/db", "postgresql+psycopg://h/d"],
)
def test_what_is_no_url_of_postgresql_is_refused_without_showing_it(tmp_path: Path, url: str) -> None:
    with pytest.raises(
        UsageError, match=r"^the URL of the metadata database .*; write TAXI_DATABASE_URL as"
    ) as refused:
        open_database(url, tmp_path)
    assert "hush" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_schema_is_a_plain_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r'^search_path="A-B" in TAXI_DATABASE_URL; name a schema of small letters'):
        open_database("postgresql://h/d?options=-csearch_path%3D%22A-B%22", tmp_path)


def test_without_the_driver_one_line_says_what_to_install(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from pathlib import Path; from taxi_pipelines.store.open import open_database\n"
        "from taxi_pipelines.errors import UsageError\n"
        "open_database(None, Path()).close()\n"
        "try: open_database('postgresql://host/db', Path())\n"
        "except UsageError as error: print(error)"
    )
    told = subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, capture_output=True, text=True)
    assert told.stdout == (
        'the packages for PostgreSQL are not installed; run: pip install "taxi-pipelines[postgres]"\n'
    )
