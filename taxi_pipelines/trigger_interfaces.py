"""What the scheduler needs of the world besides what the engine does: triggers, backfills, news of ends, places to look at."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol

from taxi_pipelines.domain.alert import Alert, Place
from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.trigger import Backfill, BackfillSlot, SlotState, TriggerState


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """News that an execution has come to an end, in this state then."""

    number: int
    execution_id: str
    state: State


class Endings(Protocol):
    """News of ended executions, left in the transaction that ends them, for each consumer that wants them."""

    def listen(self, consumer: str, *, wanted: bool) -> None:
        """From now on such news are kept for it, or no more; what it has not taken goes then."""
        ...

    def waiting(self, consumer: str, limit: int) -> list[Ending]:
        """What it has not taken yet, oldest first."""
        ...

    def take(self, numbers: Sequence[int]) -> bool:
        """Removes them; False, and nothing is removed, where somebody else has taken one of them."""
        ...


class AlertBox(Protocol):
    """Alerts on their way: none is lost between the news it is about and the place it goes to."""

    def put(self, new: Sequence[Alert], taken_endings: Sequence[int]) -> bool:
        """Keeps them, and removes the news, in one transaction; False, and nothing is done, where somebody else has taken one."""
        ...

    def looked_at(self) -> datetime | None:
        """Until when it was looked for what is late; None where never."""
        ...

    def put_late(self, new: Sequence[Alert], before: datetime | None, now: datetime) -> bool:
        """Keeps them, and that it was looked until now; False, and nothing is done, where somebody else has looked since."""
        ...

    def claim(self, now: datetime, until: datetime, but: Collection[Place] = ()) -> Alert | None:
        """One that nobody else sends until then, of those for other places: the one tried least, the oldest of them."""
        ...

    def keep(self, alert: Alert) -> None:
        """It could not be sent this time; anybody may try again."""
        ...

    def remove(self, alert: Alert) -> None:
        """It was sent, or is given up."""
        ...


class Triggers(Protocol):
    """The triggers of all flows that are kept, as they stand."""

    def keep(self, namespace: str, flow_id: str, states: Sequence[TriggerState]) -> None:
        """As `Flows.save` does: new ones appear, others go, those that stay go on (`domain.trigger.kept_state`)."""
        ...

    def listed(self, namespace: str | None = None) -> list[TriggerState]:
        """All of a namespace and those below it, by name."""
        ...

    def find(self, namespace: str, flow_id: str, trigger_id: str) -> TriggerState | None:
        """One of them."""
        ...

    def due(self, now: datetime, limit: int) -> list[TriggerState]:
        """Those whose time has come, and which wait for no execution any more, the longest due first."""
        ...

    def next_due(self) -> datetime | None:
        """When the next one will be due, of those that wait for no execution; None where nothing comes by itself."""
        ...

    def listening(self) -> list[TriggerState]:
        """Those that want to know of ended executions."""
        ...

    def change(
        self,
        changes: Sequence[tuple[TriggerState, TriggerState]],
        *,
        new_executions: Sequence[Execution] = (),
        taken_endings: Sequence[int] = (),
    ) -> bool:
        """Writes (before, after) of each, the executions and the taking of endings in one transaction.

        False, and nothing is written, where somebody has changed one of them, or taken one of those, meanwhile: so a slot fires
        once, whoever does it, and no crash loses or doubles it. `version` is counted up here.
        """
        ...


class Backfills(Protocol):
    """Backfills and their slots."""

    def create(self, backfill: Backfill, slots: Sequence[BackfillSlot]) -> None:
        """Keeps a new one."""
        ...

    def find(self, id_or_prefix: str) -> Backfill | None:
        """None for an empty prefix. Raises AmbiguousId where the prefix fits several."""
        ...

    def listed(self, *, unended: bool = False) -> list[Backfill]:
        """Newest first; only those of which something may still run or begin, if so."""
        ...

    def slots(self, id: str, state: SlotState | None = None, limit: int | None = None) -> list[BackfillSlot]:
        """Its slots, or those in one state, earliest first."""
        ...

    def counts(self, ids: Sequence[str]) -> dict[str, dict[SlotState, int]]:
        """By backfill, how many of its slots are in each state."""
        ...

    def executed(
        self, namespace: str, flow_id: str, trigger_id: str, start: datetime, end: datetime
    ) -> list[tuple[datetime, str, State]]:
        """(slot, execution, its state) of all executions of these slots, both ends included; oldest first."""
        ...

    def start(self, slot: BackfillSlot, execution: Execution) -> bool:
        """WAITING → RUNNING and the execution in one transaction, while the backfill is RUNNING and fewer than `parallel` run."""
        ...

    def change_slot(self, before: BackfillSlot, after: BackfillSlot) -> bool:
        """False where its state is another one by now."""
        ...

    def settle(self, id: str, now: datetime) -> Backfill | None:
        """RUNNING slots whose executions have ended take their states; where nothing is left to do, it is DONE."""
        ...

    def change(self, before: Backfill, after: Backfill, slots: Mapping[SlotState, SlotState] | None = None) -> bool:
        """False where its state is another one by now; `slots`: which states of its slots become which."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedMonth:
    """A month's file as it is published: `mark` changes when the file does."""

    taxi: str
    month: str
    mark: str
    uri: str
    bytes: int | None


class Published(Protocol):
    """Which months are published."""

    def types(self, named: Sequence[str]) -> list[str]:
        """The types of those names, `all` for every one that is published by month. Raises UsageError."""
        ...

    def months(self, taxi: str, since: str | None, now: datetime) -> list[PublishedMonth]:
        """Those published since a month, or else of the last year, in order. Raises SourceUnavailable and UsageError."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundObject:
    """An object of a bucket: `mark` changes when its content does."""

    uri: str
    name: str
    bytes: int
    mark: str
    updated_at: datetime


class Objects(Protocol):
    """Objects of buckets, by gs:// URI; `credentials` are a key's JSON, or None for those of the configuration."""

    def listed(self, folder: str, *, recursive: bool, credentials: str | None) -> list[FoundObject]:
        """What lies in a folder, by name. Raises PipelineError."""
        ...

    def fetch(self, uri: str, target: BinaryIO, credentials: str | None) -> None:
        """Writes its content to `target`."""
        ...

    def move(self, uri: str, to: str, credentials: str | None) -> None:
        """Into another folder; nothing where it is gone."""
        ...

    def delete(self, uri: str, credentials: str | None) -> None:
        """Nothing where it is gone."""
        ...
