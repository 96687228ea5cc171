"""What stands above every tab of an execution: what it was for, who began it, why it failed, what can be done about it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from taxi_pipelines.alerts.messages import culprit
from taxi_pipelines.domain.execution import Execution, TaskRun
from taxi_pipelines.domain.flow import MAIN, Flow, Input, Task
from taxi_pipelines.domain.records import Level, StoredFlow
from taxi_pipelines.domain.restart import RESTARTABLE
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.trigger import Backfill
from taxi_pipelines.errors import NotFound, PipelineError
from taxi_pipelines.flow_interfaces import LogFilter, Logs, Page
from taxi_pipelines.flowspec.inputs import resume_inputs
from taxi_pipelines.service import Service
from taxi_pipelines.web.execution_words import title_of
from taxi_pipelines.web.words import day, first_line

_EXIT_CODE = re.compile(r"the commands? ended with exit code -?\d+")
_OF_SUBFLOW = re.compile(r"the subflow's execution \S+ ended [A-Z]+: (?=.)")
_LATEST_BACKFILLS = 3
_LONGEST_VALUE = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """An execution as a page sees it at one moment. `flow_error`: why its flow's revision cannot be read."""

    execution: Execution
    runs: Sequence[TaskRun]
    flow: Flow
    newest: StoredFlow | None
    flow_error: str = ""

    @property
    def title(self) -> str:
        """`green, September 2023`, or the flow's id where it is of no month."""
        return title_of(self.execution)

    @property
    def flow_url(self) -> str:
        """The page of its flow."""
        return f"/flows/{self.execution.namespace}/{self.execution.flow_id}"

    @property
    def is_mended(self) -> bool:
        """Whether its flow has a newer revision than it ran with."""
        return self.newest is not None and self.newest.revision > self.execution.flow_revision

    @property
    def can_restart(self) -> bool:
        """Whether what failed in it can be tried again."""
        return self.execution.state in RESTARTABLE and not self.flow_error


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """Why it did not end well: what failed, why in a line, and whatever else was said. `run`: the task run it is due to."""

    what: str
    line: str
    more: str = ""
    run: TaskRun | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Who began it: words, and a link to it where there is a page."""

    words: str
    name: str = ""
    url: str = ""


def execution_of(service: Service, execution_id: str) -> Execution:
    """By its whole id. Raises NotFound."""
    found = service.orchestrator.parts.executions.find(execution_id)
    if found is None or found.id != execution_id:
        hint = "it was deleted, or purged with others of its age; the menu leads to those that are there"
        raise NotFound(f"there is no execution {execution_id}", hint)
    return found


def look_at(service: Service, execution_id: str) -> Seen:
    """Everything that the page shows of it but logs and metrics. Raises NotFound."""
    parts = service.orchestrator.parts
    execution = execution_of(service, execution_id)
    runs = parts.executions.task_runs(execution.id)
    newest = parts.flows.find(execution.namespace, execution.flow_id)
    try:
        flow = service.orchestrator.control.flow(execution.namespace, execution.flow_id, execution.flow_revision)
    except PipelineError as error:
        return Seen(
            execution=execution, runs=runs, flow=_flow_of(execution, runs), newest=newest, flow_error=str(error)
        )
    return Seen(execution=execution, runs=runs, flow=flow, newest=newest)


def _flow_of(execution: Execution, runs: Sequence[TaskRun]) -> Flow:
    """What is known of a flow that cannot be read: the tasks that ran at its top."""
    ids = dict.fromkeys(run.task_id for run in runs if run.parent_id is None)
    tasks = tuple(Task(id=id, type="", name="") for id in ids)
    return Flow(id=execution.flow_id, namespace=execution.namespace, branches={MAIN: tasks})


def reason_of(seen: Seen, logs: Logs) -> Reason | None:
    """None where it goes on, or ended well. Of a script that only says its exit code, what it printed last as an error."""
    execution = seen.execution
    if not execution.state.has_failed and execution.state is not State.WARNING:
        return None
    run = culprit(seen.runs, execution.state)
    said = (run.error if run else None) or execution.error or ""
    if not said and run is None:
        return None
    line, _, more = said.strip().partition("\n")
    if run and _EXIT_CODE.fullmatch(line):
        wanted = LogFilter(execution_id=execution.id, task=run.id, level=Level.ERROR)
        printed = [one.message for one in logs.search_lines(wanted, Page(limit=2)) if one.message.strip() != line]
        line = first_line(printed[0]) if printed else line
    if run and run.child_execution_id:
        line = _OF_SUBFLOW.sub("", line)  # which the page links to
    if execution.state is State.KILLED and run:
        line = more = ""  # "stopped", which is said already
    return Reason(what=_what(execution.state, run), line=line, more=more.strip("\n"), run=run)


def _what(state: State, run: TaskRun | None) -> str:
    """`load [green] failed`."""
    name = "" if run is None else run.task_id if run.value is None else f"{run.task_id} [{run.value[:_LONGEST_VALUE]}]"
    match state:
        case State.KILLED:
            return f"Killed while {name} ran" if name else "Killed"
        case State.WARNING:
            return f"{name or 'It'} warned"
        case State.CANCELLED:
            return f"{name or 'It'} was cancelled"
        case _:
            return f"{name or 'It'} failed"


def origin_of(service: Service, execution: Execution, zone: ZoneInfo) -> list[Origin]:
    """Who began it, and what it repeats."""
    found = [_beginner(service, execution, zone)]
    if execution.parent_id:
        words = "the execution before it is" if execution.attempt > 1 else "it repeats"
        found.append(Origin(words=words, **_linked(service, execution.parent_id)))
    return found


def _beginner(service: Service, execution: Execution, zone: ZoneInfo) -> Origin:
    if execution.caller:
        return Origin(words="called by", **_linked(service, execution.caller.execution_id))
    trigger = execution.trigger
    if trigger is None:
        return Origin(words="begun by a person, or over the API")
    slot = _slot_of(trigger)
    flow_url = f"/flows/{execution.namespace}/{execution.flow_id}/triggers"
    words = f"slot {day(slot, zone)} of" if slot else "begun by"
    backfill = slot and _backfill_of(service, execution, str(trigger.get("id", "")), slot)
    if backfill:
        return Origin(words=words, name=f"a backfill of {backfill.trigger_id}", url=f"/backfills/{backfill.id}")
    return Origin(words=words, name=f"trigger {trigger.get('id', '')}", url=flow_url)


def _slot_of(trigger: Mapping[str, Any]) -> datetime | None:
    """The slot of a schedule."""
    try:
        slot = datetime.fromisoformat(str(trigger.get("date")))
    except ValueError:
        return None
    return slot if slot.tzinfo else None


def _backfill_of(service: Service, execution: Execution, trigger_id: str, slot: datetime) -> Backfill | None:
    """The backfill whose slot it is; the latest few of its trigger are asked."""
    backfills = service.orchestrator.parts.backfills
    names = (execution.namespace, execution.flow_id, trigger_id)
    fitting = [
        one
        for one in backfills.listed()
        if (one.namespace, one.flow_id, one.trigger_id) == names
        and one.created_at <= execution.created_at
        and one.start <= slot <= one.end
    ]
    latest = sorted(fitting, key=lambda one: one.created_at, reverse=True)[:_LATEST_BACKFILLS]
    return next((one for one in latest if any(it.execution_id == execution.id for it in backfills.slots(one.id))), None)


def _linked(service: Service, execution_id: str) -> dict[str, str]:
    try:
        found = execution_of(service, execution_id)
    except NotFound:
        return {"name": f"execution {execution_id}, which is gone"}
    title = title_of(found)
    return {
        "name": title if title == found.flow_id else f"{title} of {found.flow_id}",
        "url": f"/executions/{execution_id}",
    }


def asked_on_resume(seen: Seen) -> tuple[Input, ...]:
    """What the pause it stands at wants to know of whoever resumes it."""
    if seen.execution.state is not State.PAUSED:
        return ()
    paused = next((run for run in seen.runs if run.state is State.PAUSED), None)
    tasks = {task.id: task for task in seen.flow.walk()}
    task = tasks.get(paused.task_id) if paused else None
    return resume_inputs(task.properties) if task else ()
