"""Hours and days of a zone's calendar."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from taxi_pipelines.domain.buckets import Bucket, edges

NEW_YORK = ZoneInfo("America/New_York")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_days_begin_at_the_zones_midnight_and_cover_all_of_the_time() -> None:
    found = edges(at("2024-03-08T03:00"), at("2024-03-09T12:00"), Bucket.DAY, NEW_YORK)
    assert found == [at("2024-03-07T05:00"), at("2024-03-08T05:00"), at("2024-03-09T05:00"), at("2024-03-10T05:00")]


def test_where_clocks_change_a_day_has_23_or_25_hours_and_no_hour_is_lost() -> None:
    for month, hours in (("2024-03-10", 23), ("2024-11-03", 25)):
        days = edges(at(f"{month}T12:00"), at(f"{month}T13:00"), Bucket.DAY, NEW_YORK)
        assert [(after - before).total_seconds() / 3600 for before, after in pairwise(days)] == [hours]
        assert len(edges(days[0], days[1], Bucket.HOUR, NEW_YORK)) == hours + 1


def test_hours_are_those_of_the_zones_clocks() -> None:
    kathmandu = ZoneInfo("Asia/Kathmandu")
    assert edges(at("2024-05-01T10:20"), at("2024-05-01T10:30"), Bucket.HOUR, kathmandu)[0] == at("2024-05-01T10:15")
