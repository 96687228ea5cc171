"""The column types of our own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from taxi_pipelines.domain.month import WHOLE, Month
from taxi_pipelines.store.tables import PartitionName, UtcTime

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
SQLITE = sqlite.dialect()


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        UtcTime().process_bind_param(NOON.replace(tzinfo=None), SQLITE)


def test_times_are_utc_on_the_way_in_and_out_whatever_the_database_returns() -> None:
    abroad = NOON.astimezone(timezone(timedelta(hours=2)))
    for value in (
        UtcTime().process_bind_param(abroad, SQLITE),
        UtcTime().process_result_value(abroad, postgresql.dialect()),
    ):
        assert value == NOON
        assert value.tzinfo is UTC
    assert UtcTime().process_result_value(NOON.replace(tzinfo=None), SQLITE) == NOON


@pytest.mark.parametrize(("partition", "name"), [(Month(2021, 1), "2021-01"), (WHOLE, "all"), (None, None)])
def test_a_partition_is_kept_by_its_name(partition: Month | None, name: str | None) -> None:
    assert PartitionName().process_bind_param(partition, SQLITE) == name
    assert PartitionName().process_result_value(name, SQLITE) == partition
