from __future__ import annotations

import re
from itertools import product

import pytest

from taxi_pipelines.domain.states import (
    ENDED,
    EXECUTION_TRANSITIONS,
    TASK_RUN_TRANSITIONS,
    State,
    check_transition,
    roll_up,
)
from taxi_pipelines.errors import InternalError
from tests.support.data import ROOT

TABLES = {"Executions": EXECUTION_TRANSITIONS, "Task runs": TASK_RUN_TRANSITIONS}
OF_EXECUTIONS = set(State) - {State.RETRYING, State.SKIPPED}
OF_TASK_RUNS = set(State) - {State.QUEUED, State.RETRIED, State.CANCELLED}
REOPENED = {State.FAILED, State.KILLED, State.CANCELLED}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize(("old", "new"), list(product(State, State)))
def test_every_pair_of_states_is_an_arrow_or_refused(name: str, old: State, new: State) -> None:
    if old is new or new in TABLES[name].get(old, ()):
        check_transition(TABLES[name], "it", old, new)
        return
    with pytest.raises(InternalError, match=f"it cannot go from {old} to {new}"):
        check_transition(TABLES[name], "it", old, new)


@pytest.mark.parametrize("name", TABLES)
def test_only_a_restart_leaves_an_end(name: str) -> None:
    assert {old for old in ENDED if TABLES[name].get(old)} <= REOPENED
    for old in REOPENED:
        assert TABLES[name].get(old, frozenset()) <= {State.RESTARTED, State.RUNNING}


@pytest.mark.parametrize(("name", "states"), [("Executions", OF_EXECUTIONS), ("Task runs", OF_TASK_RUNS)])
def test_every_state_is_reached_from_created_and_reaches_an_end(name: str, states: set[State]) -> None:
    def reached_from(start: State) -> set[State]:
        found, todo = {start}, [start]
        while todo:
            new = TABLES[name].get(todo.pop(), frozenset()) - found
            found |= new
            todo += new
        return found

    assert reached_from(State.CREATED) == states
    assert all(reached_from(state) & ENDED for state in states)


@pytest.mark.parametrize(
    ("states", "worst"),
    [
        ("", "SUCCESS"),
        ("SUCCESS SKIPPED", "SUCCESS"),
        ("SUCCESS WARNING", "WARNING"),
        ("WARNING FAILED SUCCESS", "FAILED"),
        ("FAILED KILLED", "KILLED"),
    ],
)
def test_the_worst_child_decides(states: str, worst: str) -> None:
    assert roll_up(map(State, states.split())) == worst


@pytest.mark.parametrize("name", TABLES)
def test_the_page_shows_every_arrow_and_says_when(name: str) -> None:
    section = (ROOT / "docs/states.md").read_text().split(f"## {name}\n")[1].split("\n## ")[0]
    arrows = {(str(old), str(new)) for old, following in TABLES[name].items() for new in following}
    assert set(re.findall(r"^    (\w+) --> (\w+)$", section, re.M)) == arrows
    rows = re.findall(r"^\| ([A-Z]+) \| ([A-Z]+) \| .{5,} \|$", section, re.M)
    assert set(rows) == arrows
    assert len(rows) == len(arrows)
