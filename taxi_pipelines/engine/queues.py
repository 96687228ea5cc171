"""Queues of flows with a concurrency limit: who may leave them. They are in the store only: no engine's death loses them."""

from __future__ import annotations

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.flow import Flow
from taxi_pipelines.domain.states import State
from taxi_pipelines.engine.launch import find_flow
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.errors import PermanentError
from taxi_pipelines.flow_interfaces import ExecutionFilter, Page

LOOKED_AT = 200
"""How many queued executions are looked at to find the flows that have any."""

NO_LIMIT = 1_000_000


def leave_queue(parts: Parts, engine_id: str, flow: Flow) -> list[Execution]:
    """Takes from the flow's queue what there is room for, the oldest first."""
    limit = flow.concurrency.limit if flow.concurrency else NO_LIMIT
    return parts.engines.claim_queued(engine_id, flow.namespace, flow.id, limit)


def waiting_flows(parts: Parts) -> dict[tuple[str, str], Flow]:
    """The flows that have a queue: whoever should have looked at it may have died before it did."""
    found: dict[tuple[str, str], Flow] = {}
    for one in parts.executions.search(ExecutionFilter(states=frozenset({State.QUEUED})), Page(limit=LOOKED_AT)):
        if (one.namespace, one.flow_id) not in found:
            try:
                found[one.namespace, one.flow_id] = find_flow(parts, one.namespace, one.flow_id, one.flow_revision)
            except PermanentError:  # its flow is gone: without a limit it comes out, and its end says so
                found[one.namespace, one.flow_id] = Flow(id=one.flow_id, namespace=one.namespace)
    return found
