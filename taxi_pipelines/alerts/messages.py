"""What an alert says: plain text that is read on a telephone. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from taxi_pipelines.domain.execution import Execution, TaskRun
from taxi_pipelines.domain.records import LogLine
from taxi_pipelines.domain.states import State

LAST_LINES = 10
"""Log lines that a message holds."""

_LONGEST_LINE = 300
_LONGEST_ERROR = 600
_LONGEST_LIST = 20
_LONGEST_MONTH = 20

Message = tuple[str, str]
"""Title and body."""


def ended_message(
    execution: Execution, state: State, runs: Sequence[TaskRun], lines: Sequence[LogLine], server_url: str
) -> Message:
    """Of an execution that ended so; `lines` are its last ones, in order."""
    facts = [f"flow: {execution.namespace}.{execution.flow_id}, revision {execution.flow_revision}"]
    if when := what_for(execution):
        facts.append(when)
    facts.append(f"execution: {execution.id}, ended {_moment(execution.ended_at)}{_took(execution)}")
    if run := culprit(runs, state):
        of = "" if run.value is None else f" [{_cut(run.value, 60)}]"
        facts.append(f"task: {run.task_id}{of}{_reason(run.error)}")
    elif execution.error:
        facts.append(f"reason: {_cut(execution.error, _LONGEST_ERROR)}")
    if lines:
        facts += ["", "last log lines:", *(_log_line(line) for line in lines)]
    facts += ["", link(execution, server_url)]
    return f"{state}: {_short_name(execution)}", "\n".join(facts)


def late_message(namespace: str, flow_id: str, said: Sequence[str]) -> Message:
    """Of a flow, a sentence for each slot or execution that is late."""
    more = [f"and {len(said) - _LONGEST_LIST} more"] if len(said) > _LONGEST_LIST else []
    return f"LATE: {namespace}.{flow_id}", "\n".join([*said[:_LONGEST_LIST], *more])


def test_message(server_url: str) -> Message:
    """Of `taxi alert test`."""
    return "Test: taxi-pipelines", f"Alerts of {server_url} arrive here."


def what_for(execution: Execution) -> str:
    """Month, or slot, that it is for; empty where it is for none."""
    if month := month_of(execution):
        return f"month: {month}"
    slot = (execution.trigger or {}).get("date")
    return f"slot: {slot}" if slot else ""


def month_of(execution: Execution) -> str:
    """The month it was given, or started for, on one short line; empty where there is none."""
    places: tuple[Mapping[str, Any], ...] = (execution.inputs, execution.trigger or {})
    given = next((str(place["month"]) for place in places if place.get("month")), "")
    return _cut(" ".join(given.split()), _LONGEST_MONTH)


def link(execution: Execution, server_url: str) -> str:
    """Its page."""
    return f"{server_url}/executions/{execution.id}"


def culprit(runs: Sequence[TaskRun], state: State) -> TaskRun | None:
    """The task run that an end is due to: the innermost, of several the last."""
    parents = {run.parent_id for run in runs}
    these = [run for run in runs if run.state is state]
    return next((run for run in reversed(these) if run.id not in parents), these[-1] if these else None)


def minute(moment: datetime) -> str:
    """As 2024-01-31 09:00 UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _short_name(execution: Execution) -> str:
    return f"{execution.namespace}.{execution.flow_id} {month_of(execution)}".rstrip()


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _took(execution: Execution) -> str:
    if execution.started_at is None or execution.ended_at is None:
        return ""
    minutes, seconds = divmod(round((execution.ended_at - execution.started_at).total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    long = f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
    return f" after {long if hours or minutes else f'{seconds} s'}"


def _reason(error: str | None) -> str:
    return f": {_cut(error, _LONGEST_ERROR)}" if error else ""


def _log_line(line: LogLine) -> str:
    who = f" {line.task_id}" if line.task_id else ""
    return f"{line.logged_at.astimezone(UTC):%H:%M:%S} {line.level}{who}: {_cut(line.message, _LONGEST_LINE)}"


def _cut(text: str, length: int) -> str:
    text = text.strip()
    return text if len(text) <= length else f"{text[: length - 1]}…"
