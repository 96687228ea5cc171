"""A worker that is started early: it imports while there is no order yet, and takes the first."""

from __future__ import annotations

from pathlib import Path

import pytest

from taxi_pipelines.domain.states import State
from taxi_pipelines.executors.local import LocalExecutor
from tests.unit.executors.test_local import Desk


@pytest.mark.parametrize("function", ["tests.unit.executors.test_prepare:note", "no.such.module:function"])
def test_a_prepared_worker_takes_the_first_order(tmp_path: Path, function: str) -> None:
    noted = tmp_path / "noted"
    executor = LocalExecutor(workers=2, grace=0.3, variables={"TAXI_HOME": str(noted)})
    desk = Desk(executor, tmp_path)
    try:
        executor.prepare(function)
        desk.order("r", "talk")
        assert desk.end("r").state is State.SUCCESS
        assert len(executor._workers) == 1
        assert noted.exists() == function.startswith("tests.")
    finally:
        executor.close(0)


def note() -> None:
    """Called in the worker, which has the variables already."""
    import os

    Path(os.environ["TAXI_HOME"]).touch()
