from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from taxi_pipelines.engine.secret_inputs import place_of, reveal
from taxi_pipelines.errors import NotFound
from tests.support.engines import Bench, running

SOURCE = """
id: f
namespace: t
inputs: [{id: request.password, type: SECRET}, {id: optional, type: SECRET, required: false}]
tasks: [{id: a, type: log, message: x}]
"""


def made(bench: Bench) -> tuple[object, object]:
    stored = bench.control.save_flow(SOURCE)
    flow = bench.control.flow(stored.namespace, stored.id)
    return flow, bench.control.make_execution(flow, {"request": {"password": "hunter2"}})


def test_the_execution_holds_a_mask_and_the_secrets_hold_the_value(tmp_path: Path) -> None:
    with running(tmp_path) as bench:
        flow, execution = made(bench)
        assert execution.inputs == {"request": {"password": "******"}, "optional": None}  # type: ignore[attr-defined]
        assert bench.parts.secrets.get(place_of(execution.id), "request.password") == "hunter2"  # type: ignore[attr-defined]
        inputs, values = reveal(bench.parts, flow, execution)  # type: ignore[arg-type]
        assert inputs == {"request": {"password": "hunter2"}, "optional": None} and values == ["hunter2"]


def test_one_whose_value_is_gone_says_so(tmp_path: Path) -> None:
    with running(tmp_path) as bench:
        flow, execution = made(bench)
        with pytest.raises(NotFound, match=r"request\.password"):
            reveal(bench.parts, flow, replace(execution, id="another"))  # type: ignore[arg-type, type-var]
