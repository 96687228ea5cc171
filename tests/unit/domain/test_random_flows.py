"""Random flows, random failures, random order, kills and restarts at random moments: whatever happens, these things hold.

The simulation checks every decision as it applies it (tests/support/flows.py): legal transitions, one task run per place, order,
dependencies and limits, handlers.
"""

from __future__ import annotations

from random import Random

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from taxi_pipelines.domain.execution import TaskRun
from taxi_pipelines.domain.flow import ERRORS, FINALLY
from taxi_pipelines.domain.restart import RESTARTABLE
from taxi_pipelines.domain.states import State
from tests.support.flow_text import flow
from tests.support.flows import Simulation
from tests.support.random_flows import random_flow

QUIETLY = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}
MOMENTS = st.integers(0, 30)
FLOWS = {"size": st.integers(0, 12), "seed": st.integers(0, 2**32)}


def simulation(size: int, seed: int) -> Simulation:
    text = random_flow(seed, size)
    note(text)
    return Simulation(flow(text), Random(seed).randrange)


def until(run: Simulation, moment: int) -> None:
    for _ in range(moment):
        if run.state.has_ended:
            return
        run.happen()


@settings(max_examples=1500, **QUIETLY)
@given(**FLOWS)
def test_every_flow_ends_and_its_states_roll_up(size: int, seed: int) -> None:
    run = simulation(size, seed)
    run.start()
    run.go_on(check=run.check_nothing_forgotten)
    run.check_roll_up()
    assert run.state in (State.SUCCESS, State.WARNING, State.FAILED)


@settings(max_examples=1000, **QUIETLY)
@given(**FLOWS, killed_at=MOMENTS)
def test_a_kill_ends_everything_and_a_restart_goes_on_from_there(size: int, seed: int, killed_at: int) -> None:
    run = simulation(size, seed)
    run.start()
    until(run, killed_at)
    if not run.state.has_ended:
        run.kill()
        assert run.state is State.KILLED
    run.check_roll_up()
    for _ in range(3):
        kept = {it.id: it for it in run.tree.in_order() if it.state.has_ended and not it.state.has_failed}
        if run.state in RESTARTABLE:
            run.restart().check_roll_up()
            assert all(run.tree.get(run_id) == before for run_id, before in kept.items() if run_id in run.tree)
    assert not run.tree.tally.live


@settings(max_examples=700, **QUIETLY)
@given(**FLOWS, held_at=MOMENTS, chosen=st.integers(0, 1000))
def test_a_held_flow_begins_nothing_and_a_replay_from_anywhere_ends(
    size: int, seed: int, held_at: int, chosen: int
) -> None:
    run = simulation(size, seed)
    run.start()
    until(run, held_at)
    if run.state is State.RUNNING:
        run.hold()
        began = list(run.trace)
        while run.working:
            run.work_ends(run.working.pop())
        assert run.trace == began
        assert run.state is State.PAUSED
    run.go_on()
    places = [it for it in run.tree.in_order() if not in_handlers(run, it)]
    if places:
        start = places[chosen % len(places)]
        again = run.replay(start.id)
        again.check_roll_up()
        assert again.state in (State.SUCCESS, State.WARNING, State.FAILED)


def in_handlers(run: Simulation, place: TaskRun) -> bool:
    """Whether it stands in `errors` or `finally`, where nothing is replayed from."""
    if place.branch in (ERRORS, FINALLY):
        return True
    return place.parent_id is not None and in_handlers(run, run.tree.get(place.parent_id))
