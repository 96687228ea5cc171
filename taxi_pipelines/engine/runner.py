"""The thin loop: ask `advance` what follows, do it, ask again. All that happens in memory and in the outbox of one cycle."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from taxi_pipelines.domain.advance import advance, still_holds
from taxi_pipelines.domain.changes import decided
from taxi_pipelines.domain.decisions import (
    Begin,
    Cancel,
    Create,
    Decision,
    End,
    EndExecution,
    Evaluate,
    NewExecution,
    PauseExecution,
    Resume,
    ResumeExecution,
    RetryAt,
    StopExecution,
    WaitUntil,
)
from taxi_pipelines.domain.execution import Execution, TaskRun
from taxi_pipelines.domain.flow import MAIN, FlowOutput, Kind, Sla
from taxi_pipelines.domain.records import Command, Level, Verb
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.text import is_true
from taxi_pipelines.domain.verbs import stop
from taxi_pipelines.engine.begin import begin, evaluate, working_folder
from taxi_pipelines.engine.folders import keep_files
from taxi_pipelines.engine.parts import MAX_TASK_RUNS
from taxi_pipelines.engine.rendering import PropertyInvalid
from taxi_pipelines.engine.work import Work
from taxi_pipelines.engine.writing import WAIT_FOR
from taxi_pipelines.errors import PipelineError
from taxi_pipelines.flowspec.input_types import SAME_AS
from taxi_pipelines.flowspec.input_values import CONVERTERS, plain

DECISIONS_AT_A_TIME = 500
"""After so many the engine commits and looks at other executions, too."""


def run(work: Work) -> bool:
    """Works until nothing follows, or for a while; whether something is left to do now."""
    if work.execution.state in (State.CREATED, State.QUEUED, State.RESTARTED):
        _start(work)
    done = 0
    while changed := work.active.take_changed():
        decisions = advance(work.active.flow, work.execution, work.active.tree, changed, work.now)
        for decision in decisions:
            if still_holds(decision, work.execution, work.active.tree):  # one before it may have stopped the execution
                _perform(work, decision)
        done += len(decisions)
        if done >= DECISIONS_AT_A_TIME and not work.execution.state.has_ended:
            return bool(work.active.changed)
    return False


def _start(work: Work) -> None:
    work.move(state=State.RUNNING, started_at=work.execution.started_at or work.now)
    work.active.touch(*work.active.tree.open_ids())


def _perform(work: Work, decision: Decision) -> None:
    tree = work.active.tree
    match decision:
        case Create():
            _create(work, decision)
        case Begin(run_id=run_id):
            begin(work, tree.get(run_id))
        case Evaluate(run_id=run_id, iteration=iteration):
            evaluate(work, tree.get(run_id), iteration)
        case WaitUntil(run_id=run_id) | RetryAt(run_id=run_id) | Resume(run_id=run_id):
            work.put(decided(tree.get(run_id), decision, work.now))
        case End(run_id=run_id):
            _end(work, decided(tree.get(run_id), decision, work.now))
        case Cancel(run_id=run_id):
            work.cancel(tree.get(run_id))
        case PauseExecution():
            work.move(state=State.PAUSED)
        case ResumeExecution():
            work.move(state=State.RUNNING)
        case StopExecution(ends_as=ends_as):
            work.change(stop(work.execution, tree, work.now, ends_as=ends_as))
        case NewExecution():
            _try_again(work, decision)
        case EndExecution(state=state):
            _end_execution(work, state)


def _create(work: Work, decision: Create) -> None:
    if len(work.active.tree) >= MAX_TASK_RUNS:
        _stop(work, f"an execution may have at most {MAX_TASK_RUNS:,} task runs: does it loop for ever?", State.FAILED)
        return
    work.put(
        TaskRun(
            id=work.parts.new_id(),
            execution_id=work.execution.id,
            task_id=decision.task.id,
            parent_id=decision.parent_id,
            branch=decision.branch,
            value=decision.value,
            iteration=decision.iteration,
            created_at=work.now,
        )
    )


def _end(work: Work, run: TaskRun) -> None:
    kind = work.active.task(run).kind
    if kind is Kind.WORKING_DIRECTORY:
        run = _leave_folder(work, run)
    if run.error is None and (reason := _reason(work, run, kind)):
        work.log(Level.ERROR, reason, run)
        run = replace(run, error=reason)
    work.put(run)
    work.active.note_outputs(run)


def _reason(work: Work, run: TaskRun, kind: Kind) -> str | None:
    """Why a task run failed of which no child and no attempt says so."""
    if kind is Kind.PAUSE and run.state is State.FAILED and not work.active.tree.has_children(run):
        return "nobody resumed it in time"
    if kind is Kind.LOOP_UNTIL and run.state is State.FAILED and not work.active.tree.branch(run.id, MAIN).tally.failed:
        return f"its condition did not come true in {len(run.resolved.get('done', ()))} iterations"
    return None


def _leave_folder(work: Work, run: TaskRun) -> TaskRun:
    """A WorkingDirectory's end: what it wants to keep is kept, its folder goes."""
    folder = working_folder(work, run)
    work.outbox.removed_folders.append(folder)
    if run.state.has_failed or not run.resolved.get("output_files"):
        return run
    try:
        warn = partial(work.log, Level.WARN, run=run)
        kept = keep_files(work.parts.files, folder, run.resolved["output_files"], work.place(run), warn)
    except (PipelineError, OSError) as error:
        work.log(Level.ERROR, f"its files could not be kept: {error}", run)
        return replace(run, state=State.FAILED, error=f"its files could not be kept: {error}")
    return replace(run, outputs={**run.outputs, "outputFiles": kept})


def _stop(work: Work, error: str, ends_as: State) -> None:
    """Ends an execution for a reason that no task run has."""
    if work.execution.state in (State.RUNNING, State.PAUSED):
        work.log(Level.ERROR, error)
        work.change(stop(replace(work.execution, error=error), work.active.tree, work.now, ends_as=ends_as))


def _try_again(work: Work, decision: NewExecution) -> None:
    before = work.execution
    again = Execution(
        id=work.parts.new_id(),
        namespace=before.namespace,
        flow_id=before.flow_id,
        flow_revision=before.flow_revision,
        state=State.CREATED,
        inputs=before.inputs,
        labels=before.labels,
        variables=work.active.flow.variables,
        trigger=before.trigger,
        parent_id=before.id,
        caller=before.caller,
        attempt=decision.attempt,
        tried_since=before.tried_since or before.created_at,
        begin_at=decision.at,
        created_at=work.now,
    )
    work.outbox.new_executions[again.id] = again
    work.log(Level.INFO, f"tried again as execution {again.id}")
    if before.caller and before.caller.waits:
        arguments = {
            "task_run_id": before.caller.task_run_id,
            "child_execution_id": before.id,
            "replaced_by": again.id,
        }
        told = Command(
            execution_id=before.caller.execution_id, verb=Verb.CHILD_ENDED, arguments=arguments, asked_at=work.now
        )
        work.outbox.commands.append(told)


def _end_execution(work: Work, state: State) -> None:
    outputs, error = {}, work.execution.error
    if not state.has_failed and state is not State.RETRIED:
        try:
            outputs = _outputs(work)
            state, error = _assertions(work, state)
        except WAIT_FOR:
            raise
        except PipelineError as problem:
            state, error = State.FAILED, str(problem)
            work.log(Level.ERROR, error)
    work.end(state, error, outputs)


def _outputs(work: Work) -> dict[str, Any]:
    """The flow's outputs, of the types they are declared with."""
    rendering = work.rendering()
    return {output.id: _output(output, rendering.deep(output.value)) for output in work.active.flow.outputs}


def _output(output: FlowOutput, value: object) -> Any:
    try:
        return plain(CONVERTERS[SAME_AS.get(output.type, output.type)](value))
    except ValueError as error:
        raise PropertyInvalid(f"output {output.id!r}: {error}", f"it is declared as {output.type}") from error


def _assertions(work: Work, state: State) -> tuple[State, str | None]:
    """The promises (`sla`) that an ended execution must have kept."""
    for sla in work.active.flow.slas:
        if sla.assertion is not None and not is_true(work.rendering().text(sla.assertion)):
            error = f"the promise {sla.id!r} is broken: {sla.assertion}"
            work.log(Level.ERROR, error)
            work.move(labels={**work.execution.labels, **sla.labels})
            if sla.behavior != "NONE":
                return _broken(sla), error
    return state, work.execution.error


def _broken(sla: Sla) -> State:
    return State.FAILED if sla.behavior == "FAIL" else State.CANCELLED


def break_overdue_promises(work: Work) -> None:
    """Ends an execution that takes longer than promised."""
    started = work.execution.started_at or work.execution.created_at
    for sla in work.active.flow.slas:
        if sla.duration is None or work.now < started + sla.duration or sla.id in work.active.broken:
            continue
        work.active.broken.add(sla.id)
        work.move(labels={**work.execution.labels, **sla.labels})
        said = f"the promise {sla.id!r} is broken: it takes longer than {_spoken(sla.duration)}"
        if sla.behavior == "NONE":
            work.log(Level.WARN, said)
        else:
            _stop(work, said, _broken(sla))


def _spoken(duration: timedelta) -> str:
    return f"{duration.total_seconds():g} s"
