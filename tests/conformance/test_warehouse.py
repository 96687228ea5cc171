"""What every `Warehouse` does. A new target joins by one entry in `tests.support.warehouses.TARGETS`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from taxi_pipelines.domain.month import WHOLE, Month
from taxi_pipelines.errors import PipelineError, QueryFailed, SchemaMismatch, WarehouseCorrupt
from taxi_pipelines.interfaces import Addresses, PublishedMonth, Warehouse
from taxi_pipelines.taxi.types import ALL
from taxi_pipelines.warehouses.postgres import PostgresWarehouse
from tests.support.postgres import wait_until
from tests.support.warehouses import (
    APR,
    FEB,
    GREEN,
    JAN,
    MAR,
    TABLE,
    TARGETS,
    Target,
    ask,
    fares,
    held,
    month_of,
    put,
    stage,
    staging_process,
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A warehouse that can be opened again."""

    name: str
    target: Target
    home: Path
    closing: ExitStack

    def open(self) -> Warehouse:
        warehouse = self.target.open(self.home)
        if isinstance(warehouse, PostgresWarehouse):
            self.closing.callback(warehouse.close)
        return warehouse


@pytest.fixture(params=[pytest.param(name, marks=TARGETS[name].marks) for name in sorted(TARGETS)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as closing:
        closing.callback(TARGETS[request.param].remove, tmp_path)
        yield Place(name=request.param, target=TARGETS[request.param], home=tmp_path, closing=closing)


@pytest.fixture
def warehouse(place: Place) -> Warehouse:
    return place.open()


def test_a_month_is_read_as_it_was_written_with_nulls_and_equal_rows(warehouse: Warehouse) -> None:
    table = month_of([5.0, None, 5.0, float("nan"), -3.5, 5.0, None], extra={"store_and_fwd_flag": [*"NYNNYN", None]})
    put(warehouse, "v1", table)

    assert held(warehouse, "v1").to_pydict().__repr__() == table.to_pydict().__repr__()
    assert held(warehouse, "v1").schema.equals(table.schema)
    text = f"SELECT source_month, source_row, source_file, fare_amount FROM {TABLE} ORDER BY source_row LIMIT 2"
    assert ask(warehouse, text) == [
        (date(2021, 1, 1), 1, "green_tripdata_2021-01.parquet", 5.0),
        (date(2021, 1, 1), 2, "green_tripdata_2021-01.parquet", None),
    ]
    assert ask(warehouse, f"SELECT count(*) FROM {TABLE} WHERE fare_amount = 5") == [(3,)]


def test_a_table_that_is_published_as_a_whole_has_no_source_month(place: Place, warehouse: Warehouse) -> None:
    zones = ALL["zones"]
    table = month_of(
        [None], month=WHOLE, kind=zones, extra={"LocationID": [1], "Zone": ["N/A"]}, without=["fare_amount"]
    )
    put(warehouse, "v1", table, month=WHOLE, kind=zones)

    text = 'SELECT "LocationID", "Zone", source_month FROM taxi_zones'.replace('"', place.target.quote)
    assert ask(warehouse, text) == [(1, "N/A", None)]
    assert list(warehouse.published("taxi_zones")) == [WHOLE]


def test_readers_see_the_month_before_until_publish(warehouse: Warehouse) -> None:
    put(warehouse, "v1", month_of([1.0]))
    with warehouse.lock(TABLE, JAN):
        stage(warehouse, "v2", month_of([2.0, 2.0]))
        assert fares(warehouse) == [1.0]
        assert warehouse.published(TABLE)[JAN].version == "v1"
        assert warehouse.versions(TABLE, JAN) == ["v1"]
        assert held(warehouse, "v2").num_rows == 2
        warehouse.publish(GREEN, JAN, "v2")
    assert fares(warehouse) == [2.0, 2.0]


def test_a_query_that_has_begun_goes_on_with_the_month_it_began_with(warehouse: Warehouse) -> None:
    put(warehouse, "v1", month_of([1.0] * 10))
    with warehouse.query(f"SELECT fare_amount FROM {TABLE}") as reader:
        put(warehouse, "v2", month_of([2.0]))
        assert reader.read_all().num_rows == 10
    assert fares(warehouse) == [2.0]


def test_a_republished_month_replaces_the_whole_month_and_no_other(warehouse: Warehouse) -> None:
    put(warehouse, "v1", month_of([1.0, 1.0, 1.0]))
    put(warehouse, "v1", month_of([7.0], month=FEB), month=FEB)
    put(warehouse, "v2", month_of([2.0]))

    assert fares(warehouse) == [2.0, 7.0]
    published = warehouse.published(TABLE)
    assert {month: (p.version, p.rows) for month, p in published.items()} == {JAN: ("v2", 1), FEB: ("v1", 1)}
    assert all(isinstance(p, PublishedMonth) and p.bytes > 0 for p in published.values())


def test_a_second_instance_sees_the_same(place: Place) -> None:
    put(place.open(), "v1", month_of([1.0]))
    assert fares(place.open()) == [1.0]
    assert place.open().published(TABLE) == place.open().published(TABLE)


def test_a_column_that_comes_later_is_null_in_older_months(warehouse: Warehouse) -> None:
    put(warehouse, "v1", month_of([1.0]))
    put(warehouse, "v1", month_of([2.0], month=FEB, extra={"toll_tag": ["E-Z"]}), month=FEB)

    assert ask(warehouse, f"SELECT fare_amount, toll_tag FROM {TABLE} ORDER BY 1") == [(1.0, None), (2.0, "E-Z")]
    assert list(warehouse.columns(TABLE))[-4:] == ["toll_tag", "source_month", "source_row", "source_file"]


def test_columns_stand_in_canonical_order_whatever_was_loaded_first(place: Place, warehouse: Warehouse) -> None:
    extra = {"Later": [1], "pickup_longitude": [-73.9]}
    put(warehouse, "v1", month_of([2.0], month=FEB, extra=extra), month=FEB)
    put(warehouse, "v1", month_of([1.0], extra={"earlier": ["x"]}, without=["cbd_congestion_fee"]))

    canonical = [c.name for c in GREEN.schema.columns if not c.legacy or c.name == "pickup_longitude"]
    expected = [*canonical, "Later", "earlier", "source_month", "source_row", "source_file"]
    assert list(warehouse.columns(TABLE)) == expected
    with warehouse.query(f"SELECT * FROM {TABLE}") as reader:
        if place.target.shows_views:
            assert reader.schema.names == expected
        assert sorted(reader.schema.names) == sorted(expected)
        assert reader.schema.field("cbd_congestion_fee").type == pa.float64()


def test_a_view_has_a_legacy_column_only_while_a_month_has_it(place: Place, warehouse: Warehouse) -> None:
    put(warehouse, "v1", month_of([1.0], extra={"pickup_latitude": [40.7]}))
    assert "pickup_latitude" in warehouse.columns(TABLE)
    put(warehouse, "v2", month_of([1.0]))
    assert ("pickup_latitude" in warehouse.columns(TABLE)) == (not place.target.shows_views)


def test_an_unknown_column_may_change_its_type_from_month_to_month(place: Place, warehouse: Warehouse) -> None:
    code, text_code = (7, "7") if place.target.widens_to_text else ("7", "7")
    put(warehouse, "v1", month_of([1.0], extra={"level": [3], "code": [code]}))
    put(warehouse, "v1", month_of([2.0], month=FEB, extra={"level": [0.5], "code": ["B2"]}), month=FEB)
    put(warehouse, "v1", month_of([3.0], month=MAR, extra={"Level": pa.nulls(1)}), month=MAR)
    put(warehouse, "v1", month_of([4.0], month=APR, extra={"level": [4], "code": [9]}), month=APR)

    text = f"SELECT level, code FROM {TABLE} ORDER BY fare_amount"
    assert ask(warehouse, text) == [(3.0, text_code), (0.5, "B2"), (None, None), (4.0, "9")]


def test_a_text_does_not_fit_a_column_of_numbers_that_cannot_become_text(place: Place, warehouse: Warehouse) -> None:
    if place.target.widens_to_text:
        pytest.skip("here it becomes text")
    put(warehouse, "v1", month_of([1.0], extra={"code": [7]}))
    put(warehouse, "v1", month_of([2.0], month=FEB, extra={"code": pa.nulls(1, pa.string())}), month=FEB)
    with warehouse.lock(TABLE, MAR), pytest.raises(SchemaMismatch, match=r"code, row 1: 'B2' is STRING"):
        stage(warehouse, "v1", month_of([3.0], month=MAR, extra={"code": ["B2"]}), month=MAR)
    assert ask(warehouse, f"SELECT code FROM {TABLE} ORDER BY fare_amount") == [(7,), (None,)]
    assert warehouse.sweep() == 0


def test_an_older_version_can_be_published_again_where_it_is_kept(place: Place, warehouse: Warehouse) -> None:
    put(warehouse, "v1", month_of([1.0]))
    put(warehouse, "v2", month_of([2.0, 3.0]))
    if not place.target.keeps_versions:
        assert warehouse.versions(TABLE, JAN) == ["v2"]
        with pytest.raises(WarehouseCorrupt):
            warehouse.publish(GREEN, JAN, "v1")
        return
    with warehouse.lock(TABLE, JAN):
        warehouse.publish(GREEN, JAN, "v1")

    assert fares(warehouse) == [1.0]
    assert warehouse.published(TABLE)[JAN].version == "v1"
    assert warehouse.versions(TABLE, JAN) == ["v1", "v2"]
    assert warehouse.sweep() == 0


def test_a_version_that_is_not_there_cannot_be_published(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseCorrupt):
        warehouse.publish(GREEN, JAN, "v9")
    assert warehouse.published(TABLE) == {}


def test_a_discarded_version_is_gone_and_discarding_it_twice_is_no_error(warehouse: Warehouse) -> None:
    put(warehouse, "v1", month_of([1.0]))
    put(warehouse, "v2", month_of([2.0]))
    with warehouse.lock(TABLE, JAN):
        stage(warehouse, "v3", month_of([3.0]))
        for version in ("v1", "v1", "v3", "v3"):
            warehouse.discard(TABLE, JAN, version)

    assert warehouse.versions(TABLE, JAN) == ["v2"]
    for version in ("v1", "v3"):
        with pytest.raises(WarehouseCorrupt):
            held(warehouse, version)
    assert fares(warehouse) == [2.0]


def test_the_published_version_cannot_be_discarded(warehouse: Warehouse) -> None:
    put(warehouse, "v1", month_of([1.0]))
    warehouse.discard(TABLE, JAN, "v1")
    assert fares(warehouse) == [1.0]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([1, 2, 3, 4, 5], Addresses(rows=5, distinct=5, first=1, last=5)),
        ([1, 2, 4, 5, 7], Addresses(rows=5, distinct=5, first=1, last=7)),
        ([1, 2, 3, 3, 5], Addresses(rows=5, distinct=4, first=1, last=5)),
        ([5, 3, 4, 1, 2], Addresses(rows=5, distinct=5, first=1, last=5)),
        ([], Addresses(rows=0, distinct=0, first=None, last=None)),
    ],
)
def test_addresses_are_measured_staged_and_published(
    warehouse: Warehouse, rows: list[int], expected: Addresses
) -> None:
    with warehouse.lock(TABLE, JAN):
        stage(warehouse, "v1", month_of([1.0] * len(rows), rows=rows))
        assert warehouse.addresses(TABLE, JAN, "v1") == expected
        warehouse.publish(GREEN, JAN, "v1")
    assert warehouse.addresses(TABLE, JAN, "v1") == expected


def test_rows_are_read_in_the_order_of_their_addresses(warehouse: Warehouse) -> None:
    put(warehouse, "v1", month_of([5.0, 3.0, 1.0], rows=[5, 3, 1]))
    assert held(warehouse, "v1").column("fare_amount").to_pylist() == [1.0, 3.0, 5.0]


def test_a_month_without_rows_can_be_published(warehouse: Warehouse) -> None:
    put(warehouse, "v1", month_of([]))
    assert fares(warehouse) == []
    assert warehouse.published(TABLE)[JAN].rows == 0


def test_staging_that_breaks_off_leaves_nothing(warehouse: Warehouse) -> None:
    table = month_of([1.0])

    def broken() -> Iterator[pa.RecordBatch]:
        yield from table.to_batches()
        raise PipelineError("the source broke off")

    with warehouse.lock(TABLE, JAN), pytest.raises(PipelineError, match="broke off"):
        warehouse.stage(GREEN, JAN, "v1", table.schema, broken())
    assert warehouse.sweep() == 0
    with pytest.raises(WarehouseCorrupt):
        held(warehouse, "v1")


def test_tables_without_a_month_can_be_queried(warehouse: Warehouse) -> None:
    put(warehouse, "v1", month_of([1.0]))
    assert ask(warehouse, "SELECT count(*), max(tpep_pickup_datetime) FROM yellow_tripdata") == [(0, None)]
    assert list(warehouse.columns("yellow_tripdata")) == []


def test_a_new_warehouse_is_empty_and_in_order(warehouse: Warehouse) -> None:
    assert warehouse.published(TABLE) == {}
    assert warehouse.versions(TABLE, JAN) == []
    assert list(warehouse.columns(TABLE)) == []
    assert warehouse.problems() == []
    assert warehouse.sweep() == 0
    assert not warehouse.locked(TABLE, [JAN])


def test_one_thread_waits_for_the_other_s_partition_and_nobody_for_another(place: Place, warehouse: Warehouse) -> None:
    order: list[str] = []

    def second() -> None:
        with place.open().lock(TABLE, JAN):
            order.append("second")

    with warehouse.lock(TABLE, JAN):
        assert place.open().locked(TABLE, [JAN]) == {JAN}
        assert not warehouse.locked(TABLE, [FEB])
        thread = threading.Thread(target=second)
        thread.start()
        with warehouse.lock(TABLE, FEB):
            thread.join(0.1)
            order.append("first")
    thread.join(5)
    assert order == ["first", "second"]
    assert not warehouse.locked(TABLE, [JAN])


def test_what_a_living_process_stages_is_spared_and_what_a_dead_one_left_is_swept(place: Place) -> None:
    warehouse = place.open()
    put(warehouse, "v1", month_of([9.0]))
    with staging_process(place.name, place.home, "v2") as child:
        assert warehouse.locked(TABLE, [JAN]) == {JAN}
        assert warehouse.sweep() == 0
        assert warehouse.problems() == []
        assert held(warehouse, "v2").num_rows == 2
        child.kill()
        child.wait()
    wait_until(lambda: not warehouse.locked(TABLE, [JAN]))  # a server needs a moment to notice
    assert warehouse.problems() != []
    assert warehouse.sweep((TABLE, FEB)) == 0
    assert warehouse.sweep((TABLE, JAN)) == 1
    assert warehouse.problems() == []
    assert warehouse.sweep() == 0
    assert fares(warehouse) == [9.0]


def test_what_another_thread_stages_is_spared(warehouse: Warehouse) -> None:
    with warehouse.lock(TABLE, JAN):
        stage(warehouse, "v1", month_of([1.0]))
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(warehouse.sweep).result() == 0
        assert warehouse.sweep() == 0
        warehouse.publish(GREEN, JAN, "v1")
    assert fares(warehouse) == [1.0]


def test_of_eight_months_published_at_once_none_is_lost(place: Place) -> None:
    months = [Month(2021, number) for number in range(1, 9)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda m: put(place.open(), "v1", month_of([float(m.month)], month=m), month=m), months))
    assert fares(place.open()) == [float(month.month) for month in months]
    assert list(place.open().published(TABLE)) == months
    assert place.open().problems() == []


def test_readers_always_see_the_old_or_the_new_month(place: Place) -> None:
    writer, done, seen = place.open(), threading.Event(), set()
    put(writer, "v00", month_of([0.0] * 5))

    def watch() -> None:
        reader = place.open()
        while not done.is_set():
            text = f"SELECT min(fare_amount), max(fare_amount), count(*) FROM {TABLE}"
            ((least, most, count),) = ask(reader, text)
            assert least == most and count == 5 + most
            seen.add(most)

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(watch) for _ in range(2)]
        try:
            for number in range(1, 9):
                put(writer, f"v{number:02d}", month_of([float(number)] * (5 + number)))
        finally:
            done.set()
        for reader in readers:
            reader.result()
    assert len(seen) > 2


@pytest.mark.parametrize(
    "sql", ["SELEC 1", "SELECT nope FROM green_tripdata", "SELECT CAST('x' AS INTEGER)", "SELECT ?"]
)
def test_a_refused_statement_says_why_in_one_line(warehouse: Warehouse, sql: str) -> None:
    with pytest.raises(QueryFailed) as caught:
        ask(warehouse, sql)
    assert "\n" not in str(caught.value)


def test_an_unknown_table_is_answered_with_the_tables_there_are(warehouse: Warehouse) -> None:
    with pytest.raises(QueryFailed, match=r"green_trips.*green_tripdata.*taxi_zones"):
        ask(warehouse, "SELECT * FROM green_trips")


def test_a_statement_that_fails_half_way_is_a_failed_query_too(warehouse: Warehouse) -> None:
    text = ["1"] * 70_000 + ["x"]
    put(warehouse, "v1", month_of([1.0] * 70_001, extra={"note": text}))
    with pytest.raises(QueryFailed, match="x"):
        ask(warehouse, f"SELECT CAST(note AS INTEGER) AS number FROM {TABLE}")


def test_table_and_columns_carry_the_data_dictionary_s_words(place: Place) -> None:
    put(place.open(), "v1", month_of([1.0], extra={"toll_tag": ["x"]}))
    comments = place.target.comments(place.home, TABLE)
    assert comments[""] == GREEN.title
    shown = {name: text for name, text in GREEN.column_comments().items() if name in place.open().columns(TABLE)}
    assert {name: text for name, text in comments.items() if name} == shown


def test_columns_of_one_name_in_a_result_are_told_apart(place: Place, warehouse: Warehouse) -> None:
    if not place.target.tells_twins_apart:
        with pytest.raises(QueryFailed, match="Duplicate column names"):
            ask(warehouse, "select 1 as a, 2 as a, 3 as b")
        return
    with warehouse.query("select 1 as a, 2 as a, 3 as b") as reader:
        assert reader.read_all().to_pylist() == [{"a": 1, "a_1": 2, "b": 3}]
