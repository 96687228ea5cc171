"""Triggers: what may be written about them, S15 and S20. What they do is the trigger service's.

Source: Kestra's reference of `io.kestra.plugin.core.trigger`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, Field, model_validator

from taxi_pipelines.domain.states import State
from taxi_pipelines.task_types import FIXED, DurationText, Properties, Role, Typed, TypeSpec
from taxi_pipelines.tasks.conditions import TimeWindow

_PREFIX = "io.kestra.plugin.core.trigger."
_OLD = "io.kestra.core.models.triggers.types."


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        last = name.rpartition("/")[2].lower()
        near = sorted(zone for zone in available_timezones() if last and last in zone.lower())[:3]
        said = f": did you mean {' or '.join(near)}?" if near else ", such as UTC or America/New_York"
        raise ValueError(f"not a time zone{said}") from error
    return name


def _cron(text: str) -> str:
    """Refuses what is no cron expression, or never comes true."""
    from croniter import CroniterError, croniter  # noqa: PLC0415 - 50 ms most runs can do without

    fields = text.split()
    if not text.startswith("@") and len(fields) not in (5, 6):
        raise ValueError(f"a cron expression has 5 fields, or 6 with seconds first; this has {len(fields)}")
    try:
        croniter(text, datetime(2024, 1, 1), second_at_beginning=len(fields) == 6).get_next()  # noqa: DTZ001 - no zone matters
    except (CroniterError, ValueError, KeyError, OverflowError) as error:
        raise ValueError(f"not a cron expression that ever comes true: {error}") from error
    return text


Zone = Annotated[str, FIXED, AfterValidator(_zone)]
Recover = Annotated[Literal["ALL", "LAST", "NONE"], FIXED]


class Schedule(Properties):
    """At the times of a cron expression."""

    cron: Annotated[str, FIXED, AfterValidator(_cron)] = Field(
        description="Five fields, six with seconds first, or a nickname such as @monthly."
    )
    timezone: Zone = Field(default="UTC", description="Name of the zone the cron expression is meant in.")
    with_seconds: Annotated[bool, FIXED] = Field(
        default=False, description="Not needed: six fields say that there are seconds."
    )
    recover_missed_schedules: Recover = Field(
        default="ALL", description="Which slots missed while nothing ran are made up for: ALL, LAST or NONE."
    )
    late_maximum_delay: DurationText | None = Field(
        default=None, description="Slots later than this are left out, as an ISO 8601 duration."
    )
    schedule_conditions: Annotated[list[dict[str, Any]], Typed(Role.CONDITION)] = Field(
        default=[], description="The older name of `conditions`."
    )

    @model_validator(mode="after")
    def _seconds(self) -> Schedule:
        if self.with_seconds and len(self.cron.split()) == 5:
            raise ValueError("withSeconds is true, but the cron expression has no field for them")
        return self


def _moment(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError("not a date and time, such as 2024-01-31T09:00:00") from error
    return text


class ScheduleOnDates(Properties):
    """At given times."""

    dates: Annotated[list[Annotated[str, AfterValidator(_moment)]], FIXED] = Field(
        description="Dates and times, as ISO 8601."
    )
    timezone: Zone = Field(default="UTC", description="The zone of those that name none.")
    recover_missed_schedules: Recover = Field(
        default="ALL", description="Which slots missed while nothing ran are made up for: ALL, LAST or NONE."
    )


class Webhook(Properties):
    """When its URL is called."""

    key: str = Field(min_length=1, max_length=256, description="The secret last part of the URL.")
    wait: bool = Field(default=False, description="Whether the caller waits for the execution's end.")
    return_outputs: bool = Field(default=False, description="Whether it gets the flow's outputs then.")


class UpstreamFlow(Properties):
    """A flow to wait for."""

    namespace: str = Field(description="Namespace of the flow.")
    flow_id: str | None = Field(default=None, description="The flow; any of the namespace where none is given.")
    states: list[State] = Field(default=[], description="States its execution may end in.")
    labels: dict[str, Any] = Field(default={}, description="Labels its execution must have.")


class Filter(Properties):
    """A test of one field of an execution."""

    field: Literal["FLOW_ID", "NAMESPACE", "STATE", "EXPRESSION"] = Field(description="What is looked at.")
    type: Literal[
        "EQUAL_TO", "NOT_EQUAL_TO", "IN", "NOT_IN", "IS_TRUE", "IS_FALSE", "IS_NULL", "IS_NOT_NULL", "STARTS_WITH", "ENDS_WITH",
        "REGEX", "CONTAINS",
    ] = Field(description="How.")  # fmt: skip
    value: str | None = Field(default=None, description="What it is compared with.")
    values: list[str] | None = Field(default=None, description="What it is compared with, for IN and NOT_IN.")


class ExecutionFilter(Properties):
    """Which executions."""

    id: str = Field(description="Its name.")
    operand: Literal["AND", "OR"] = Field(default="AND", description="Whether all tests must hold, or any.")
    filters: list[Filter] = Field(description="The tests.")


class Preconditions(Properties):
    """Executions of other flows to wait for."""

    id: str = Field(description="Their name.")
    time_window: TimeWindow = Field(default=TimeWindow(), description="Within which all must have ended.")
    reset_on_success: bool = Field(default=True, description="Whether counting begins anew once all have ended.")
    flows: list[UpstreamFlow] = Field(default=[], description="Flows that must all have run.")
    where: list[ExecutionFilter] = Field(default=[], description="Which executions count.")


class FlowTrigger(Properties):
    """When executions of other flows have ended."""

    states: Annotated[list[State], FIXED] = Field(
        default=[State.SUCCESS, State.WARNING, State.FAILED, State.KILLED, State.CANCELLED],
        description="States an execution must have come to.",
    )
    preconditions: Annotated[Preconditions | None, FIXED] = Field(
        default=None, description="Executions to wait for within a window."
    )


class Polling(Properties):
    """Looks again and again."""

    interval: DurationText = Field(default="PT1M", description="Pause between looks, as an ISO 8601 duration.")


class FilePolling(Polling):
    """When files are there."""

    from_: str = Field(alias="from", description="Where to look.")
    reg_exp: str | None = Field(default=None, description="A regular expression that the whole name must match.")
    action: Literal["MOVE", "DELETE", "NONE"] = Field(
        default="NONE", description="What becomes of files that were found."
    )
    move_directory: str | None = Field(default=None, description="Where to, for MOVE.")


class Gcs(FilePolling):
    """When objects are in a bucket."""

    project_id: str | None = Field(default=None, description="Google Cloud project.")
    service_account: str | None = Field(default=None, description="Credentials, as JSON.")
    listing_type: Literal["DIRECTORY", "RECURSIVE"] = Field(default="DIRECTORY", description="How deep to look.")


class LocalFiles(FilePolling):
    """When files are in a folder."""

    recursive: bool = Field(default=False, description="Whether folders below count.")
    max_files: int = Field(default=25, ge=1, description="At most so many files at a time.")


class Http(Polling):
    """When an answer is as wanted."""

    uri: str = Field(description="What to ask.")
    method: Literal["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"] = Field(
        default="GET", description="HTTP verb."
    )
    body: str | None = Field(default=None, description="What to send.")
    headers: dict[str, str] = Field(default={}, description="Headers to send.")
    params: dict[str, str] = Field(default={}, description="Parameters to add to the URI.")
    content_type: str | None = Field(default=None, description="Media type of the body.")
    response_condition: str = Field(
        default="{{ response.statusCode < 400 }}", description="A template over `response`; it must say something true."
    )


class Published(Polling):
    """When the TLC has published a month."""

    taxi: str | list[str] = Field(description="yellow, green, fhv or fhvhv, a list of them, or all.")
    month: str | None = Field(default=None, description="Only this month, as 2024-01.")
    since: str | None = Field(
        default=None,
        description="The first month that counts, as 2024-01. Without one: the newest there is, and all that comes later.",
    )
    interval: DurationText = Field(default="PT1H", description="Pause between looks, as an ISO 8601 duration.")


def _core(name: str, title: str, properties: type[Properties], short: str, **more: Any) -> TypeSpec:
    return TypeSpec(
        name=f"{_PREFIX}{name}",
        aliases=(f"{_OLD}{name}", short),
        title=title,
        role=Role.TRIGGER,
        properties=properties,
        **more,
    )


_SLOT = {"date": "The slot's time.", "next": "That of the next.", "previous": "That of the one before."}
_FOUND = {"files": "What was found."}

TRIGGERS = (
    _core(
        "Schedule",
        "Starts an execution at the times of a cron expression.",
        Schedule,
        "schedule",
        outputs=_SLOT,
        example='type: schedule\ncron: "0 9 1 * *"\ntimezone: America/New_York',
    ),
    _core(
        "ScheduleOnDates",
        "Starts an execution at given times.",
        ScheduleOnDates,
        "scheduleOnDates",
        outputs=_SLOT,
        example="type: scheduleOnDates\ndates:\n  - 2024-01-31T09:00:00Z",
    ),
    _core(
        "Webhook",
        "Starts an execution when its URL is called.",
        Webhook,
        "webhook",
        outputs={"body": "What was sent.", "headers": "Its headers.", "parameters": "The URL's parameters."},
        example="type: webhook\nkey: \"{{ secret('WEBHOOK_KEY') }}\"",
    ),
    _core(
        "Flow",
        "Starts an execution when executions of other flows have ended.",
        FlowTrigger,
        "flow",
        outputs={
            "executionId": "The execution that ended.",
            "state": "How.",
            "namespace": "Its flow's namespace.",
            "flowId": "Its flow.",
            "executionLabels": "Its labels.",
            "outputs": "What it put out.",
        },
        example="type: flow\npreconditions:\n  id: loaded\n  flows:\n    - namespace: taxi\n      flowId: load",
    ),
    TypeSpec(
        name="io.kestra.plugin.gcp.gcs.Trigger",
        aliases=("gcs.trigger",),
        title="Starts an execution when objects are in a bucket.",
        role=Role.TRIGGER,
        properties=Gcs,
        outputs={"blobs": "What was found."},
        example="type: gcs.trigger\nfrom: gs://my-bucket/incoming/\naction: MOVE\nmoveDirectory: gs://my-bucket/done/",
    ),
    TypeSpec(
        name="io.kestra.plugin.fs.local.Trigger",
        aliases=("local.trigger",),
        title="Starts an execution when files are in a folder.",
        role=Role.TRIGGER,
        properties=LocalFiles,
        outputs=_FOUND,
        example='type: local.trigger\nfrom: /data/incoming\nregExp: ".*[.]csv"',
    ),
    TypeSpec(
        name="io.kestra.plugin.core.http.Trigger",
        aliases=("io.kestra.plugin.fs.http.Trigger", "http.trigger"),
        title="Starts an execution when an HTTP answer is as wanted.",
        role=Role.TRIGGER,
        properties=Http,
        unrendered=frozenset({"responseCondition"}),
        names=frozenset({"response"}),
        outputs={"code": "Its status.", "body": "The answer.", "headers": "Its headers."},
        example='type: http.trigger\nuri: https://example.com/state\nresponseCondition: "{{ response.statusCode == 200 }}"',
    ),
    TypeSpec(
        name="taxi.published",
        title="Starts an execution when the TLC has published a month.",
        role=Role.TRIGGER,
        properties=Published,
        outputs={
            "taxi": "The type of taxi.",
            "month": "The month.",
            "etag": "The version of its file.",
            "uri": "Its file.",
            "bytes": "How large that is.",
        },
        example="type: taxi.published\ntaxi: [yellow, green]",
    ),
)
"""Every type of trigger."""
