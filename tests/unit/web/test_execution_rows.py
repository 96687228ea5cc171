"""Executions as rows of a list."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from taxi_pipelines.domain.states import State
from taxi_pipelines.store.database import Database
from taxi_pipelines.store.executions import ExecutionStore
from taxi_pipelines.store.statistics import StatisticsStore
from taxi_pipelines.web.execution_rows import rows_of
from tests.support.records import NOW, execution, task_run


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(tmp_path / "metadata.db")) as database:
        yield database


def test_a_row_says_why_it_failed_and_only_the_labels_that_say_more(database: Database) -> None:
    labels = {"taxi": "green", "month": "2023-09", "team": "data", "system.restarted": "true"}
    failed = execution("e", State.FAILED, labels=labels)
    run = task_run("r", "e", State.FAILED, error="the file is cut off\nTraceback")
    ExecutionStore(database).create(failed, [run])
    (row,) = rows_of([failed], StatisticsStore(database), NOW)
    assert (row.month, row.by, row.took) == ("green September 2023", "hand", None)
    assert (row.reason, row.labels) == ("the file is cut off", {"team": "data"})


def test_labels_that_name_no_month_are_shown(database: Database) -> None:
    (row,) = rows_of([execution("e", labels={"taxi": "green", "month": "soon"})], StatisticsStore(database), NOW)
    assert (row.month, row.labels) == ("", {"taxi": "green", "month": "soon"})
