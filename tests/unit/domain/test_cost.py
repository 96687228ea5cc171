"""A change costs the same in a wide flow as in a narrow one: calls are counted, not time."""

from __future__ import annotations

import sys
from collections import deque

import pytest

from taxi_pipelines.domain.advance import advance
from taxi_pipelines.domain.changes import attempt_ended
from taxi_pipelines.domain.states import State
from tests.support.flow_text import flow
from tests.support.flows import Simulation

WIDE = {
    "a parallel": lambda width: "par(" + " ".join(f"t{i}" for i in range(width)) + ")",
    "a parallel, some at a time": lambda width: "par:8(" + " ".join(f"t{i}" for i in range(width)) + ")",
    "a loop over values": lambda width: f"each:{width}/4(a b)",
    "a loop over values, all at once": lambda width: f"each:{width}/0(a)",
    "a loop until": lambda width: f"loop:{width}(a)",
    "a chain of dependencies": lambda width: "dag(t0 " + " ".join(f"t{i}<t{i - 1}" for i in range(1, width)) + ")",
    "a wide dag": lambda width: "dag:8(t0 " + " ".join(f"t{i}<t0" for i in range(1, width)) + ")",
    "a long sequence": lambda width: " ".join(f"t{i}" for i in range(width)),
}  # fmt: skip


def run_to_the_end(text: str) -> Simulation:
    """Like Simulation.run, but without its own looks at all task runs."""
    run = Simulation(flow(text))
    run.script.resolved.get("loop1", {})["interval"] = 0
    run.move(state=State.RUNNING)
    changed: deque[str | None] = deque([None])
    while not run.state.has_ended:
        if not changed:
            run_id = run.working.pop()
            run.tree.put(attempt_ended(run.tree.get(run_id), State.SUCCESS, run.now))
            changed.append(run_id)
        look, changed = list(changed), deque()
        if not look:
            continue
        for decision in advance(run.script.flow, run.execution, run.tree, look, run.now):
            run.decisions = 0
            changed += run.apply(decision)
    return run


def calls(text: str) -> int:
    counted = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        run_to_the_end(text)
    finally:
        sys.setprofile(None)
    return counted


@pytest.mark.parametrize("shape", WIDE)
def test_ten_times_the_width_is_not_twenty_times_the_work(shape: str) -> None:
    narrow, wide = (calls(WIDE[shape](width)) for width in (60, 600))
    assert wide <= 20 * narrow
