"""Which executions are searched for: by plain parameters, or by Kestra's newer `filters[FIELD][OPERATION]=VALUE`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from taxi_pipelines.domain.states import State
from taxi_pipelines.errors import UsageError
from taxi_pipelines.flow_interfaces import ExecutionFilter

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
        since = self.since
        if self.time_range is not None:
            if since is not None:
                raise UsageError("startDate and timeRange exclude each other", "give one of them")
            try:
                since = now - abs(self.time_range)
            except OverflowError as error:
                raise UsageError("timeRange begins before all calendars", "give a shorter one") from error
        if since and self.until and since > self.until:
            raise UsageError("startDate is after endDate", "exchange them")
        return ExecutionFilter(
            namespace=self.namespace,
            flow_id=self.flow_id,
            states=self.states,
            since=since,
            until=self.until,
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
