"""Slots: the moments a schedule asks for (S15). Wall-clock times of its zone, each once, whatever daylight saving does.

A wall time that is skipped in spring fires once, an hour later; one that comes twice in autumn fires the first time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import CroniterBadCronError, croniter

from taxi_pipelines.errors import UsageError

_NEVER_AFTER_YEARS = 50


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
        # A day back: the local time of the moment may come twice, or not at all.
        iterator = self._iterator(last.astimezone(self.zone).replace(tzinfo=None) - timedelta(days=1))
        while True:
            slot = self._in_utc(iterator.get_next(datetime))
            if slot > last:
                last = slot
                yield slot

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """The slots from `start`, itself included, until before `end`."""
        for slot in self.after(start - timedelta(microseconds=1)):
            if slot >= end:
                return
            yield slot

    def next(self, moment: datetime) -> datetime:
        """The first slot after that moment."""
        return next(self.after(moment))

    def previous(self, moment: datetime) -> datetime:
        """The last slot before that moment."""
        local = moment.astimezone(self.zone).replace(tzinfo=None) + timedelta(days=1)
        iterator = self._iterator(local)
        while True:
            slot = self._in_utc(iterator.get_prev(datetime))
            if slot < moment:
                return slot

    def _iterator(self, start: datetime) -> croniter:
        return croniter(self.expression, start, second_at_beginning=True, max_years_between_matches=_NEVER_AFTER_YEARS)

    def _in_utc(self, local: datetime) -> datetime:
        return local.replace(tzinfo=self.zone, fold=0).astimezone(UTC)
