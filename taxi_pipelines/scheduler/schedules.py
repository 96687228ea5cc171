"""Which slots of a schedule fire now (S15): pure.

A slot is *missed* where it is later than a minute, or another one after it is due already: nothing ran then, or the execution
before it took so long.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from taxi_pipelines.domain.schedule import Times

_MOMENT = timedelta(microseconds=1)
MISSED_AFTER = timedelta(minutes=1)
AT_ONCE = 100
"""So many slots are decided at a time; the rest is due at once again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """Slots to fire, in order, and when to look again; None where no slot follows."""

    slots: tuple[datetime, ...]
    next_at: datetime | None


def due_slots(
    times: Times, next_at: datetime, now: datetime, recover: str, late_maximum_delay: timedelta | None = None
) -> Due:
    """The slots from `next_at` until now that fire; `recover` is ALL, LAST or NONE and says which of the missed ones do."""
    if recover == "ALL":
        earliest = next_at if late_maximum_delay is None else max(next_at, now - late_maximum_delay)
        return _all(times, earliest, now)
    last = next(times.before(now + _MOMENT), None)
    if last is None or last < next_at:
        return Due(slots=(), next_at=next(times.after(now), None))
    delay = now - last
    is_late = late_maximum_delay is not None and delay > late_maximum_delay
    fires = not is_late and (recover == "LAST" or delay <= MISSED_AFTER)
    return Due(slots=(last,) if fires else (), next_at=next(times.after(last), None))


def _all(times: Times, earliest: datetime, now: datetime) -> Due:
    """Every slot from the earliest one, that one included, that has come."""
    slots: list[datetime] = []
    for slot in times.after(earliest - _MOMENT):
        if slot > now or len(slots) == AT_ONCE:
            return Due(slots=tuple(slots), next_at=slot)
        slots.append(slot)
    return Due(slots=tuple(slots), next_at=None)
