"""Lists of the staging dataset, asked for no more often than needed: one answers for every month of every table."""

from __future__ import annotations

import threading
import time

from taxi_pipelines.warehouses.bigquery_names import MonthKey
from taxi_pipelines.warehouses.bigquery_records import Listing, Record, Records

_RECENT_SECONDS = 1.0
"""So old may be what is asked of months that nobody here holds: a plan asks for each of 200."""

_WORKING_SECONDS = 60.0
"""So old may be what somebody who works on a table knows of its other months."""

_HYGIENE_SECONDS = 30.0
"""So old may be what leftovers are looked for in."""


class Listings:
    """The last list of a warehouse. For several threads; while one asks, the others wait for its answer."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._guard = threading.RLock()
        self._last: Listing | None = None
        self._asked_at = float("-inf")

    def now(self) -> Listing:
        """As it is now."""
        return self._not_older(0.0)

    def recent(self) -> Listing:
        """As it was a moment ago."""
        return self._not_older(_RECENT_SECONDS)

    def for_hygiene(self) -> Listing:
        """As it was not long ago: what it shows as left over is looked at again before it is removed."""
        return self._not_older(_HYGIENE_SECONDS)

    def while_working(self) -> Listing:
        """For whoever holds the month that matters."""
        return self._not_older(_WORKING_SECONDS)

    def last(self) -> Listing:
        """Whenever it was seen."""
        return self._not_older(float("inf"))

    def note(self, month: MonthKey, record: Record) -> None:
        """A record was written by this process."""
        with self._guard:
            if self._last is not None:
                self._last = self._last.with_record(month, record)

    def forget(self) -> None:
        """A table was removed by this process."""
        with self._guard:
            self._last = None

    def _not_older(self, seconds: float) -> Listing:
        with self._guard:
            if self._last is None or time.monotonic() - self._asked_at > seconds:
                asked_at = time.monotonic()
                self._last = self._records.list()
                self._asked_at = asked_at
            return self._last
