from __future__ import annotations

from taxi_pipelines.domain.outline import Outline
from taxi_pipelines.domain.ready import Ready
from taxi_pipelines.domain.states import State
from tests.support.flow_text import flow

DIAMOND = "dag(end<left,right left<top right<top top)"


def ready(**states: State) -> Ready:
    return Ready(Outline(flow(DIAMOND).flow), "dag1", states)


def ids(found: Ready, count: int = 9) -> list[str]:
    return [task.id for task in found.first(count)]


def test_a_task_is_ready_when_all_it_depends_on_ended_well() -> None:
    found = ready()
    assert ids(found) == ["top"]
    found.note("top", State.CREATED)
    assert ids(found) == []
    found.note("top", State.SUCCESS)
    assert ids(found) == ["left", "right"]
    assert ids(found, 1) == ["left"]
    found.note("right", State.WARNING)
    found.note("left", State.RUNNING)
    assert ids(found) == []
    found.note("left", State.SKIPPED)
    assert ids(found) == ["end"]


def test_what_failed_makes_nothing_ready() -> None:
    found = ready(top=State.SUCCESS, left=State.FAILED)
    assert ids(found) == ["right"]
    found.note("right", State.SUCCESS)
    assert ids(found) == []


def test_it_begins_from_whatever_is_stored() -> None:
    assert ids(ready(left=State.SUCCESS, right=State.SUCCESS, top=State.SUCCESS)) == ["end"]
    assert ids(ready(top=State.SUCCESS, left=State.SUCCESS, right=State.SUCCESS, end=State.RUNNING)) == []
