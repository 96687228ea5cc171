"""Warehouses under test: how each is built, small months to put into them, and a process that works on one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from taxi_pipelines.domain.month import Month, Partition
from taxi_pipelines.interfaces import Warehouse
from taxi_pipelines.taxi.schemas import ADDRESS
from taxi_pipelines.taxi.types import ALL, TaxiType
from taxi_pipelines.warehouses.bigquery_publish import Strategy
from taxi_pipelines.warehouses.duckdb import DuckDBWarehouse
from taxi_pipelines.warehouses.postgres import PostgresWarehouse
from tests.support import bigquery, postgres, real_project

GREEN = ALL["green"]
TABLE = GREEN.table
JAN, FEB, MAR, APR = (Month(2021, month) for month in (1, 2, 3, 4))


@dataclass(frozen=True, kw_only=True)
class Target:
    """One kind of warehouse. `comments` reads table comment (under "") and column comments as a client sees them.

    `keeps_versions`: older versions are held until they are discarded. `shows_views`: readers see views over the months, whose
    columns stand in canonical order and go with the last month that has them; a real table only gains columns. `quote`: what
    names are put into. `widens_to_text`: a column may become text when a later month has text in it. `tells_twins_apart`: two
    columns of one name in a result get names of their own; else such a statement is refused. `remove`: what it made for a home
    folder goes; `marks`: of every test on it.
    """

    open: Callable[[Path], Warehouse]
    comments: Callable[[Path, str], Mapping[str, str]]
    keeps_versions: bool = True
    shows_views: bool = True
    quote: str = '"'
    widens_to_text: bool = True
    tells_twins_apart: bool = True
    remove: Callable[[Path], None] = lambda home: None
    marks: Sequence[pytest.MarkDecorator] = ()


def _duckdb_comments(home: Path, table: str) -> dict[str, str]:
    with closing(duckdb.connect(home / "warehouse.duckdb", read_only=True)) as connection:
        columns = "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = ? AND comment IS NOT NULL"
        views = "SELECT '', comment FROM duckdb_views() WHERE view_name = ?"
        return dict(connection.execute(f"{columns} UNION ALL {views}", [table, table]).fetchall())


def _bigquery(strategy: Strategy) -> Target:
    return Target(
        open=lambda home: bigquery.warehouse_of(home, strategy=strategy),
        comments=bigquery.table_comments,
        keeps_versions=False,
        shows_views=False,
        quote="`",
        widens_to_text=False,
        tells_twins_apart=False,
    )


def _real_bigquery(strategy: Strategy) -> Target:
    return replace(
        _bigquery(strategy),
        open=lambda home: real_project.warehouse_of(home, strategy=strategy),
        comments=real_project.table_comments,
        remove=real_project.remove_datasets_of,
        marks=real_project.MARKS,
    )


TARGETS: dict[str, Target] = {
    "bigquery": _bigquery("replace"),
    "bigquery-merge": _bigquery("merge"),
    "bigquery-real": _real_bigquery("replace"),
    "bigquery-real-merge": _real_bigquery("merge"),
    "duckdb": Target(open=DuckDBWarehouse, comments=_duckdb_comments),
    "postgres": Target(
        open=lambda home: PostgresWarehouse(postgres.database_of(home)),
        comments=lambda home, table: postgres.table_comments(postgres.database_of(home), table),
        keeps_versions=False,
        shows_views=False,
    ),
    "postgres-merge": Target(
        open=lambda home: PostgresWarehouse(postgres.database_of(home), strategy="merge"),
        comments=lambda home, table: postgres.table_comments(postgres.database_of(home), table),
        keeps_versions=False,
        shows_views=False,
    ),
}


def month_of(
    fares: Sequence[float | None],
    *,
    month: Partition = JAN,
    kind: TaxiType = GREEN,
    rows: Sequence[int] | None = None,
    extra: Mapping[str, Any] | None = None,
    without: Sequence[str] = (),
) -> pa.Table:
    """A cleaned month with these fares, everything else null. `rows`: the addresses where they are not 1…n."""
    size = len(fares)
    fields = {column.name: pa.nulls(size, column.type) for column in kind.schema.columns if not column.legacy}
    fields[kind.schema.fare or "fare_amount"] = pa.array(fares, pa.float64())
    fields |= {name: pa.array(values) for name, values in (extra or {}).items()}
    address = (
        [month.first_day] * size,
        list(rows or range(1, size + 1)),
        [f"{kind.file_stem(month)}.parquet"] * size,
    )
    for column, values in zip(ADDRESS, address, strict=True):
        fields[column.name] = pa.array(values, column.type)
    return pa.table({name: values for name, values in fields.items() if name not in without})


def stage(
    warehouse: Warehouse, version: str, table: pa.Table, *, month: Partition = JAN, kind: TaxiType = GREEN
) -> None:
    warehouse.stage(kind, month, version, table.schema, table.to_batches(max_chunksize=3 + table.num_rows // 4))


def put(warehouse: Warehouse, version: str, table: pa.Table, *, month: Partition = JAN, kind: TaxiType = GREEN) -> None:
    """Stages and publishes, as a run does."""
    with warehouse.lock(kind.table, month):
        stage(warehouse, version, table, month=month, kind=kind)
        warehouse.publish(kind, month, version)


def held(warehouse: Warehouse, version: str, *, month: Partition = JAN, kind: TaxiType = GREEN) -> pa.Table:
    """All rows of a version."""
    return pa.Table.from_batches(warehouse.read(kind.table, month, version))


def ask(warehouse: Warehouse, sql: str) -> list[tuple[Any, ...]]:
    """A query's rows."""
    with warehouse.query(sql) as reader:
        return [tuple(row.values()) for row in reader.read_all().to_pylist()]


def fares(warehouse: Warehouse, table: str = TABLE) -> list[float | None]:
    """The fares readers see, in the order of their addresses."""
    text = f"SELECT fare_amount FROM {table} ORDER BY source_month, source_row"
    return [fare for (fare,) in ask(warehouse, text)]


@contextmanager
def process(*code: str) -> Iterator[subprocess.Popen[str]]:
    """Another Python process; killed in the end. It says when it is ready by a line on stdout."""
    command = [sys.executable, "-c", "\n".join(code)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.kill()


@contextmanager
def staging_process(target: str, home: Path, version: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has locked and staged January, and goes on doing so until it is killed."""
    code = (
        "import sys",
        "from pathlib import Path",
        "from tests.support.warehouses import *",
        f"warehouse = TARGETS[{target!r}].open(Path({str(home)!r}))",
        "with warehouse.lock(TABLE, JAN):",
        f"    stage(warehouse, {version!r}, month_of([1.0, 2.0]))",
        "    print('staged', flush=True)",
        "    sys.stdin.read()",
    )
    with process(*code) as child:
        assert child.stdout is not None and child.stdout.readline() == "staged\n"
        yield child
