"""The rows of the page of triggers. Filters look at what is kept of a trigger: flows are only read of the rows that are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from taxi_pipelines.api.routing import API
from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.flow import Flow, Trigger
from taxi_pipelines.domain.text import namespace_chain
from taxi_pipelines.domain.trigger import WEBHOOK, TriggerState, zone_of
from taxi_pipelines.engine.launch import find_flow
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.errors import PermanentError
from taxi_pipelines.scheduler.firing import named_trigger
from taxi_pipelines.web.trigger_words import SCHEDULES, as_written, kind_words, seen_words, slot_words
from taxi_pipelines.web.words import first_line

ON_A_PAGE = 30

STANDS = {"on": "On", "off": "Off", "error": "With an error"}
"""What one can look for, as the page says it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which triggers; empty means any."""

    namespace: str = ""
    flow_id: str = ""
    stands: str = ""
    text: str = ""

    @property
    def given(self) -> list[tuple[str, str]]:
        """As parameters of the page's address."""
        return [("namespace", self.namespace), ("flowId", self.flow_id), ("state", self.stands), ("q", self.text)]

    def fits(self, state: TriggerState) -> bool:
        """Whether it is one of those."""
        return (
            (not self.namespace or self.namespace in namespace_chain(state.namespace))
            and self.flow_id in ("", state.flow_id)
            and self.text.lower() in state.name.lower()
            and {"": True, "on": state.enabled, "off": not state.enabled}.get(self.stands, bool(state.error))
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class TriggerRow:
    """One of them, in words. `off_because` is why its switch alone does not let it fire."""

    state: TriggerState
    kind: str
    written: str
    zone: str
    last: Execution | None
    last_at: str
    next_at: str
    looks: bool
    seen: str
    error: str
    off_because: str
    can_backfill: bool
    webhook: str | None

    @property
    def flow_url(self) -> str:
        """Of its flow's page."""
        return f"/flows/{self.state.namespace}/{self.state.flow_id}"

    @property
    def backfill_url(self) -> str:
        """Of its dialog."""
        return f"/triggers/{self.state.namespace}/{self.state.flow_id}/{self.state.trigger_id}/backfill"


@dataclass(frozen=True, kw_only=True, slots=True)
class TriggerPage:
    """The rows of one page, how many there are in all, and of how many any could be."""

    rows: Sequence[TriggerRow]
    found: int
    known: int
    namespaces: Sequence[str]
    flows: Sequence[str]


def trigger_page(parts: Parts, wanted: Wanted, page: int, now: datetime) -> TriggerPage:
    """Page 1 is the first; by name."""
    states = parts.triggers.listed()
    found = [state for state in states if wanted.fits(state)]
    begin = (page - 1) * ON_A_PAGE
    return TriggerPage(
        rows=trigger_rows(parts, found[begin : begin + ON_A_PAGE], now),
        found=len(found),
        known=len(states),
        namespaces=sorted({state.namespace for state in states}),
        flows=sorted(
            {
                state.flow_id
                for state in states
                if not wanted.namespace or Wanted(namespace=wanted.namespace).fits(state)
            }
        ),
    )


def trigger_rows(parts: Parts, states: Sequence[TriggerState], now: datetime) -> list[TriggerRow]:
    """Each flow is read once, and all executions at once."""
    flows: dict[tuple[str, str], Flow | PermanentError] = {}
    for state in states:
        name = (state.namespace, state.flow_id)
        if name not in flows:
            flows[name] = _flow(parts, *name)
    started = parts.statistics.found({state.last_execution_id for state in states if state.last_execution_id})
    return [
        _row(parts, state, flows[state.namespace, state.flow_id], started.get(state.last_execution_id or ""), now)
        for state in states
    ]


def _flow(parts: Parts, namespace: str, id: str) -> Flow | PermanentError:
    try:
        return find_flow(parts, namespace, id)
    except PermanentError as error:
        return error


def _row(
    parts: Parts, state: TriggerState, flow: Flow | PermanentError, last: Execution | None, now: datetime
) -> TriggerRow:
    trigger: Trigger | None = None
    problem = state.error or ""
    if isinstance(flow, Flow):
        trigger = named_trigger(flow, state.trigger_id)
    else:
        problem = f"its flow cannot be read: {flow.what}"
    zone = zone_of(trigger) if trigger else ZoneInfo("UTC")
    is_schedule = state.type in SCHEDULES
    path = f"{API}/executions/webhook/{state.namespace}/{state.flow_id}/KEY"
    return TriggerRow(
        state=state,
        kind=kind_words(trigger) if trigger else state.type.rpartition(".")[2],
        written=as_written(trigger) if trigger else state.type,
        zone=str(zone) if is_schedule else "",
        last=last,
        last_at=slot_words(state.last_at, zone if is_schedule else parts.zone, now),
        next_at=slot_words(state.next_at, zone if is_schedule else parts.zone, now),
        looks=state.next_at is not None and not is_schedule,
        seen=seen_words(state),
        error=first_line(problem),
        off_because=_off_because(flow, trigger),
        can_backfill=is_schedule and isinstance(flow, Flow) and not flow.disabled,
        webhook=path if state.type == WEBHOOK else None,
    )


def _off_because(flow: Flow | PermanentError, trigger: Trigger | None) -> str:
    if isinstance(flow, Flow) and flow.disabled:
        return "its flow is disabled"
    return "the flow says disabled" if trigger and trigger.disabled else ""
