"""What is published at a source, month by month, as triggers watch it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from taxi_pipelines.domain.manifest import FileFormat, Offer
from taxi_pipelines.domain.month import Month, month_range
from taxi_pipelines.interfaces import Source
from taxi_pipelines.taxi.types import MONTHLY, TaxiType, find_monthly
from taxi_pipelines.trigger_interfaces import PublishedMonth

WATCHED_MONTHS = 12
"""So many months back from the newest one are watched for changes, where nobody says since when."""


class PublishedMonths:
    """`Published` at a source. Each month is one HEAD request, without a byte of its file."""

    def __init__(self, source: Source, prefer: FileFormat) -> None:
        self._source = source
        self._prefer = prefer

    def types(self, named: Sequence[str]) -> list[str]:
        """See `Published.types`."""
        return list(MONTHLY) if list(named) == ["all"] else [find_monthly(name).name for name in named]

    def months(self, taxi: str, since: str | None, now: datetime) -> list[PublishedMonth]:
        """See `Published.months`."""
        kind = find_monthly(taxi)
        first, last = self._window(kind, since, Month.of(now.date()))
        if first is None or last is None or last < first:
            return []
        offers = (self._source.find(kind, month, self._prefer) for month in month_range(first, last))
        return [_month(offer) for offer in offers if offer is not None]

    def _window(self, kind: TaxiType, since: str | None, today: Month) -> tuple[Month | None, Month | None]:
        assert isinstance(kind.first, Month)
        if since is not None:
            return max(Month.parse(since), kind.first), today
        newest = self._source.latest(kind, today, self._prefer)
        return (None, None) if newest is None else (max(newest.plus(1 - WATCHED_MONTHS), kind.first), newest)


def _month(offer: Offer) -> PublishedMonth:
    mark = offer.etag or f"{offer.last_modified or ''} {offer.bytes or ''}".strip()
    return PublishedMonth(taxi=offer.type, month=str(offer.month), mark=mark, uri=offer.url, bytes=offer.bytes)
