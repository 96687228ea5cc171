"""The log of one execution as a page shows it: a window of its lines, traces folded, and the stream of those that come."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from taxi_pipelines.api.follow import event_stream
from taxi_pipelines.domain.records import Level, LogLine
from taxi_pipelines.flow_interfaces import LogFilter, Logs, Page
from taxi_pipelines.service import Service
from taxi_pipelines.web.execution_head import execution_of
from taxi_pipelines.web.live import SHORTEST_GAP
from taxi_pipelines.web.words import long_date, marked, plural

AT_ONCE = 1_000
"""Lines that are loaded at a time."""

BEFORE_IT = 200
"""Lines that are shown before the one a page is opened at."""

_LOOK_SECONDS = 0.5
_LONGEST_HEAD = 2_000
_TRACE = re.compile(r"Traceback \(most recent call last\):|\s+at \S|\s+File \"")
_INSIDE = re.compile(r"\s|\Z|Traceback \(most recent call last\):|The above exception|During handling")


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """Lines in order, and whether there are earlier and later ones. `at`: the number of the line it was opened at."""

    lines: Sequence[LogLine]
    earlier: bool = False
    later: bool = False
    at: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A line as it is shown; `folded` is what opens: the rest of a long text, or the lines of a trace."""

    number: int
    at: str
    moment: str
    new_day: str
    level: str
    task_id: str
    text: Markup
    folded: str = ""
    fold_words: str = ""


def window(logs: Logs, wanted: LogFilter, *, at: int | None = None) -> Window:
    """The last lines of those wanted (`wanted.before`: before that one), or those around the line `at`."""
    if at is None:
        found = logs.search_lines(wanted, Page(limit=AT_ONCE + 1))
        return Window(lines=found[:AT_ONCE][::-1], earlier=len(found) > AT_ONCE)
    above = logs.search_lines(replace(wanted, before=at), Page(limit=BEFORE_IT + 1))
    below = later_than(logs, wanted, at - 1)
    lines = [*above[:BEFORE_IT][::-1], *below[:AT_ONCE]]
    return Window(lines=lines, earlier=len(above) > BEFORE_IT, later=len(below) > AT_ONCE, at=at)


def later_than(logs: Logs, wanted: LogFilter, number: int) -> list[LogLine]:
    """Those after a line; one more than are shown at a time where there are more."""
    assert wanted.execution_id
    found: list[LogLine] = []
    while len(found) <= AT_ONCE:
        lines = logs.lines(
            wanted.execution_id, after=number, level=wanted.level, task_id=wanted.task, limit=AT_ONCE + 1
        )
        text = (wanted.text or "").lower()
        found += [line for line in lines if text in line.message.lower()]
        if len(lines) <= AT_ONCE:
            break
        number = lines[-1].number
    return found[: AT_ONCE + 1]


def first_error(logs: Logs, execution_id: str) -> int | None:
    """The number of the first line that says what went wrong."""
    found = logs.lines(execution_id, level=Level.ERROR, limit=1)
    return found[0].number if found else None


def entries(lines: Sequence[LogLine], zone: ZoneInfo, text: str = "") -> list[Entry]:
    """As they are shown; what was searched for is marked."""
    found: list[Entry] = []
    today: date | None = None
    place = 0
    while place < len(lines):
        line = lines[place]
        there = line.logged_at.astimezone(zone)
        trace = 0 if text else _trace_length(lines, place)
        new_day = "" if there.date() == today else f"{there:%A}, {long_date(there)}"
        today = there.date()
        if trace:
            folded = "\n".join(one.message for one in lines[place : place + trace])
            head, words = line.message, f"{trace} lines of a trace"
        else:
            head, _, folded = line.message.partition("\n")
            words = plural(folded.count("\n") + 1, "more line") if folded else ""
            if len(head) > _LONGEST_HEAD:
                head, folded = f"{head[:_LONGEST_HEAD]}…", line.message
                words = f"all {len(line.message):,} characters"
        found.append(_entry(line, there, new_day, marked(head, text), folded, words))
        place += trace or 1
    return found


def _entry(line: LogLine, there: datetime, new_day: str, text: Markup, folded: str, words: str) -> Entry:
    return Entry(
        number=line.number,
        at=f"{there:%H:%M:%S}.{there.microsecond // 1000:03}",
        moment=there.isoformat(sep=" ", timespec="milliseconds"),
        new_day=new_day,
        level=str(line.level),
        task_id=line.task_id or "",
        text=text,
        folded=folded,
        fold_words=words,
    )


def _trace_length(lines: Sequence[LogLine], place: int) -> int:
    """How many lines from here on are one trace, printed line by line; its last, which says what happened, is not of them."""
    first = lines[place]
    if not _TRACE.match(first.message) or "\n" in first.message:
        return 0
    end = place + 1
    while end < len(lines) and lines[end].task_run_id == first.task_run_id and _INSIDE.match(lines[end].message):
        end += 1
    return end - place if end - place > 1 else 0


def tail(
    service: Service, wanted: LogFilter, after: int, render: Callable[[Sequence[LogLine]], str]
) -> StreamingResponse:
    """Server-sent events: `lines` with the HTML of lines as they come and the number of the last, `end` when no more can."""
    assert wanted.execution_id
    execution_id, logs = wanted.execution_id, service.orchestrator.parts.logs

    def look(after: int) -> tuple[bool, list[LogLine]]:
        has_ended = execution_of(service, execution_id).state.has_ended  # before the lines: none comes after its end
        return has_ended, later_than(logs, wanted, after)[:AT_ONCE]

    async def events() -> AsyncIterator[str | None]:
        last = after
        with service.news.listening(execution_id) as listener:
            while not service.news.is_over:
                has_ended, lines = await run_in_threadpool(look, last)
                if lines:
                    last = lines[-1].number
                    html = await run_in_threadpool(render, lines)
                    yield f"event: lines\ndata: {json.dumps({'html': html, 'last': last})}\n\n"
                elif has_ended:
                    yield "event: end\ndata: {}\n\n"
                    return
                else:
                    yield None
                await asyncio.sleep(SHORTEST_GAP)
                if len(lines) < AT_ONCE:
                    await listener.wait(_LOOK_SECONDS)

    return event_stream(events())
