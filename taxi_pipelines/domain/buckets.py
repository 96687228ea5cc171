"""Hours and days of a zone's calendar, as edges between which things are counted. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class Bucket(StrEnum):
    """How long a bucket is."""

    HOUR = "HOUR"
    DAY = "DAY"


def edges(since: datetime, until: datetime, bucket: Bucket, zone: ZoneInfo) -> list[datetime]:
    """The begins of all buckets from that which holds `since` on, up to the first that is not before `until`; in UTC."""
    found = [_begin(since, bucket, zone)]
    while found[-1] < until:
        found.append(_next(found[-1], bucket, zone))
    return found


def _begin(at: datetime, bucket: Bucket, zone: ZoneInfo) -> datetime:
    there = at.astimezone(zone)
    whole = there.replace(minute=0, second=0, microsecond=0)
    return (whole if bucket is Bucket.HOUR else whole.replace(hour=0, fold=0)).astimezone(UTC)


def _next(edge: datetime, bucket: Bucket, zone: ZoneInfo) -> datetime:
    """A day is the calendar's, of 23 or 25 hours where clocks change."""
    if bucket is Bucket.HOUR:
        return edge + timedelta(hours=1)
    return (edge.astimezone(zone).replace(hour=0, fold=0) + timedelta(days=1)).astimezone(UTC)
