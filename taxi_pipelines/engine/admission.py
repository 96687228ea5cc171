"""Concurrency limits (S17): which executions of a flow may begin. Live ones are counted, there is no counter that could leak."""

from __future__ import annotations

from taxi_pipelines.domain.flow import ConcurrencyBehavior
from taxi_pipelines.domain.records import Level
from taxi_pipelines.domain.states import State
from taxi_pipelines.engine.work import Work


def admitted(work: Work) -> bool:
    """Whether an execution that is new, or restarted, may begin now; where not, what becomes of it is done here.

    One that somebody restarts is not turned away, but waits.
    """
    limit = work.active.flow.concurrency
    execution = work.execution
    if limit is None or execution.state not in (State.CREATED, State.RESTARTED):
        return True
    if work.parts.engines.take_slot(work.cycle.engine_id, execution, limit.limit):
        return True
    said = f"{limit.limit} executions of the flow are live already"
    if limit.behavior is ConcurrencyBehavior.QUEUE or execution.state is State.RESTARTED:
        work.log(Level.INFO, f"{said}: queued")
        work.move(state=State.QUEUED)
        work.outbox.released = True
    else:
        work.log(Level.WARN, said)
        work.end(State.FAILED if limit.behavior is ConcurrencyBehavior.FAIL else State.CANCELLED, said)
    return False
