"""Windows of time within which several things must have happened: pure.

Source: Kestra's reference of time windows. A DURATION_WINDOW begins with the day, hour or part of an hour in which the first of
them happened; a SLIDING_WINDOW ends now.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from taxi_pipelines.errors import UsageError

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """From `start` until before `end`."""

    start: datetime
    end: datetime

    def holds(self, moment: datetime) -> bool:
        """Whether a moment lies in it."""
        return self.start <= moment < self.end


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """What kind of window it is; times of day as they are written."""

    type: str
    window: timedelta = DAY
    advance: timedelta = timedelta()
    deadline: str | None = None
    start_time: str | None = None
    end_time: str | None = None

    def at(self, now: datetime, held: Window | None, zone: ZoneInfo) -> Window | None:
        """The window that something happening now falls in, the one `held` if that still lasts; None outside of any."""
        match self.type:
            case "SLIDING_WINDOW":
                return Window(start=now - self.window, end=now + timedelta(microseconds=1))
            case "DAILY_TIME_DEADLINE":
                return _daily(now, zone, None, self.deadline)
            case "DAILY_TIME_WINDOW":
                return _daily(now, zone, self.start_time, self.end_time)
        return held if held is not None and held.holds(now) else self._aligned(now, zone)

    def _aligned(self, now: datetime, zone: ZoneInfo) -> Window:
        start = now.astimezone(zone).replace(minute=0, second=0, microsecond=0)
        if self.window >= DAY:
            start = start.replace(hour=0)
        start += self.advance
        length = max(self.window, timedelta(seconds=1))
        start += (
            (now - start) // length * length if self.window < HOUR or not start <= now < start + length else timedelta()
        )
        return Window(start=start, end=start + length)


def _daily(now: datetime, zone: ZoneInfo, begin: str | None, end: str | None) -> Window | None:
    if end is None:
        raise UsageError("the time window has no time of day to end at", "give deadline, or startTime and endTime")
    today = now.astimezone(zone)
    window = Window(start=_today(today, begin or "00:00"), end=_today(today, end))
    return window if window.holds(now) else None


def _today(today: datetime, text: str) -> datetime:
    try:
        found = time.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is not a time of day", "write it as 06:00:00Z") from error
    return datetime.combine(today.astimezone(found.tzinfo or today.tzinfo), found, found.tzinfo or today.tzinfo)
