"""Which executions are searched for: by plain parameters, or by Kestra's newer `filters[FIELD][OPERATION]=VALUE`.

Which log lines are: by plain parameters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Depends, Query, Request
from pydantic import AwareDatetime, TypeAdapter, ValidationError

from taxi_pipelines.api.routing import TheService, aware, parse_labels
from taxi_pipelines.domain.records import Level
from taxi_pipelines.domain.states import State
from taxi_pipelines.errors import UsageError
from taxi_pipelines.flow_interfaces import ExecutionFilter, LogFilter

LONGEST_SEARCH = 1_000
"""Characters; SQLite gives up at 50,000 bytes of a pattern."""

_FORM = re.compile(r"filters\[(\w+)\]\[(\w+)\](?:\[([^\]]+)\])?")
_OPERATIONS = {
    "namespace": ("EQUALS", "PREFIX", "STARTS_WITH"),
    "flowId": ("EQUALS",),
    "state": ("EQUALS", "IN"),
    "labels": ("EQUALS",),
    "startDate": ("GREATER_THAN_OR_EQUAL_TO", "GREATER_THAN"),
    "endDate": ("LESS_THAN_OR_EQUAL_TO", "LESS_THAN"),
    "timeRange": ("EQUALS",),
    "triggerExecutionId": ("EQUALS",),
}
_MOMENT: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)
_DURATION = TypeAdapter(timedelta)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What a search is for, as it was written; None means any."""

    namespace: str | None = None
    flow_id: str | None = None
    states: frozenset[State] | None = None
    since: datetime | None = None
    until: datetime | None = None
    time_range: timedelta | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    caller_execution_id: str | None = None

    def as_filter(self, now: datetime) -> ExecutionFilter:
        """As the store takes it. Raises UsageError where the times contradict each other."""
        since, until = _times(self.since, self.until, self.time_range, now)
        return ExecutionFilter(
            namespace=self.namespace,
            flow_id=self.flow_id,
            states=self.states,
            since=since,
            until=until,
            labels=self.labels,
            caller_execution_id=self.caller_execution_id,
        )


def read_filters(parameters: Sequence[tuple[str, str]], wanted: Wanted) -> Wanted:
    """With what the parameters named `filters[…]` add. Raises UsageError for one that is not understood."""
    for name, value in parameters:
        if not name.startswith("filters"):
            continue
        found = _FORM.fullmatch(name)
        if not found or found[2] not in _OPERATIONS.get(found[1], ()):
            valid = ", ".join(f"filters[{key}][{operations[0]}]" for key, operations in _OPERATIONS.items())
            raise UsageError(f"{name} is not understood", f"valid are {valid}")
        try:
            wanted = _with(wanted, found[1], found[3], value)
        except (ValidationError, ValueError) as error:
            raise UsageError(
                f"{name}: {value!r} is not valid there", "see the plain parameters of that name"
            ) from error
    return wanted


def _with(wanted: Wanted, name: str, key: str | None, value: str) -> Wanted:
    match name:
        case "namespace":
            return replace(wanted, namespace=value)
        case "flowId":
            return replace(wanted, flow_id=value)
        case "state":
            return replace(wanted, states=(wanted.states or frozenset()) | {State(part) for part in value.split(",")})
        case "labels":
            key, value = (key, value) if key else (value.partition(":")[0], value.partition(":")[2])
            return replace(wanted, labels={**wanted.labels, key: value})
        case "startDate":
            return replace(wanted, since=_MOMENT.validate_python(value))
        case "endDate":
            return replace(wanted, until=_MOMENT.validate_python(value))
        case "timeRange":
            return replace(wanted, time_range=_DURATION.validate_python(value))
        case _:
            return replace(wanted, caller_execution_id=value)


def _times(
    since: datetime | None, until: datetime | None, time_range: timedelta | None, now: datetime
) -> tuple[datetime | None, datetime | None]:
    """Raises UsageError where they contradict each other."""
    if time_range is not None:
        if since is not None:
            raise UsageError("startDate and timeRange exclude each other", "give one of them")
        try:
            since = now - abs(time_range)
        except OverflowError as error:
            raise UsageError("timeRange begins before all calendars", "give a shorter one") from error
    if since and until and since > until:
        raise UsageError("startDate is after endDate", "exchange them")
    return since, until


Namespace = Annotated[str | None, Query(description="This namespace, and those below it.")]
FlowId = Annotated[str | None, Query(alias="flowId", description="Of this flow.")]
MinLevel = Annotated[Level | None, Query(alias="minLevel", description="Only lines of this level or worse.")]
TimeRange = Annotated[timedelta | None, Query(alias="timeRange", description="Of the last P1D, say.")]


async def _executions(
    service: TheService,
    request: Request,
    labels: Annotated[list[str], Query(default_factory=list, description="Labels, each as KEY:VALUE.")],
    state: Annotated[list[State], Query(default_factory=list, description="In one of these states.")],
    namespace: Namespace = None,
    flow_id: FlowId = None,
    start_date: Annotated[datetime | None, Query(alias="startDate", description="Created then or later.")] = None,
    end_date: Annotated[datetime | None, Query(alias="endDate", description="Created before then.")] = None,
    time_range: TimeRange = None,
    called_by: Annotated[str | None, Query(alias="triggerExecutionId", description="Called by this execution.")] = None,
) -> ExecutionFilter:
    given = Wanted(
        namespace=namespace,
        flow_id=flow_id,
        states=frozenset(state) or None,
        since=aware(start_date, service),
        until=aware(end_date, service),
        time_range=time_range,
        labels=parse_labels(labels),
        caller_execution_id=called_by,
    )
    return read_filters(request.query_params.multi_items(), given).as_filter(service.orchestrator.parts.clock())


async def _lines(
    service: TheService,
    q: Annotated[
        str | None, Query(max_length=LONGEST_SEARCH, description="Text that is anywhere in the line, in any case.")
    ] = None,
    namespace: Namespace = None,
    flow_id: FlowId = None,
    execution_id: Annotated[str | None, Query(alias="executionId", description="Of this execution.")] = None,
    task: Annotated[str | None, Query(alias="taskId", description="Of this task.")] = None,
    min_level: MinLevel = None,
    start_date: Annotated[datetime | None, Query(alias="startDate", description="Of then or later.")] = None,
    end_date: Annotated[datetime | None, Query(alias="endDate", description="Of before then.")] = None,
    time_range: TimeRange = None,
) -> LogFilter:
    now = service.orchestrator.parts.clock()
    since, until = _times(aware(start_date, service), aware(end_date, service), time_range, now)
    return LogFilter(
        text=q or None,
        execution_id=execution_id,
        task=task,
        namespace=namespace,
        flow_id=flow_id,
        level=min_level,
        since=since,
        until=until,
    )


TheExecutions = Annotated[ExecutionFilter, Depends(_executions)]
TheLines = Annotated[LogFilter, Depends(_lines)]
"""Of a route: what its parameters ask for."""
