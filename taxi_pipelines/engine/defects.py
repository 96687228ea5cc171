"""What a defect of ours costs, or a flow that is gone: the execution it was met in, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from taxi_pipelines.domain.changes import ended
from taxi_pipelines.domain.execution import TaskRun
from taxi_pipelines.domain.records import Command, Level, LogLine, Verb
from taxi_pipelines.domain.states import State
from taxi_pipelines.engine.outbox import Outbox
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.engine.work import children_of, tell_caller
from taxi_pipelines.errors import InternalError, PipelineError


def defect(error: Exception) -> InternalError:
    """An error nobody foresaw, as one of ours."""
    if isinstance(error, InternalError):
        return error
    return InternalError(f"internal error: {type(error).__name__}: {error}", "this is a defect; please report it")


def given_up(parts: Parts, execution_id: str, error: Exception, now: datetime) -> Outbox:
    """The end of an execution that cannot go on, made from what is stored of it: FAILED, with all that was open.

    What has ended already stays as it is.
    """
    outbox = Outbox(released=True)
    execution = parts.executions.find(execution_id)
    if execution is None:
        return outbox
    said = str(error if isinstance(error, PipelineError) else defect(error))
    outbox.logs.append(LogLine(execution_id=execution_id, level=Level.ERROR, message=said, logged_at=now))
    if execution.state.has_ended:
        return outbox
    for run in parts.executions.task_runs(execution_id):
        if not run.state.has_ended:
            outbox.task_runs[run.id] = _stopped(run, said, now)
            children = children_of(run)
            outbox.commands += [Command(execution_id=child, verb=Verb.KILL, asked_at=now) for child in children]
            outbox.cancels.append(run.id)
    outbox.execution = replace(execution, state=State.FAILED, error=said, ended_at=now)
    if told := tell_caller(outbox.execution, now):
        outbox.commands.append(told)
    return outbox


def _stopped(run: TaskRun, error: str, now: datetime) -> TaskRun:
    state = State.FAILED if run.attempts else State.KILLED
    return ended(replace(run, error=error), state, now)
