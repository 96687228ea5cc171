"""What becomes of a task run whose attempt has ended: another attempt, or which end."""

from __future__ import annotations

from datetime import datetime
from random import Random

from taxi_pipelines.domain.execution import Attempt, Execution, TaskRun
from taxi_pipelines.domain.flow import Flow, RetryBehavior, RetryPolicy, Task
from taxi_pipelines.domain.retry import next_attempt
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.tree import RunTree


def tries(run: TaskRun) -> tuple[Attempt, ...]:
    """Its attempts since it began or was last restarted: those a retry policy counts."""
    return run.attempts[run.resolved.get("attempts_before", 0) :]


def retry_at(run: TaskRun, policy: RetryPolicy | None, now: datetime) -> datetime | None:
    """When a task run whose last attempt FAILED is tried again; None: it is not.

    What is random about it is drawn from its id and number, so that asking twice gives the same answer.
    """
    if policy is None or policy.behavior is not RetryBehavior.RETRY_FAILED_TASK:
        return None
    made = tries(run)
    random = Random(f"{run.id} {len(run.attempts)}")
    return next_attempt(policy, len(made), made[0].started_at, now, random)


def ended_as(run: TaskRun, task: Task, policy: RetryPolicy | None) -> State:
    """The state a task run ends in after its last attempt."""
    state = run.attempts[-1].state
    if state is State.SUCCESS and policy is not None and policy.warning_on_retry and len(tries(run)) > 1:
        state = State.WARNING
    return softened(task, state)


def softened(task: Task, state: State) -> State:
    """The state after `allowFailure` and `allowWarning`."""
    if state is State.FAILED and task.allow_failure:
        state = State.WARNING
    return State.SUCCESS if state is State.WARNING and task.allow_warning else state


def new_execution_at(flow: Flow, execution: Execution, tree: RunTree) -> datetime | None:
    """When an execution whose tasks failed is tried again as a whole; None: it is not.

    The flow's policy asks for it, or that of the task that failed.
    """
    failed = _failed_below(tree, None)
    policies = (flow.retry, failed and tree.outline.policy(failed.task_id))
    policy = next((it for it in policies if it and it.behavior is RetryBehavior.CREATE_NEW_EXECUTION), None)
    if policy is None or failed is None:
        return None
    since = execution.tried_since or execution.created_at
    random = Random(f"{execution.id} {execution.attempt}")
    return next_attempt(policy, execution.attempt, since, failed.ended_at or since, random)


def _failed_below(tree: RunTree, parent: TaskRun | None) -> TaskRun | None:
    """The task run that failed first in the order of creation, below the flowables that failed with it."""
    for run in tree.body_of(parent):
        if run.state is State.FAILED:
            return _failed_below(tree, run)
    return parent


def subflow_state(child: State, *, transmit_failed: bool) -> State:
    """How the attempt of a Subflow that waited ends when its child ended so: its state, or SUCCESS where it is not passed on.

    A child that is RETRIED has not ended for the caller: the execution in its place has the same caller.
    """
    if not transmit_failed:
        return State.SUCCESS
    return State.FAILED if child is State.CANCELLED else child
