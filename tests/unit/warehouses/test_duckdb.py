"""What only the embedded warehouse does: its two renames, clients with its file open, moved homes, lost catalogs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from subprocess import Popen
from typing import Any

import duckdb
import pytest

from taxi_pipelines.errors import HomeUnwritable, WarehouseCorrupt
from taxi_pipelines.warehouses import views
from taxi_pipelines.warehouses.duckdb import DuckDBWarehouse
from tests.support.warehouses import FEB, GREEN, JAN, TABLE, ask, fares, month_of, process, put, stage


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home [1] it's"


@pytest.fixture
def warehouse(home: Path) -> DuckDBWarehouse:
    return DuckDBWarehouse(home)


def shown(home: Path, sql: str = f"SELECT fare_amount FROM taxi.{TABLE} ORDER BY ALL") -> list[Any]:
    """What a client sees."""
    with closing(duckdb.connect(home / "warehouse.duckdb", read_only=True)) as connection:
        return [row[0] for row in connection.execute(sql).fetchall()]


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    found = {path: path.stat() for path in folder.rglob("*")}
    return {str(path): (stat.st_mtime_ns, stat.st_size) for path, stat in found.items()}


def test_files_are_where_others_rely_on_them(warehouse: DuckDBWarehouse, home: Path) -> None:
    put(warehouse, "v1", month_of([1.0]))
    put(warehouse, "v2", month_of([2.0]))
    assert names(home) == [
        "locks/catalog.lock",
        "locks/green_tripdata-2021-01.lock",
        "warehouse.duckdb",
        "warehouse/catalog.json",
        "warehouse/green_tripdata/2021-01.v1.parquet",
        "warehouse/green_tripdata/2021-01.v2.parquet",
    ]
    assert shown(home) == [2.0]


def test_a_client_finds_all_tables_also_the_empty_ones(warehouse: DuckDBWarehouse, home: Path) -> None:
    put(warehouse, "v1", month_of([1.0]))
    text = "SELECT view_name FROM duckdb_views() WHERE schema_name = 'taxi' ORDER BY 1"
    tables = ["fhv_tripdata", "fhvhv_tripdata", "green_tripdata", "taxi_zones", "yellow_tripdata"]
    assert shown(home, text) == tables
    assert shown(home, "SELECT count(*) FROM taxi.fhvhv_tripdata") == [0]


def test_looking_writes_nothing(warehouse: DuckDBWarehouse, home: Path) -> None:
    put(warehouse, "v1", month_of([1.0]))
    before = snapshot(home)
    assert warehouse.sweep() == 0
    assert warehouse.problems() == []
    assert not warehouse.locked(TABLE, [JAN])
    assert (len(warehouse.published(TABLE)), warehouse.versions(TABLE, JAN)) == (1, ["v1"])
    assert snapshot(home) == before


@contextmanager
def crash_at(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[None]:
    """A power cut when that step of publishing begins: nothing of ours is cleaned up."""

    class PowerCut(BaseException):
        pass

    def cut(*_: object) -> None:
        raise PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(f"taxi_pipelines.warehouses.duckdb.{name}", cut)
        patch.setattr("taxi_pipelines.warehouses.duckdb.remove_views", lambda path: None)
        with pytest.raises(PowerCut):
            yield


def test_after_a_crash_between_the_renames_the_next_one_carries_on(
    warehouse: DuckDBWarehouse, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(warehouse, "v1", month_of([1.0]))
    with crash_at(monkeypatch, "install_views"):
        put(warehouse, "v2", month_of([2.0]))
    assert (home / "warehouse.duckdb.2.tmp").exists()
    assert (fares(warehouse), shown(home)) == ([2.0], [1.0])
    assert warehouse.problems() == [f"{home / 'warehouse.duckdb'} shows other months than are published"]

    assert warehouse.sweep() == 1
    assert (fares(warehouse), shown(home)) == ([2.0], [2.0])
    assert (warehouse.problems(), warehouse.sweep()) == ([], 0)


def test_after_a_crash_between_the_renames_the_next_publish_carries_on(
    warehouse: DuckDBWarehouse, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(warehouse, "v1", month_of([1.0]))
    with crash_at(monkeypatch, "install_views"):
        put(warehouse, "v2", month_of([2.0]))
    put(warehouse, "v1", month_of([3.0], month=FEB), month=FEB)
    assert (fares(warehouse), shown(home)) == ([2.0, 3.0], [2.0, 3.0])
    assert not list(home.glob("*.tmp"))


def test_after_a_crash_before_the_catalog_s_rename_the_old_month_stays(
    warehouse: DuckDBWarehouse, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(warehouse, "v1", month_of([1.0]))
    with crash_at(monkeypatch, "write_catalog"):
        put(warehouse, "v2", month_of([2.0]))
    (home / "warehouse" / "catalog.json.tmp").write_text("{")
    assert "warehouse/green_tripdata/2021-01.v2.parquet" in names(home)

    assert warehouse.sweep() == 3
    assert (fares(warehouse), shown(home)) == ([1.0], [1.0])
    assert not [name for name in names(home) if "v2" in name or "tmp" in name]


def test_after_a_crash_of_the_very_first_publish_the_warehouse_is_empty_again(
    warehouse: DuckDBWarehouse, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with crash_at(monkeypatch, "write_catalog"):
        put(warehouse, "v1", month_of([1.0]))
    assert warehouse.sweep() == 2
    assert (warehouse.published(TABLE), warehouse.problems()) == ({}, [])
    put(warehouse, "v1", month_of([1.0]))
    assert shown(home) == [1.0]


def test_a_publish_that_fails_can_be_discarded_and_leaves_nothing(
    warehouse: DuckDBWarehouse, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise HomeUnwritable("no right to write")

    with monkeypatch.context() as patch, warehouse.lock(TABLE, JAN):
        patch.setattr("taxi_pipelines.warehouses.duckdb.write_catalog", fail)
        stage(warehouse, "v1", month_of([1.0]))
        with pytest.raises(HomeUnwritable):
            warehouse.publish(GREEN, JAN, "v1")
        warehouse.discard(TABLE, JAN, "v1")
    assert [name for name in names(home) if not name.startswith("locks/")] == []


def test_lost_views_are_built_again_by_the_sweep(warehouse: DuckDBWarehouse, home: Path) -> None:
    put(warehouse, "v1", month_of([1.0]))
    (home / "warehouse.duckdb").unlink()
    assert warehouse.problems() == [f"{home / 'warehouse.duckdb'} is missing"]
    warehouse.sweep()
    assert shown(home) == [1.0]


def test_a_moved_home_is_read_at_once_and_mended_for_clients(
    warehouse: DuckDBWarehouse, home: Path, tmp_path: Path
) -> None:
    put(warehouse, "v1", month_of([1.0]))
    elsewhere = tmp_path / "elsewhere"
    shutil.move(home, elsewhere)
    moved = DuckDBWarehouse(elsewhere)

    assert fares(moved) == [1.0]
    assert moved.problems() == [f"{elsewhere / 'warehouse.duckdb'} shows files of another folder"]
    moved.repair()
    assert moved.problems() == []
    assert shown(elsewhere) == [1.0]


CLIENT = (
    "import duckdb, sys",
    "connection = duckdb.connect(HOME, read_only=READ_ONLY)",
    "if not READ_ONLY: connection.execute('CREATE TABLE mine AS SELECT 1 AS x')",
    "ask = lambda: connection.execute('SELECT fare_amount FROM taxi.green_tripdata ORDER BY 1').fetchall()",
    "print(ask(), flush=True)",
    "for line in sys.stdin:",
    "    if not READ_ONLY: connection.execute('INSERT INTO mine VALUES (2)')",
    "    print(ask(), flush=True)",
    "connection.close()",
)


@contextmanager
def client(home: Path, *, read_only: bool) -> Iterator[Popen[str]]:
    """Another program with warehouse.duckdb open."""
    head = f"HOME, READ_ONLY = {str(home / 'warehouse.duckdb')!r}, {read_only}"
    with process(head, *CLIENT) as child:
        yield child


def said_by(child: Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline()


@pytest.mark.parametrize("read_only", [True, False])
def test_a_client_that_keeps_the_file_open_neither_blocks_nor_breaks(
    warehouse: DuckDBWarehouse, home: Path, read_only: bool
) -> None:
    put(warehouse, "v1", month_of([1.0]))
    with client(home, read_only=read_only) as child:
        assert said_by(child) == "[(1.0,)]\n"
        assert warehouse.problems() == []
        put(warehouse, "v2", month_of([2.0]))
        assert (fares(warehouse), shown(home)) == ([2.0], [2.0])
        stdin = child.stdin
        assert stdin is not None
        stdin.write("again\n")
        stdin.flush()
        assert said_by(child) == "[(1.0,)]\n"
        stdin.close()
        assert child.wait(10) == 0
    assert shown(home) == [2.0]
    assert warehouse.problems() == []


def test_a_damaged_catalog_says_what_to_do_and_is_made_anew_of_the_files(
    warehouse: DuckDBWarehouse, home: Path
) -> None:
    put(warehouse, "v1", month_of([1.0]))
    put(warehouse, "v2", month_of([2.0]))
    put(warehouse, "v1", month_of([3.0], month=FEB), month=FEB)
    (home / "warehouse" / "catalog.json").write_text("{ torn")

    with pytest.raises(WarehouseCorrupt, match="taxi doctor --fix"):
        warehouse.published(TABLE)
    with pytest.raises(WarehouseCorrupt):
        warehouse.sweep()
    (problem,) = warehouse.problems()
    assert "catalog.json cannot be read" in problem

    warehouse.repair()
    assert warehouse.problems() == []
    assert (fares(warehouse), shown(home)) == ([2.0, 3.0], [2.0, 3.0])
    assert warehouse.versions(TABLE, JAN) == ["v1", "v2"]


def test_a_lost_catalog_is_not_taken_for_an_empty_one(warehouse: DuckDBWarehouse, home: Path) -> None:
    put(warehouse, "v1", month_of([1.0]))
    (home / "warehouse" / "catalog.json").unlink()
    with pytest.raises(WarehouseCorrupt, match=r"catalog\.json is missing"):
        warehouse.sweep()
    warehouse.repair()
    assert fares(warehouse) == [1.0]


def test_where_all_months_are_lost_repair_starts_anew(warehouse: DuckDBWarehouse, home: Path) -> None:
    put(warehouse, "v1", month_of([1.0]))
    shutil.rmtree(home / "warehouse")
    with pytest.raises(WarehouseCorrupt):
        warehouse.published(TABLE)
    warehouse.repair()
    assert (warehouse.published(TABLE), warehouse.problems()) == ({}, [])
    put(warehouse, "v2", month_of([2.0]))
    assert shown(home) == [2.0]


def test_missing_and_damaged_months_are_named(warehouse: DuckDBWarehouse, home: Path) -> None:
    put(warehouse, "v1", month_of([1.0]))
    put(warehouse, "v1", month_of([2.0], month=FEB), month=FEB)
    folder = home / "warehouse" / TABLE
    (folder / "2021-01.v1.parquet").unlink()
    (folder / "2021-02.v1.parquet").write_bytes(b"PAR1 nonsense")

    missing, damaged = warehouse.problems()
    assert missing == f"{folder / '2021-01.v1.parquet'} is missing"
    assert damaged.startswith(f"{folder / '2021-02.v1.parquet'} cannot be read")
    assert warehouse.versions(TABLE, JAN) == []


def test_a_month_that_was_exchanged_behind_our_back_is_named(warehouse: DuckDBWarehouse, home: Path) -> None:
    put(warehouse, "v1", month_of([1.0]))
    put(warehouse, "v2", month_of([1.0] * 900, extra={"note": [str(number) for number in range(900)]}))
    folder = home / "warehouse" / TABLE
    shutil.copy(folder / "2021-01.v1.parquet", folder / "2021-01.v2.parquet")
    size, rows = warehouse.problems()
    assert "bytes, the catalog says" in size
    assert "has 1 rows, the catalog says 900" in rows


def test_a_lost_month_fails_the_queries_over_its_table_only_and_is_mended_by_loading_it(
    warehouse: DuckDBWarehouse, home: Path
) -> None:
    yellow = month_of([5.0], kind=views.ALL["yellow"])
    put(warehouse, "v1", month_of([1.0]))
    put(warehouse, "v1", month_of([2.0], month=FEB), month=FEB)
    put(warehouse, "v1", yellow, kind=views.ALL["yellow"])
    for path in (home / "warehouse" / TABLE).iterdir():
        path.unlink()

    with pytest.raises(
        WarehouseCorrupt, match=r"green_tripdata cannot be read.*2021-01\.v1\.parquet.*; run: taxi doctor$"
    ):
        ask(warehouse, f"SELECT count(*) FROM {TABLE}")
    assert fares(warehouse, "yellow_tripdata") == [5.0]

    put(warehouse, "v2", month_of([1.5]))
    assert shown(home, "SELECT fare_amount FROM taxi.yellow_tripdata") == [5.0]
    put(warehouse, "v2", month_of([2.5], month=FEB), month=FEB)
    assert (fares(warehouse), shown(home)) == ([1.5, 2.5], [1.5, 2.5])
    assert warehouse.problems() == []


def test_files_of_others_in_the_folder_are_left_alone(warehouse: DuckDBWarehouse, home: Path) -> None:
    put(warehouse, "v1", month_of([1.0]))
    (home / "warehouse" / TABLE / "my notes.parquet").write_text("mine")
    assert (warehouse.sweep(), warehouse.problems()) == (0, [])


def test_a_month_that_is_cut_off_is_not_the_statements_fault(warehouse: DuckDBWarehouse, home: Path) -> None:
    put(warehouse, "v1", month_of([1.0]))
    put(warehouse, "v1", month_of([2.0], month=FEB), month=FEB)
    cut = home / "warehouse" / TABLE / "2021-02.v1.parquet"
    cut.write_bytes(cut.read_bytes()[:500])
    for sql in (f"SELECT count(*) FROM {TABLE}", f"SELECT * FROM {TABLE}"):
        with pytest.raises(WarehouseCorrupt, match=r"2021-02\.v1\.parquet.*; run: taxi doctor$"):
            ask(warehouse, sql)


def test_a_query_leaves_no_file_behind(warehouse: DuckDBWarehouse, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(warehouse, "v1", month_of([1.0]))
    before, connect = names(home), duckdb.connect
    monkeypatch.setattr(duckdb, "connect", lambda config: connect(config=config | {"memory_limit": "60MB"}))
    ask(warehouse, "SELECT count(*) FROM (SELECT i FROM range(9000000) t(i) ORDER BY hash(i))")
    assert names(home) == before
    assert list((home / "tmp").iterdir()) == []


def test_one_group_of_files_is_read_in_place_of_one_union_per_file(warehouse: DuckDBWarehouse, home: Path) -> None:
    put(warehouse, "v1", month_of([1.0]))
    put(warehouse, "v1", month_of([2.0], month=FEB), month=FEB)
    (text,) = shown(home, f"SELECT sql FROM duckdb_views() WHERE view_name = '{TABLE}'")
    assert text.count("read_parquet") == 1
