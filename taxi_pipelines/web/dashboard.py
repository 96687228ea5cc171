"""`/dashboard`: how it goes on the whole: what ran and how it ended, what runs, waits, failed, and comes next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from taxi_pipelines.api.routing import VIEWER, TheService
from taxi_pipelines.api.statistics import AMONG
from taxi_pipelines.domain.buckets import Bucket, edges
from taxi_pipelines.domain.durations import durations_by_flow
from taxi_pipelines.domain.month import Month
from taxi_pipelines.domain.states import ENDED, State
from taxi_pipelines.domain.trigger import TriggerState
from taxi_pipelines.errors import UsageError
from taxi_pipelines.flow_interfaces import ExecutionFilter, Page
from taxi_pipelines.service import Service
from taxi_pipelines.web.execution_rows import rows_of
from taxi_pipelines.web.live import live
from taxi_pipelines.web.pages import ThePages
from taxi_pipelines.web.trigger_words import LATE_AFTER, SCHEDULES, slot_words
from taxi_pipelines.web.words import short_date

router = APIRouter()

TEMPLATE = "dashboard.html"
LIVE_BLOCKS = ("summary", "figures", "now", "failures", "slots")
RANGES = {
    "24h": ("24 hours", timedelta(days=1), Bucket.HOUR),
    "7d": ("7 days", timedelta(days=7), Bucket.DAY),
    "30d": ("30 days", timedelta(days=30), Bucket.DAY),
}
SHOWN = 8
"""So many of what runs, failed, comes next, or is slow."""

GROUPS: Mapping[str, tuple[str, frozenset[State]]] = {
    "succeeded": ("good", frozenset({State.SUCCESS})),
    "with a warning": ("warn", frozenset({State.WARNING})),
    "not ended": ("run", frozenset(State) - ENDED),
    "killed or skipped": ("stop", frozenset({State.KILLED, State.CANCELLED, State.SKIPPED, State.RETRIED})),
    "failed": ("fail", frozenset({State.FAILED})),
}
"""What is drawn as one: name → tone and states; the first at the bottom."""

WAITS = frozenset({State.CREATED, State.QUEUED})
RUNS = frozenset(State) - ENDED - WAITS - {State.PAUSED}


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """What a schedule will start, and when: `words` are by its own clocks."""

    namespace: str
    flow_id: str
    at: datetime
    words: str
    zone: ZoneInfo
    is_late: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Fresh:
    """The newest month of a type that is loaded, and how many days ago it ended."""

    taxi: str
    month: str
    days: int


@router.get("/dashboard", **VIEWER)
def show(request: Request, pages: ThePages, service: TheService) -> Response:
    """Of the last day, or of a longer time."""
    name = _range(request)
    parts = service.orchestrator.parts
    now = parts.clock()
    timings = parts.statistics.timings(now - RANGES[name][1], AMONG)
    return pages.show(
        request,
        TEMPLATE,
        is_new=not parts.executions.count(ExecutionFilter(), 1),
        ranges=RANGES,
        durations=durations_by_flow(timings)[:SHOWN],
        timed=len(timings),
        fresh=_fresh(service, now),
        **_found(service, name),
    )


@router.get("/dashboard/live", **VIEWER)
def follow(request: Request, pages: ThePages, service: TheService) -> StreamingResponse:
    """What of it changes."""
    name = _range(request)

    def look() -> Mapping[str, str]:
        parts = pages.parts(request, TEMPLATE, LIVE_BLOCKS, **_found(service, name))
        return {f"dashboard-{block}": html for block, html in parts.items()}

    return live(service.news, look)


def _range(request: Request) -> str:
    name = request.query_params.get("range", "24h")
    if name not in RANGES:
        raise UsageError(f"there is no range {name!r}", f"there are {', '.join(RANGES)}")
    return name


def _found(service: Service, name: str) -> dict[str, Any]:
    """What changes while one looks."""
    parts = service.orchestrator.parts
    now = parts.clock()
    words, length, bucket = RANGES[name]
    at = edges(now - length, now, bucket, parts.zone)
    counts = parts.statistics.counts(at)
    totals = {state: sum(count.get(state, 0) for count in counts) for state in State}
    running = parts.executions.search(ExecutionFilter(states=RUNS), Page(limit=SHOWN))
    failures = parts.executions.search(ExecutionFilter(states=frozenset({State.FAILED})), Page(limit=SHOWN))
    return {
        "range": name,
        "range_words": words,
        "totals": totals,
        "ended": sum(totals[state] for state in ENDED),
        "begin": at[0].astimezone(parts.zone).strftime("%Y-%m-%d" if bucket is Bucket.DAY else "%Y-%m-%dT%H:%M"),
        "chart": _chart(at, counts, bucket, parts.zone),
        "running": rows_of(running, parts.statistics, now),
        "running_count": parts.executions.count(ExecutionFilter(states=RUNS)),
        "waiting_count": parts.executions.count(ExecutionFilter(states=WAITS)),
        "paused_count": parts.executions.count(ExecutionFilter(states=frozenset({State.PAUSED}))),
        "failures": rows_of(failures, parts.statistics, now),
        "slots": _slots(service, now),
    }


def _chart(
    at: Sequence[datetime], counts: Sequence[Mapping[State, int]], bucket: Bucket, zone: ZoneInfo
) -> dict[str, Any]:
    """As charts.js draws it; groups of which there are none are left out."""
    series = [
        {"name": name, "tone": tone, "values": [sum(count.get(state, 0) for state in states) for count in counts]}
        for name, (tone, states) in GROUPS.items()
    ]
    return {
        "title": f"Executions by {bucket.lower()} and state",
        "x": {
            "name": bucket.capitalize(),
            "values": [_bucket_word(edge.astimezone(zone), bucket) for edge in at[:-1]],
        },
        "series": [one for one in series if any(one["values"])],
        "stacked": True,
    }


def _bucket_word(at: datetime, bucket: Bucket) -> str:
    return f"{at:%H:%M}" if bucket is Bucket.HOUR else short_date(at)


def _slots(service: Service, now: datetime) -> list[Slot]:
    """The next ones of schedules; what polls looks all the time, which is no news."""
    states = service.orchestrator.parts.triggers.listed()
    to_come = [(state.next_at, state) for state in states if state.next_at and state.type in SCHEDULES]
    return [_slot(state, at, now) for at, state in sorted(to_come, key=lambda one: one[0])[:SHOWN]]


def _slot(state: TriggerState, at: datetime, now: datetime) -> Slot:
    zone = ZoneInfo(state.timing.rpartition(" ")[2])
    return Slot(
        namespace=state.namespace,
        flow_id=state.flow_id,
        at=at,
        words=slot_words(at, zone, now),
        zone=zone,
        is_late=now - at > LATE_AFTER and state.waits_for is None,
    )


def _fresh(service: Service, now: datetime) -> list[Fresh]:
    """By type, from the receipts."""
    newest: dict[str, Month] = {}
    for taxi, month in service.receipts.current(service.settings.target):
        if isinstance(month, Month):
            newest[taxi] = max(newest.get(taxi, month), month)
    return [
        Fresh(taxi=taxi, month=str(month), days=(now.date() - month.plus(1).first_day).days)
        for taxi, month in sorted(newest.items())
    ]
