"""What PostgreSQL is known to hold of a staged month before readers see it, without counting everything again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from taxi_pipelines.errors import SchemaMismatch, WarehouseCorrupt, WarehouseUnavailable
from taxi_pipelines.interfaces import Addresses
from taxi_pipelines.warehouses.postgres import PostgresWarehouse
from tests.support import postgres
from tests.support.postgres import connected, execute
from tests.support.warehouses import FEB, GREEN, JAN, TABLE, ask, fares, held, month_of, put, stage

STAGED = r"SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE '\_staging\_%'"
INDEXES = f"SELECT indexdef FROM pg_indexes WHERE tablename = '{TABLE}_2021_01'"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return postgres.database_of(tmp_path)


@pytest.fixture
def warehouse(url: str) -> Iterator[PostgresWarehouse]:
    opened = PostgresWarehouse(url)
    yield opened
    opened.close()


def staged_table(url: str) -> str:
    ((name,),) = execute(url, STAGED)
    return f"taxi.{name}"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([1, 2, 3, 4, 4], Addresses(rows=5, distinct=4, first=1, last=4)),
        ([2, 3, 4, 5, 1], Addresses(rows=5, distinct=5, first=1, last=5)),
        ([1, 2, 3, 4, 5], Addresses(rows=5, distinct=5, first=1, last=5)),
    ],
)
def test_addresses_are_followed_from_batch_to_batch(
    warehouse: PostgresWarehouse, rows: list[int], expected: Addresses
) -> None:
    table = month_of([1.0] * 5, rows=rows)
    (whole,) = table.to_batches()
    with warehouse.lock(TABLE, JAN):
        warehouse.stage(GREEN, JAN, "v1", table.schema, [whole.slice(0, 4), whole.slice(4, 0), whole.slice(4)])
        assert warehouse.addresses(TABLE, JAN, "v1") == expected


def test_an_address_that_is_null_is_no_address(warehouse: PostgresWarehouse) -> None:
    table = month_of([1.0, 2.0, 3.0])
    place = table.schema.get_field_index("source_row")
    table = table.set_column(place, "source_row", pa.array([1, None, 3], pa.int64()))
    (whole,) = table.to_batches()
    with warehouse.lock(TABLE, JAN):
        warehouse.stage(GREEN, JAN, "v1", table.schema, [whole.slice(0, 2), whole.slice(2)])
        assert warehouse.addresses(TABLE, JAN, "v1") == Addresses(rows=3, distinct=2, first=1, last=3)


@pytest.mark.parametrize(
    "change",
    ["DELETE FROM {} WHERE source_row = 2", "INSERT INTO {} (source_row, source_month) VALUES (9, '2021-01-01')"],
)
def test_a_staged_month_that_lost_or_gained_a_row_is_not_published(
    warehouse: PostgresWarehouse, url: str, change: str
) -> None:
    put(warehouse, "v1", month_of([7.0]))
    with warehouse.lock(TABLE, JAN):
        stage(warehouse, "v2", month_of([1.0, 2.0, 3.0]))
        execute(url, change.format(staged_table(url)))
        with pytest.raises(WarehouseCorrupt, match="3 were staged"):
            warehouse.publish(GREEN, JAN, "v2")
    assert fares(warehouse) == [7.0]


def test_rows_are_counted_where_the_server_notes_nothing_of_an_index_build(
    warehouse: PostgresWarehouse, url: str
) -> None:
    for version, vanish in (("v1", False), ("v2", True)):
        with warehouse.lock(TABLE, JAN):
            stage(warehouse, version, month_of([1.0, 2.0, 3.0]))
            execute(url, f"ALTER TABLE {staged_table(url)} SET (autovacuum_enabled = off)")
            if vanish:
                execute(url, f"DELETE FROM {staged_table(url)} WHERE source_row = 2")
                with pytest.raises(WarehouseCorrupt, match="2 rows, 3 were staged"):
                    warehouse.publish(GREEN, JAN, version)
                warehouse.discard(TABLE, JAN, version)
            else:
                warehouse.publish(GREEN, JAN, version)
    assert fares(warehouse) == [1.0, 2.0, 3.0]


def test_rows_of_another_month_are_refused(warehouse: PostgresWarehouse, url: str) -> None:
    with warehouse.lock(TABLE, JAN), pytest.raises(SchemaMismatch, match="source_month is not the month"):
        stage(warehouse, "v1", month_of([1.0], month=FEB))
    assert execute(url, STAGED) == []


def test_a_publication_that_failed_half_way_can_be_repeated(warehouse: PostgresWarehouse, url: str) -> None:
    put(warehouse, "v1", month_of([1.0]))
    with warehouse.lock(TABLE, JAN):
        stage(warehouse, "v2", month_of([2.0], extra={"newer": [1]}))
        with connected(url) as reader:
            reader.execute(f"SELECT count(*) FROM taxi.{TABLE}")
            with pytest.raises(WarehouseUnavailable, match="in use"):
                warehouse.publish(GREEN, JAN, "v2")
        warehouse.publish(GREEN, JAN, "v2")
    assert fares(warehouse) == [2.0]
    assert len(execute(url, INDEXES)) == 1


def test_one_index_serves_addresses_and_pick_up_times(warehouse: PostgresWarehouse, url: str) -> None:
    put(warehouse, "v1", month_of([float(number) for number in range(20_000)]))
    ((index,),) = execute(url, INDEXES)
    assert index.endswith("USING brin (source_row, lpep_pickup_datetime)")
    with connected(url) as reader:
        reader.execute("SET enable_seqscan = off")
        for condition in ("source_row = 5", "lpep_pickup_datetime < '2020-01-01'"):
            plan = reader.execute(f"EXPLAIN SELECT fare_amount FROM taxi.{TABLE} WHERE {condition}".encode())
            assert "Bitmap Index Scan" in "\n".join(line for (line,) in plan.fetchall())


@pytest.mark.parametrize("microseconds", [316_517_760_000_000_000, -99_999_999_999_999_000], ids=["12000", "1200 BC"])
def test_a_time_that_no_reader_knows_is_loaded_and_said_to_be_unreadable(
    warehouse: PostgresWarehouse, microseconds: int
) -> None:
    far = pa.array([microseconds], pa.int64()).cast(pa.timestamp("us"))
    put(warehouse, "v1", month_of([1.0], extra={"lpep_pickup_datetime": far}))
    assert ask(warehouse, f"SELECT fare_amount FROM {TABLE} WHERE lpep_pickup_datetime::text <> ''") == [(1.0,)]
    with pytest.raises(SchemaMismatch, match=r"cannot be read.*years 1 to 9999"):
        held(warehouse, "v1")
