"""Bodies of triggers, as Kestra names their parts, and of backfills, which are ours."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field, JsonValue

from taxi_pipelines.api.bodies import Body, Label, Text, Values, with_example
from taxi_pipelines.domain.trigger import BackfillState, SlotState
from taxi_pipelines.scheduler.backfills import SlotAction

_TRIGGER: dict[str, Any] = {
    "namespace": "nyc.taxi",
    "flowId": "monthly",
    "triggerId": "first_of_month",
    "date": "2024-03-01T14:00:00Z",
    "nextExecutionDate": "2024-04-01T13:00:00Z",
    "timezone": "America/New_York",
    "executionId": None,
    "lastExecutionId": "k3v9q0c2m7x1a5b8d4fz",
    "disabled": False,
    "error": None,
}


class TriggerBody(Body):
    """Where a trigger stands. `date` is the slot that fired last, `executionId` what it started and still runs.

    `disabled` is the switch of this API; what the flow itself says is in the flow.
    """

    model_config = with_example(**_TRIGGER)

    namespace: str
    flow_id: str
    trigger_id: str
    date: datetime | None
    next_execution_date: datetime | None
    timezone: str
    execution_id: str | None
    last_execution_id: str | None
    disabled: bool
    error: str | None


class TriggerItem(Body):
    """A trigger as its flow has it, and where it stands."""

    model_config = with_example(abstractTrigger={"id": "first_of_month", "type": "schedule"}, triggerContext=_TRIGGER)

    abstract_trigger: dict[str, JsonValue] | None
    trigger_context: TriggerBody


class TriggerItems(Body):
    """A page of triggers, by name, and how many there are in all."""

    model_config = with_example(results=[], total=0)

    results: list[TriggerItem]
    total: int


class TriggerPage(Body):
    """A page of a flow's triggers, by name, and how many there are in all."""

    model_config = with_example(results=[_TRIGGER], total=1)

    results: list[TriggerBody]
    total: int


class TriggerName(Body):
    """Which trigger."""

    model_config = with_example(namespace="nyc.taxi", flowId="monthly", triggerId="first_of_month")

    namespace: str
    flow_id: str
    trigger_id: str

    @property
    def full(self) -> str:
        """`namespace.flow.trigger`."""
        return f"{self.namespace}.{self.flow_id}.{self.trigger_id}"


class Window(Body):
    """The slots to make up for, both ends included, as Kestra asks for them."""

    start: datetime
    end: datetime | None = None
    inputs: Values | None = None
    labels: list[Label] | None = None


class TriggerChange(TriggerName):
    """A switch, or a backfill to start, as Kestra asks for both; what else Kestra sends along is left alone."""

    model_config = ConfigDict(extra="ignore") | with_example(
        namespace="nyc.taxi", flowId="monthly", triggerId="first_of_month", disabled=True
    )

    disabled: bool | None = None
    backfill: Window | None = None


class Switches(Body):
    """Triggers to switch."""

    model_config = with_example(
        triggers=[{"namespace": "nyc.taxi", "flowId": "monthly", "triggerId": "first_of_month"}], disabled=True
    )

    triggers: list[TriggerName]
    disabled: bool


class BackfillOrder(Body):
    """A backfill to start. `start` and `end` are months, days or times, both included."""

    model_config = with_example(
        trigger="nyc.taxi.monthly.first_of_month", start="2021-01", end="2021-07", parallel=2, inputs={"taxi": "green"}
    )

    trigger: str
    start: str
    end: str
    parallel: int = Field(default=1, ge=1, le=1_000)
    inputs: Values = Field(default_factory=dict)
    labels: dict[Text, Text] = Field(default_factory=dict)
    force: bool = False


class PlannedSlotBody(Body):
    """What a backfill would do about a slot; `executionId` is the one that has succeeded, or runs."""

    slot: datetime
    action: SlotAction
    execution_id: str | None


class BackfillPlanBody(Body):
    """What a backfill would do."""

    model_config = with_example(
        trigger="nyc.taxi.monthly.first_of_month",
        timezone="America/New_York",
        slots=[{"slot": "2021-01-01T14:00:00Z", "action": "run", "executionId": None}],
    )

    trigger: str
    timezone: str
    slots: list[PlannedSlotBody]


class BackfillSlotBody(Body):
    """What became of a slot."""

    slot: datetime
    state: SlotState
    execution_id: str | None
    error: str | None


class BackfillBody(Body):
    """A backfill, with its slots, the earliest first; lists of backfills leave those out."""

    model_config = with_example(
        id="b2c4",
        trigger="nyc.taxi.monthly.first_of_month",
        timezone="America/New_York",
        start="2021-01-01T00:00:00Z",
        end="2021-07-31T23:59:59Z",
        parallel=2,
        inputs={"taxi": "green"},
        labels={},
        force=False,
        state="RUNNING",
        counts={"SUCCESS": 3, "RUNNING": 2, "WAITING": 2},
        createdAt="2024-03-01T09:00:00Z",
        endedAt=None,
        slots=None,
    )

    id: str
    trigger: str
    timezone: str
    start: datetime
    end: datetime
    parallel: int
    inputs: dict[str, JsonValue]
    labels: dict[str, str]
    force: bool
    state: BackfillState
    counts: dict[SlotState, int]
    created_at: datetime
    ended_at: datetime | None
    slots: list[BackfillSlotBody] | None
