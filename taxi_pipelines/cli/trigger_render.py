"""Triggers and backfills as text for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from taxi_pipelines.domain.trigger import BackfillSlot, SlotState
from taxi_pipelines.scheduler.backfills import BackfillPlan
from taxi_pipelines.scheduler.control import BackfillView, TriggerView
from taxi_pipelines.scheduler.views import state_word

SHORT_ID = 8
_STYLES = {"DISABLED": "yellow", "DISABLED_BY_FLOW": "dim", "FAILED": "bold red"}


def triggers(views: Sequence[TriggerView]) -> RenderableType:
    """A line per trigger, then what keeps some of them from firing."""
    table = _table("trigger", "type", "state", "last", "next", "running")
    for view in views:
        word = state_word(view)
        table.add_row(
            view.state.name,
            view.trigger.type.rpartition(".")[2] if view.trigger else "?",
            Text(word.lower().replace("_", " "), _STYLES.get(word, "")),
            in_zone(view.state.last_at, view.zone),
            in_zone(view.state.next_at, view.zone),
            view.running.id[:SHORT_ID] if view.running else "",
        )
    faults = [Text(f"{view.state.name}: {view.state.error}", "red") for view in views if view.state.error]
    return Group(table, Text(""), *faults) if faults else table


def backfills(views: Sequence[BackfillView]) -> RenderableType:
    """A line per backfill."""
    table = _table("id", "trigger", "state", "from", "to", "slots")
    for view in views:
        one = view.backfill
        table.add_row(
            one.id[:SHORT_ID],
            one.trigger,
            str(one.state),
            in_zone(one.start, view.zone),
            in_zone(one.end, view.zone),
            counts(view.counts),
        )
    return table


def backfill(view: BackfillView) -> RenderableType:
    """One backfill, slot by slot."""
    table = _table("slot", "state", "execution", "")
    for slot in view.slots:
        table.add_row(
            in_zone(slot.slot, view.zone),
            Text(slot.state, _STYLES.get(slot.state, "")),
            (slot.execution_id or "")[:SHORT_ID],
            slot.error or "",
        )
    one = view.backfill
    head = f"{one.trigger}  backfill {one.id[:SHORT_ID]}  {one.state}  {counts(view.counts)}, {one.parallel} at a time"
    return Group(Text(head, "bold"), table)


def plan(planned: BackfillPlan) -> RenderableType:
    """What would be done, slot by slot."""
    table = _table("slot", "", "execution")
    for one in planned.slots:
        table.add_row(in_zone(one.slot, str(planned.zone)), str(one.action), (one.execution_id or "")[:SHORT_ID])
    return table


def counts(found: Mapping[SlotState, int]) -> str:
    """`5 success, 1 failed, 3 waiting`."""
    return ", ".join(f"{found[state]:,} {state.lower()}" for state in SlotState if found.get(state)) or "none"


def slot_line(slot: BackfillSlot, zone: str, done: int, of: int) -> str:
    """What has become of a slot, for the progress of a backfill."""
    said = f"  {slot.error}" if slot.error else f"  {slot.execution_id[:SHORT_ID]}" if slot.execution_id else ""
    return f"[{done}/{of}] {in_zone(slot.slot, zone)}  {slot.state}{said}"


def in_zone(moment: datetime | None, zone: str) -> str:
    """As the zone's clocks show it; never without the zone."""
    if moment is None:
        return ""
    shown = moment.astimezone(ZoneInfo(zone))
    return f"{shown:%Y-%m-%d %H:%M:%S} {zone}" if shown.second else f"{shown:%Y-%m-%d %H:%M} {zone}"


def _table(*names: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name, overflow="fold")
    return table
