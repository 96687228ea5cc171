"""A worker where drivers are not installed: the task names the extra that has them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from taxi_pipelines.domain.states import State
from taxi_pipelines.executors.local import LocalExecutor
from taxi_pipelines.tasks.registry import REGISTRY
from tests.unit.executors.test_local import Desk


def uninstall() -> None:
    """Called in the worker."""
    sys.modules |= dict.fromkeys(("google.cloud.bigquery", "google.cloud.storage", "psycopg"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("type_", "purpose", "extra"),
    [
        ("io.kestra.plugin.gcp.bigquery.Query", "Google Cloud", "gcp"),
        ("io.kestra.plugin.gcp.gcs.Upload", "Google Cloud", "gcp"),
        ("io.kestra.plugin.jdbc.postgresql.Queries", "PostgreSQL", "postgres"),
        ("io.kestra.plugin.jdbc.postgresql.CopyIn", "PostgreSQL", "postgres"),
    ],
)
def test_a_task_without_its_driver_names_the_extra(tmp_path: Path, type_: str, purpose: str, extra: str) -> None:
    spec = REGISTRY.find(type_)
    assert spec and spec.run
    executor = LocalExecutor(workers=1, grace=0.3)
    desk = Desk(executor, tmp_path)
    try:
        executor.prepare("tests.unit.executors.test_worker:uninstall")
        desk.order("r", "raise", run=spec.run)
        end = desk.end("r")
    finally:
        executor.close(0)
    assert end.state is State.FAILED
    assert end.error == f'the packages for {purpose} are not installed; run: pip install "taxi-pipelines[{extra}]"'
