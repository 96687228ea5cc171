"""The rows of the fake BigQuery: one DuckDB in memory; what a row weighs and how its values are written in answers.

Sizes: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#data_type_sizes
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import duckdb
import pyarrow as pa

from tests.support.google.bigquery_schema import Field, Fields, column_definitions, quoted

_BYTES = {"INTEGER": 8, "FLOAT": 8, "BOOLEAN": 1, "DATE": 8, "DATETIME": 8, "TIMESTAMP": 8, "TIME": 8, "NUMERIC": 16}


def _connect() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET threads = 2")
    return connection


@dataclass(kw_only=True)
class Data:
    """Relations in DuckDB, one per table. Not safe for threads: the state's lock is held by whoever uses it."""

    connection: duckdb.DuckDBPyConnection = field(default_factory=_connect)
    _numbers: Iterator[int] = field(default_factory=count)

    def run(self, sql: str, parameters: Mapping[str, Any] | None = None) -> duckdb.DuckDBPyConnection:
        """One statement; the result is read from what is returned."""
        return self.connection.execute(sql, parameters) if parameters else self.connection.execute(sql)

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a statement's result."""
        found: list[tuple[Any, ...]] = self.run(sql, parameters).fetchall()
        return found

    def number(self, sql: str, parameters: Mapping[str, Any] | None = None) -> int:
        """The first value of a statement's result."""
        return int(self.rows(sql, parameters)[0][0] or 0)

    def new_relation(self) -> str:
        """A name not yet used."""
        return f"t{next(self._numbers)}"

    def create(self, fields: Fields) -> str:
        """A new, empty relation with these columns."""
        relation = self.new_relation()
        self.run(f"CREATE TABLE {relation} ({column_definitions(fields) or '__none BOOLEAN'})")
        return relation

    def fill(self, relation: str, rows: pa.Table) -> None:
        """These rows are in it, too."""
        self.connection.register("incoming", rows)
        self.run(f"INSERT INTO {relation} SELECT * FROM incoming")
        self.connection.unregister("incoming")

    def drop(self, relation: str) -> None:
        """Its rows are gone."""
        self.run(f"DROP TABLE IF EXISTS {relation}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All statements within count, or none."""
        self.run("BEGIN")
        try:
            yield
        except BaseException:
            self.run("ROLLBACK")
            raise
        self.run("COMMIT")

    def size(
        self, source: str, fields: Sequence[Field], where: str = "true", values: Mapping[str, Any] | None = None
    ) -> tuple[int, int]:
        """Rows and logical bytes of `source` (a relation or a subquery)."""
        weights = " + ".join(f"coalesce(sum({_weight(column)}), 0)" for column in fields) or "0"
        rows, size = self.rows(f"SELECT count(*), {weights} FROM {source} WHERE {where}", values)[0]
        return int(rows), int(size)


def _weight(column: Field) -> str:
    name = quoted(column.name)
    match column.type:
        case "STRING":
            return f"2 + strlen({name})"
        case "BYTES":
            return f"2 + octet_length({name})"
        case kind:
            return f"CASE WHEN {name} IS NOT NULL THEN {_BYTES[kind]} END"


def cell(column: Field, *, integer_timestamps: bool) -> str:
    """In DuckDB's SQL: the value as text, as BigQuery's REST API writes it in `{"v": …}`."""
    name = quoted(column.name)
    match column.type:
        case "FLOAT":
            special = f"WHEN isnan({name}) THEN 'NaN' WHEN isinf({name}) THEN if({name} > 0, 'Infinity', '-Infinity')"
            return f"CASE {special} ELSE CAST({name} AS VARCHAR) END"
        case "DATETIME":
            return f"replace(strftime({name}, '%Y-%m-%dT%H:%M:%S.%f'), '.000000', '')"
        case "TIMESTAMP" if integer_timestamps:
            return f"CAST(epoch_us({name}) AS VARCHAR)"
        case "TIMESTAMP":
            return f"CAST(epoch_us({name}) / 1e6 AS VARCHAR)"
        case "TIME":
            return f"replace(strftime(DATE '2000-01-01' + {name}, '%H:%M:%S.%f'), '.000000', '')"
        case "BYTES":
            return f"to_base64({name})"
        case "NUMERIC":
            return f"regexp_replace(CAST({name} AS VARCHAR), '\\.?0+$', '')"
        case _:
            return f"CAST({name} AS VARCHAR)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Some rows of a relation in the REST API's form, and where the next page starts (None: nowhere)."""

    rows: list[dict[str, Any]]
    total: int
    next_start: int | None


def read_page(
    data: Data, source: str, fields: Fields, *, where: str, start: int, most: int, integer_timestamps: bool
) -> Page:
    """Rows `start` to `start + most` of those for which `where` holds, in the order in which they came."""
    total = data.number(f"SELECT count(*) FROM {source} WHERE {where}")
    cells = ", ".join(cell(column, integer_timestamps=integer_timestamps) for column in fields) or "1"
    found = data.rows(f"SELECT {cells} FROM {source} WHERE {where} LIMIT {most} OFFSET {start}")
    rows = [{"f": [{"v": value} for value in row]} for row in found]
    end = start + len(rows)
    return Page(rows=rows, total=total, next_start=end if rows and end < total else None)
