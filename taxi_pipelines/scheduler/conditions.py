"""Whether conditions hold (`tasks/conditions.py` says what may be written). A condition that cannot be asked is an error.

Times are compared as Kestra does: between means after the one and before the other, neither included.
"""

from __future__ import annotations

import calendar
import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timezone
from typing import Any

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.flow import Flow
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.text import is_true, label_map
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.engine.rendering import Rendering, validated
from taxi_pipelines.errors import UsageError
from taxi_pipelines.task_types import Role

MULTIPLE = "io.kestra.plugin.core.condition.MultipleCondition"
_DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_PLACES = ("FIRST", "SECOND", "THIRD", "FOURTH")
_NESTED = frozenset({"conditions"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What conditions are asked about: a trigger of `flow`, and the execution that has ended, for a Flow trigger."""

    parts: Parts
    flow: Flow
    rendering: Rendering
    execution: Execution | None = None

    @property
    def ended(self) -> Execution:
        """The execution. Raises UsageError where there is none."""
        if self.execution is None:
            raise UsageError("a condition asks about an execution", "only triggers of type Flow have one")
        return self.execution


def all_hold(conditions: Iterable[Mapping[str, Any]], asked: Asked) -> bool:
    """Whether each of them holds. Raises PipelineError where one cannot be asked."""
    return all(holds(condition, asked) for condition in conditions)


def holds(condition: Mapping[str, Any], asked: Asked) -> bool:
    """Whether it holds."""
    spec = asked.parts.catalog.find(str(condition["type"]), Role.CONDITION)
    if spec is None:
        raise UsageError(f"there is no condition {condition['type']!r}", "`taxi flow validate` says which there are")
    own = {
        key: value if key in _NESTED else asked.rendering.deep(value)
        for key, value in condition.items()
        if key != "type" and value is not None
    }
    return _HOLDS[spec.name.rpartition(".")[2]](validated(spec.properties, own), asked)


def read_moment(text: str, asked: Asked) -> datetime:
    """A date and time as ISO 8601; one without a zone is of the server's."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError(f"{text!r} is not a date and time", "write it as 2024-01-31T09:00:00Z") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=asked.parts.zone)


def _date(properties: Any, asked: Asked) -> datetime:
    return read_moment(asked.rendering.text(properties.date), asked)


def _date_time_between(it: Any, asked: Asked) -> bool:
    date = _date(it, asked)
    after, before = (read_moment(text, asked) if text else None for text in (it.after, it.before))
    return (after is None or date > after) and (before is None or date < before)


def _time_between(it: Any, asked: Asked) -> bool:
    date = _date(it, asked)
    shown = date.timetz().replace(tzinfo=_offset(date))
    after, before = (_time(text, date) if text else None for text in (it.after, it.before))
    return (after is None or shown > after) and (before is None or shown < before)


def _time(text: str, date: datetime) -> time:
    """A time of day; one without an offset is meant as the date is."""
    try:
        found = time.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError(f"{text!r} is not a time of day", "write it as 06:00:00Z") from error
    return found if found.tzinfo else found.replace(tzinfo=_offset(date))


def _offset(date: datetime) -> timezone:
    """A zone's offset on that day: times of day know no zones."""
    offset = date.utcoffset()
    assert offset is not None
    return timezone(offset)


def _day_week(it: Any, asked: Asked) -> bool:
    return _DAYS[_date(it, asked).weekday()] == str(it.day_of_week)


def _day_week_in_month(it: Any, asked: Asked) -> bool:
    date = _date(it, asked)
    if _DAYS[date.weekday()] != it.day_of_week:
        return False
    if it.day_in_month == "LAST":
        return date.day + 7 > calendar.monthrange(date.year, date.month)[1]
    return (date.day - 1) // 7 == _PLACES.index(it.day_in_month)


def _weekend(it: Any, asked: Asked) -> bool:
    return _date(it, asked).weekday() >= _DAYS.index("SATURDAY")


def _public_holiday(it: Any, asked: Asked) -> bool:
    date = _date(it, asked)
    try:
        holidays = importlib.import_module("holidays")
    except ModuleNotFoundError as error:
        hint = 'run: pip install "taxi-pipelines[holidays]"'
        raise UsageError("the package for public holidays is not installed", hint) from error
    if not it.country:
        raise UsageError("PublicHoliday has no country", "name one, such as country: US")
    part = (it.sub_division or "").rpartition("-")[2] or None
    try:
        return date.date() in holidays.country_holidays(it.country.upper(), subdiv=part and part.upper())
    except NotImplementedError as error:
        raise UsageError(f"there are no holidays of {it.country} {part or ''}".rstrip(), "see ISO 3166") from error


def _execution_flow(it: Any, asked: Asked) -> bool:
    return (asked.ended.namespace, asked.ended.flow_id) == (it.namespace, it.flow_id)


def _execution_namespace(it: Any, asked: Asked) -> bool:
    return _in_namespace(it, asked.ended.namespace)


def _in_namespace(it: Any, namespace: str) -> bool:
    match it.comparison or ("PREFIX" if it.prefix else "EQUALS"):
        case "PREFIX":
            return namespace.startswith(it.namespace)
        case "SUFFIX":
            return namespace.endswith(it.namespace)
    return bool(namespace == it.namespace)


def _execution_labels(it: Any, asked: Asked) -> bool:
    return label_map(it.labels).items() <= asked.ended.labels.items()


def _is_among(state: State, it: Any) -> bool:
    return (not it.in_ or state in it.in_) and state not in it.not_in


def _execution_status(it: Any, asked: Asked) -> bool:
    return _is_among(asked.ended.state, it)


def _has_retry_attempt(it: Any, asked: Asked) -> bool:
    runs = asked.parts.executions.task_runs(asked.ended.id)
    return any(_is_among(attempt.state, it) for run in runs for attempt in run.attempts)


def _expression(it: Any, asked: Asked) -> bool:
    return is_true(it.expression)


def _flow(it: Any, asked: Asked) -> bool:
    return (asked.flow.namespace, asked.flow.id) == (it.namespace, it.flow_id)


def _flow_namespace(it: Any, asked: Asked) -> bool:
    return _in_namespace(it, asked.flow.namespace)


def _not(it: Any, asked: Asked) -> bool:
    return not any(holds(condition, asked) for condition in it.conditions)


def _or(it: Any, asked: Asked) -> bool:
    return any(holds(condition, asked) for condition in it.conditions)


def _multiple(it: Any, asked: Asked) -> bool:
    raise UsageError("a MultipleCondition stands within another condition", "write it among the trigger's own")


_HOLDS: Mapping[str, Callable[[Any, Asked], bool]] = {
    "DateTimeBetween": _date_time_between,
    "TimeBetween": _time_between,
    "DayWeek": _day_week,
    "DayWeekInMonth": _day_week_in_month,
    "Weekend": _weekend,
    "PublicHoliday": _public_holiday,
    "ExecutionFlow": _execution_flow,
    "ExecutionNamespace": _execution_namespace,
    "ExecutionLabels": _execution_labels,
    "ExecutionStatus": _execution_status,
    "ExecutionOutputs": _expression,
    "HasRetryAttempt": _has_retry_attempt,
    "Expression": _expression,
    "FlowCondition": _flow,
    "FlowNamespaceCondition": _flow_namespace,
    "Not": _not,
    "Or": _or,
    "MultipleCondition": _multiple,
}
