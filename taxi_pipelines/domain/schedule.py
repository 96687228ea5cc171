"""Slots: the moments a schedule asks for (S15). Wall-clock times of its zone, each once, whatever daylight saving does.

A wall time that is skipped in spring fires once, an hour later; one that comes twice in autumn fires the first time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol, Self
from zoneinfo import ZoneInfo

from croniter import CroniterBadCronError, croniter

from taxi_pipelines.errors import UsageError

_NEVER_AFTER_YEARS = 50
_MOMENT, _SECOND, _DAY = timedelta(microseconds=1), timedelta(seconds=1), timedelta(days=1)


class Times(Protocol):
    """The slots of a schedule, whatever they follow from."""

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The slots later than that moment, in UTC."""
        ...

    def before(self, moment: datetime) -> Iterator[datetime]:
        """The slots earlier than that moment, in UTC, the latest first."""
        ...


def slots_between(times: Times, start: datetime, end: datetime) -> Iterator[datetime]:
    """The slots from `start`, itself included, until before `end`."""
    for slot in times.after(start - _MOMENT):
        if slot >= end:
            return
        yield slot


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression of 5 fields, 6 (seconds first) or a nickname such as @daily, in a zone. Raises UsageError."""

    expression: str
    zone: ZoneInfo

    def __post_init__(self) -> None:
        try:
            self._iterator(datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None))
        except (CroniterBadCronError, ValueError, TypeError) as error:
            raise UsageError(f"cron {self.expression!r} is not valid: {error}", "write it as `0 9 1 * *`") from error

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The slots later than that moment, in UTC, without end."""
        last = moment.astimezone(UTC)
        # Wall times that were skipped just before count as later ones.
        iterator = self._iterator(self._wall_time(last) - max(self._shift(last), timedelta()) - _SECOND)
        while True:
            slot = self._in_utc(iterator.get_next(datetime))
            if slot > last:
                last = slot
                yield slot

    def before(self, moment: datetime) -> Iterator[datetime]:
        """The slots earlier than that moment, in UTC, without end."""
        last = moment.astimezone(UTC)
        # Wall times that come twice were there before already.
        iterator = self._iterator(self._wall_time(last) - min(self._shift(last), timedelta()) + _SECOND)
        while True:
            slot = self._in_utc(iterator.get_prev(datetime))
            if slot < last:
                last = slot
                yield slot

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """The slots from `start`, itself included, until before `end`."""
        return slots_between(self, start, end)

    def next(self, moment: datetime) -> datetime:
        """The first slot after that moment."""
        return next(self.after(moment))

    def previous(self, moment: datetime) -> datetime:
        """The last slot before that moment."""
        return next(self.before(moment))

    def _iterator(self, start: datetime) -> croniter:
        return croniter(self.expression, start, second_at_beginning=True, max_years_between_matches=_NEVER_AFTER_YEARS)

    def _wall_time(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone).replace(tzinfo=None, microsecond=0)

    def _shift(self, moment: datetime) -> timedelta:
        """By how much clocks were put forward during the day before."""
        now, before = moment.astimezone(self.zone).utcoffset(), (moment - _DAY).astimezone(self.zone).utcoffset()
        assert now is not None and before is not None
        return now - before

    def _in_utc(self, local: datetime) -> datetime:
        return local.replace(tzinfo=self.zone, fold=0).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Dates:
    """Given moments, in order."""

    moments: tuple[datetime, ...]

    @classmethod
    def parse(cls, texts: Sequence[str], zone: ZoneInfo) -> Self:
        """Dates and times as ISO 8601; those without a zone are of the one given."""
        found = [datetime.fromisoformat(text) for text in texts]
        aware = {(one if one.tzinfo else one.replace(tzinfo=zone)).astimezone(UTC) for one in found}
        return cls(tuple(sorted(aware)))

    def after(self, moment: datetime) -> Iterator[datetime]:
        """See `Times.after`."""
        return (one for one in self.moments if one > moment)

    def before(self, moment: datetime) -> Iterator[datetime]:
        """See `Times.before`."""
        return (one for one in reversed(self.moments) if one < moment)
