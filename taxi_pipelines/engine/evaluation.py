"""Trying an expression in the context of a task run, as it is stored. Nothing is changed, and no secret is ever known here."""

from __future__ import annotations

from dataclasses import replace

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.engine.active import Active
from taxi_pipelines.engine.context import Surroundings, template_context
from taxi_pipelines.engine.launch import find_flow
from taxi_pipelines.engine.lookup import find_secret, no_secret
from taxi_pipelines.engine.outbox import Outbox
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.engine.rendering import Rendering
from taxi_pipelines.engine.storable import MASK
from taxi_pipelines.errors import NotFound, UsageError

LONGEST = 20_000
"""Characters an expression may have."""


def evaluate(parts: Parts, execution: Execution, run_id: str, expression: str) -> str:
    """What a text with templates becomes for that task run. Raises NotFound, UsageError, and ExpressionFailed.

    `secret()` gives a mask, not the value hidden afterwards: a filter could change it beyond recognition.
    """
    if len(expression) > LONGEST:
        raise UsageError(f"the expression has {len(expression):,} characters", f"at most {LONGEST:,} are tried")
    flow = find_flow(parts, execution.namespace, execution.flow_id, execution.flow_revision)
    active = Active.of(flow, execution, parts.executions.task_runs(execution.id))
    if run_id not in active.tree:
        raise NotFound(f"no task run {run_id!r} in execution {execution.id}", "take an id of its taskRunList")

    def secret(name: str) -> str:
        if find_secret(parts, flow.namespace, name) is None:
            raise no_secret(flow.namespace, name)
        return MASK

    environment = Surroundings(parts).environment(active, Outbox(), parts.clock())
    context = template_context(parts, active, active.tree.get(run_id))
    return Rendering(context, replace(environment, secret=secret)).text(expression)
