"""Where in the log a time is. There is no index by time, which each line would pay for: they are stored in its order, nearly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select

from taxi_pipelines.store.flow_tables import logs

Read = Callable[[Select[Any]], Sequence[Row[Any]]]

LATE = timedelta(hours=1)
"""So late a line may be stored after it was logged, or so wrong a worker's clock may be, and it is found still."""

_NEAR = 2_000
"""So many lines more or less make no difference."""


def between(read: Read, since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    """Conditions that hold for all lines of that time, by their numbers: so that a search reads no others."""
    if since is None and until is None:
        return []
    oldest, newest = (select(end(logs.c.number)).scalar_subquery() for end in (func.min, func.max))
    rows = read(select(oldest.label("first"), newest.label("last")))
    if not rows or rows[0].first is None:
        return []
    first, last = rows[0].first, rows[0].last
    found = []
    if since is not None:
        found.append(logs.c.number >= _begin(read, first, last, since - LATE)[0])
    if until is not None:
        found.append(logs.c.number <= _begin(read, first, last, until + LATE)[1])
    return found


def _begin(read: Read, first: int, last: int, at: datetime) -> tuple[int, int]:
    """Two numbers, near each other: what comes before the first was stored before then, what comes after the second later."""
    while last - first > _NEAR:
        middle = (first + last) // 2
        from_there = select(logs.c.number, logs.c.logged_at).where(logs.c.number >= middle)
        rows = read(from_there.order_by(logs.c.number).limit(1))
        if rows and rows[0].logged_at < at:
            first = rows[0].number
        else:
            last = middle
    return first, last
