"""How a task run begins, kind by kind: `runIf` first, then its work, or what a flowable must know before its children (S4)."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from taxi_pipelines.domain.execution import TaskRun
from taxi_pipelines.domain.flow import DEFAULTS, ELSE, THEN, Kind, Task, case_branch
from taxi_pipelines.domain.records import Level
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.text import is_true, plain_text
from taxi_pipelines.domain.verbs import stop
from taxi_pipelines.engine.defects import defect
from taxi_pipelines.engine.folders import put_files
from taxi_pipelines.engine.items import begin_items
from taxi_pipelines.engine.rendering import PropertyInvalid, Rendering
from taxi_pipelines.engine.storable import in_order, storable
from taxi_pipelines.engine.subflow import begin_subflow
from taxi_pipelines.engine.work import Work
from taxi_pipelines.engine.writing import WAIT_FOR
from taxi_pipelines.errors import InternalError, PipelineError
from taxi_pipelines.task_types import Effects, TypeSpec
from taxi_pipelines.work_interfaces import WorkOrder

AGAIN_AFTER = timedelta(seconds=1)
"""When to try again what the store could not answer."""


def begin(work: Work, run: TaskRun) -> None:
    """Begins a task run, or its next attempt. Whatever goes wrong is a failed attempt, with its reason in the log."""
    task = work.active.task(run)
    try:
        folder = working_folder(work, run)
        rendering = work.rendering(run, workingDir=str(folder), outputFiles=_places(task, folder))
        if task.run_if is not None and not is_true(rendering.text(task.run_if)):
            work.put(replace(run, state=State.SKIPPED, started_at=work.now, ended_at=work.now, wake_at=None))
            return
        spec = work.parts.catalog.find(task.name)
        if spec is None:
            raise InternalError(f"there is no task type {task.name}", "the flow was made with another version")
        _BEGIN[task.kind](work, run, task, spec, rendering)
    except WAIT_FOR as error:
        work.log(Level.WARN, f"{error}; trying again", run)
        work.put(replace(run, wake_at=work.now + AGAIN_AFTER))
    except PipelineError as error:
        work.fail(run, str(error))
    except Exception as error:  # a defect, ours or of a task type: it fails this task, and nothing else
        work.log(Level.DEBUG, traceback.format_exc(), run)
        work.fail(run, str(defect(error)))


def working_folder(work: Work, run: TaskRun) -> Path:
    """A task run's folder; that of the nearest WorkingDirectory around it, if there is one."""
    around = (run, *work.active.ancestors(run))
    shared = [one for one in around if work.active.task(one).kind is Kind.WORKING_DIRECTORY]
    return work.parts.folder / work.execution.id / (shared or [run])[0].id


def _places(task: Task, folder: Path) -> dict[str, str]:
    """Where a task is to write the files that its `outputFiles` name."""
    names = task.properties.get("outputFiles")
    return {str(name): str(folder / str(name)) for name in names} if isinstance(names, list) else {}


def _work(work: Work, run: TaskRun, task: Task, spec: TypeSpec, rendering: Rendering) -> None:
    if spec.perform:
        properties = rendering.properties(task, spec)
        _apply(work, work.begin(run), spec.perform(properties, work.facts()))
        return
    if work.capacity.take(run.execution_id, run.id):
        begun = work.begin(run)
        order = _order(work, begun, task, spec, rendering)
        work.put(begun)
        work.outbox.orders.append(order)


def _order(work: Work, run: TaskRun, task: Task, spec: TypeSpec, rendering: Rendering) -> WorkOrder:
    properties = rendering.properties(task, spec)
    return WorkOrder(
        execution_id=run.execution_id,
        task_run_id=run.id,
        task_id=task.id,
        attempt=len(run.attempts),
        namespace=work.execution.namespace,
        flow_id=work.execution.flow_id,
        run=spec.run or "",
        properties=properties.model_dump(mode="json", by_alias=True, exclude_unset=True),
        timeout=rendering.duration(task.timeout) if task.timeout else None,
        log_level=Level(task.log_level or Level.TRACE),
        folder=working_folder(work, run),
        files_root=work.parts.files_root,
        cache=work.parts.cache,
        secrets=in_order(work.active.secrets),
        block_private_hosts=work.parts.block_private_hosts,
        rewrite_hosts=work.parts.rewrite_hosts,
        google=work.parts.google,
    )


def _apply(work: Work, run: TaskRun, effects: Effects) -> None:
    """What a light task did, in the same transaction as its end."""
    secrets = work.active.secrets
    for level, message in effects.logs:
        work.log(level, message, run)
    for change in effects.kv:
        work.outbox.put_kv(change)
    work.outbox.removed_files.extend(effects.removed_files)
    if effects.labels or effects.variables:
        work.move(
            labels={**work.execution.labels, **storable(effects.labels, secrets)},
            variables={**work.execution.variables, **storable(effects.variables, secrets)},
        )
    work.put(work.end_attempt(run, effects.state, effects.error, effects.outputs))
    if effects.exit_state is not None:
        work.change(stop(work.execution, work.active.tree, work.now, ends_as=effects.exit_state, cancel=False))


def _sequence(work: Work, run: TaskRun, task: Task, spec: TypeSpec, rendering: Rendering) -> None:
    rendering.properties(task, spec)
    work.put(work.begin(run))


def _working_directory(work: Work, run: TaskRun, task: Task, spec: TypeSpec, rendering: Rendering) -> None:
    properties = rendering.properties(task, spec)
    put_files(work.parts.files, working_folder(work, run), properties.input_files)
    work.put(work.begin(run, resolved={**run.resolved, "output_files": properties.output_files}))


def _parallel(work: Work, run: TaskRun, task: Task, spec: TypeSpec, rendering: Rendering) -> None:
    concurrent = rendering.properties(task, spec).concurrent
    work.put(work.begin(run, resolved={**run.resolved, "concurrency": concurrent}))


def _if(work: Work, run: TaskRun, task: Task, spec: TypeSpec, rendering: Rendering) -> None:
    truth = is_true(rendering.properties(task, spec).condition)
    branch = THEN if truth else ELSE
    _take_branch(work, run, task, branch, {"evaluationResult": truth})


def _switch(work: Work, run: TaskRun, task: Task, spec: TypeSpec, rendering: Rendering) -> None:
    value = plain_text(rendering.properties(task, spec).value)
    is_case = case_branch(value) in task.branches
    branch = case_branch(value) if is_case else DEFAULTS
    _take_branch(work, run, task, branch, {"value": value, "defaults": not is_case})


def _take_branch(work: Work, run: TaskRun, task: Task, branch: str, outputs: Mapping[str, Any]) -> None:
    taken = branch if branch in task.branches else None
    work.put(
        work.begin(run, resolved={**run.resolved, "branch": taken}, outputs=storable(outputs, work.active.secrets))
    )


def _for_each(work: Work, run: TaskRun, task: Task, spec: TypeSpec, rendering: Rendering) -> None:
    properties = rendering.properties(task, spec).model_dump()
    given = properties.get("values", properties.get("value"))
    concurrency = properties.get("concurrency_limit", properties.get("concurrent", 1))
    resolved = {**run.resolved, "values": loop_values(given), "concurrency": concurrency}
    work.put(work.begin(run, resolved=resolved))


def loop_values(given: Any) -> list[str]:
    """The values of a loop as text; of a map its pairs, as `{"key": …, "value": …}`. Raises PropertyInvalid."""
    found = given
    if isinstance(given, str):
        try:
            found = json.loads(given)
        except ValueError as error:
            shown = given if len(given) <= 60 else f"{given[:60]}…"
            raise PropertyInvalid(
                f"values = {shown!r} is not a list", 'write ["a", "b"], or a template that gives JSON'
            ) from error
    if isinstance(found, Mapping):
        found = [{"key": key, "value": value} for key, value in found.items()]
    if not isinstance(found, list):
        raise PropertyInvalid(f"values = {found!r} is not a list", 'write ["a", "b"], or a template that gives JSON')
    return [plain_text(value) for value in found]


def _loop_until(work: Work, run: TaskRun, task: Task, spec: TypeSpec, rendering: Rendering) -> None:
    properties = rendering.properties(task, spec)
    check = properties.check_frequency
    longest = check.max_duration and rendering.duration(check.max_duration).total_seconds()
    resolved = {
        **run.resolved,
        "interval": rendering.duration(check.interval).total_seconds(),
        "max_iterations": check.max_iterations,
        "max_duration": longest,
        "fail_on_max": properties.fail_on_max_reached,
    }
    work.put(work.begin(run, resolved=resolved))


def evaluate(work: Work, run: TaskRun, iteration: int) -> None:
    """A LoopUntil's condition after an iteration; where it cannot be rendered, None, and the loop fails."""
    task = work.active.task(run)
    truth: bool | None = None
    try:
        truth = is_true(work.rendering(run).text(task.properties["condition"]))
    except WAIT_FOR:
        raise
    except PipelineError as error:
        work.log(Level.ERROR, str(error), run)
        run = replace(run, error=work.hidden(str(error)))
    done = [*run.resolved.get("done", ()), truth]
    work.put(replace(run, resolved={**run.resolved, "done": done}, outputs={"iterationCount": iteration + 1}))


_ON_WAKE = {"RESUME": State.SUCCESS, "WARN": State.WARNING, "CANCEL": State.CANCELLED, "FAIL": State.FAILED}


def _pause(work: Work, run: TaskRun, task: Task, spec: TypeSpec, rendering: Rendering) -> None:
    properties = rendering.properties(task, spec)
    ends: list[tuple[timedelta, State]] = []
    if duration := properties.pause_duration or properties.delay:
        ends.append((rendering.duration(duration), _ON_WAKE[properties.behavior]))
    if task.timeout:
        ends.append((rendering.duration(task.timeout), State.FAILED))
    resolved: dict[str, Any] = dict(run.resolved)
    wake_at = None
    if ends:
        longest, state = min(ends, key=lambda end: end[0])
        wake_at, resolved["on_wake"] = work.now + longest, str(state)
    work.log(Level.INFO, "paused" + (f" until {wake_at:%Y-%m-%d %H:%M:%S} UTC" if wake_at else ""), run)
    work.put(work.begin(run, state=State.PAUSED, wake_at=wake_at, resolved=resolved))


def _sleep(work: Work, run: TaskRun, task: Task, spec: TypeSpec, rendering: Rendering) -> None:
    duration = rendering.duration(rendering.properties(task, spec).duration)
    work.put(work.begin(run, wake_at=work.now + duration))


def _subflow(work: Work, run: TaskRun, task: Task, spec: TypeSpec, rendering: Rendering) -> None:
    begin_subflow(work, run, rendering.properties(task, spec))


def _items(work: Work, run: TaskRun, task: Task, spec: TypeSpec, rendering: Rendering) -> None:
    begin_items(work, run, rendering.properties(task, spec), rendering)


_BEGIN: Mapping[Kind, Callable[[Work, TaskRun, Task, TypeSpec, Rendering], None]] = {
    Kind.WORK: _work,
    Kind.SEQUENTIAL: _sequence,
    Kind.ALLOW_FAILURE: _sequence,
    Kind.WORKING_DIRECTORY: _working_directory,
    Kind.PARALLEL: _parallel,
    Kind.DAG: _parallel,
    Kind.IF: _if,
    Kind.SWITCH: _switch,
    Kind.FOREACH: _for_each,
    Kind.LOOP_UNTIL: _loop_until,
    Kind.PAUSE: _pause,
    Kind.SLEEP: _sleep,
    Kind.SUBFLOW: _subflow,
    Kind.FOREACH_ITEM: _items,
}
