"""Conditions of triggers: what may be written about them. Whether they hold is the trigger service's to find out.

Source: Kestra's reference of `io.kestra.plugin.core.condition`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from taxi_pipelines.domain.states import State
from taxi_pipelines.task_types import FIXED, DurationText, Properties, Role, Typed, TypeSpec

_PREFIX = "io.kestra.plugin.core.condition."
_OLD = "io.kestra.core.models.conditions.types."

Day = Literal["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]
_SLOT = "{{ trigger.date }}"


class OfDate(Properties):
    """A condition on a date."""

    date: str = Field(default=_SLOT, description="The date to look at; the slot's where none is given.")


class DateTimeBetween(OfDate):
    """Within a span of time."""

    after: str | None = Field(default=None, description="The earliest time that will do, as ISO 8601.")
    before: str | None = Field(default=None, description="The latest time that will do, as ISO 8601.")


class TimeBetween(DateTimeBetween):
    """Within a part of each day."""


class DayWeek(OfDate):
    """On a day of the week."""

    day_of_week: Day = Field(description="MONDAY … SUNDAY.")


class DayWeekInMonth(DayWeek):
    """On a day of the week, once a month."""

    day_in_month: Literal["FIRST", "LAST", "SECOND", "THIRD", "FOURTH"] = Field(
        description="Which of them in the month: FIRST, SECOND, THIRD, FOURTH or LAST."
    )


class PublicHoliday(OfDate):
    """On public holidays."""

    country: str | None = Field(default=None, description="ISO 3166 code of the country.")
    sub_division: str | None = Field(default=None, description="ISO 3166-2 code of the part of the country.")


class OfFlow(Properties):
    """Of one flow."""

    namespace: str = Field(description="Namespace of the flow.")
    flow_id: str = Field(description="The flow.")


class OfNamespace(Properties):
    """Of one namespace."""

    namespace: str = Field(description="Namespace of the flow.")
    prefix: bool = Field(default=False, description="Whether namespaces that begin so will do, too.")
    comparison: Literal["EQUALS", "PREFIX", "SUFFIX"] | None = Field(
        default=None, description="How names are compared."
    )


class ExecutionLabels(Properties):
    """With labels."""

    labels: dict[str, Any] | list[dict[str, Any]] = Field(description="Labels the execution must have.")


class ExecutionStatus(Properties):
    """In one of some states."""

    in_: Annotated[list[State], FIXED] = Field(default=[], alias="in", description="States that will do.")
    not_in: Annotated[list[State], FIXED] = Field(default=[], description="States that will not.")


class Expression(Properties):
    """An expression."""

    expression: str = Field(description="A template; what it says must be true.")


class Several(Properties):
    """Conditions of conditions."""

    conditions: Annotated[list[dict[str, Any]], Typed(Role.CONDITION)] = Field(description="The conditions.")


class TimeWindow(Properties):
    """When several things must have happened."""

    type: Literal["DAILY_TIME_DEADLINE", "DAILY_TIME_WINDOW", "DURATION_WINDOW", "SLIDING_WINDOW"] = Field(
        default="DURATION_WINDOW", description="What kind of window it is."
    )
    deadline: str | None = Field(default=None, description="Time of day, for DAILY_TIME_DEADLINE.")
    start_time: str | None = Field(default=None, description="Time of day, for DAILY_TIME_WINDOW.")
    end_time: str | None = Field(default=None, description="Time of day, for DAILY_TIME_WINDOW.")
    window: DurationText | None = Field(default=None, description="How long it is, as an ISO 8601 duration.")
    window_advance: DurationText | None = Field(default=None, description="By how much it begins later.")


class Multiple(Properties):
    """Several conditions, each once within a window."""

    id: str = Field(description="Its name.")
    time_window: TimeWindow = Field(default=TimeWindow(), description="When all must have happened.")
    window: DurationText | None = Field(default=None, description="The older way to write the window's length.")
    window_advance: DurationText | None = Field(default=None, description="The older way to write its beginning.")
    reset_on_success: bool = Field(default=True, description="Whether counting begins anew once all have happened.")
    conditions: Annotated[dict[str, Any], Typed(Role.CONDITION, named=True)] = Field(description="Name → condition.")


def _condition(
    name: str, title: str, properties: type[Properties], *, older: str | None = None, example: str = ""
) -> TypeSpec:
    old = older or f"{name}Condition"
    aliases = (f"{_PREFIX}{old}", f"{_OLD}{old}") if old != name else (f"{_OLD}{name}",)
    return TypeSpec(
        name=f"{_PREFIX}{name}",
        aliases=(*aliases, name[0].lower() + name[1:]),
        title=title,
        role=Role.CONDITION,
        properties=properties,
        example=f"type: {_PREFIX}{name}\n{example}".rstrip(),
    )


CONDITIONS = (
    _condition("DateTimeBetween", "Within a span of time.", DateTimeBetween, example='after: "2024-01-01T00:00:00Z"'),
    _condition("TimeBetween", "Within a part of each day.", TimeBetween, example='after: "06:00:00Z"'),
    _condition("DayWeek", "On a day of the week.", DayWeek, example="dayOfWeek: MONDAY"),
    _condition(
        "DayWeekInMonth",
        "On the first, second … of a day of the week in the month.",
        DayWeekInMonth,
        example="dayOfWeek: MONDAY\ndayInMonth: FIRST",
    ),
    _condition("Weekend", "On Saturdays and Sundays.", OfDate),
    _condition("PublicHoliday", "On public holidays.", PublicHoliday, example="country: US"),
    _condition("ExecutionFlow", "An execution of a flow.", OfFlow, example="namespace: taxi\nflowId: load"),
    _condition(
        "ExecutionNamespace", "An execution in a namespace.", OfNamespace, example="namespace: taxi\nprefix: true"
    ),
    _condition("ExecutionLabels", "An execution with labels.", ExecutionLabels, example="labels:\n  taxi: green"),
    _condition(
        "ExecutionStatus", "An execution in one of some states.", ExecutionStatus, example="in: [FAILED, WARNING]"
    ),
    _condition(
        "ExecutionOutputs",
        "An execution whose outputs say so.",
        Expression,
        example='expression: "{{ trigger.outputs.rows > 0 }}"',
    ),
    _condition(
        "HasRetryAttempt", "An execution with attempts in one of some states.", ExecutionStatus, example="in: [FAILED]"
    ),
    _condition(
        "Expression",
        "An expression is true.",
        Expression,
        example='expression: "{{ trigger.date is even }}"',
    ),
    _condition(
        "FlowCondition", "The flow is this one.", OfFlow, older="FlowCondition", example="namespace: taxi\nflowId: load"
    ),
    _condition(
        "FlowNamespaceCondition",
        "The flow is in this namespace.",
        OfNamespace,
        older="FlowNamespaceCondition",
        example="namespace: taxi",
    ),
    _condition("Not", "None of some conditions.", Several, example="conditions:\n  - type: weekend"),
    _condition(
        "Or", "Any of some conditions.", Several, example="conditions:\n  - type: weekend\n  - type: publicHoliday"
    ),
    _condition(
        "MultipleCondition",
        "Several conditions, each once within a window.",
        Multiple,
        older="MultipleCondition",
        example="id: both\nconditions:\n  load:\n    type: executionFlow\n    namespace: taxi\n    flowId: load",
    ),
)
"""Every type of condition."""
