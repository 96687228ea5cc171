"""DuckDB as an engine over Parquet files: one reading statement over views, the rare sort, and its errors in our words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa

from taxi_pipelines.errors import DiskFull, PipelineError, QueryFailed, WarehouseCorrupt
from taxi_pipelines.taxi.schemas import SOURCE_ROW
from taxi_pipelines.warehouses import statements
from taxi_pipelines.warehouses.parquet import READ_BATCH, read_footer
from taxi_pipelines.warehouses.spill import spill_folder
from taxi_pipelines.warehouses.statements import GAP, first_word

_SORT_MEMORY = "1GB"
_DOCTOR = "run: taxi doctor"
_ONLY_READS = "months are published by `taxi run`, results are written with -o FILE"

# Of these Arrow has no type, one that Parquet and CSV do not take, or one that loses a part of the value.
_WITHOUT_ARROW = {
    "interval", "bit", "uhugeint", "bignum", "variant", "union", "time with time zone",
}  # fmt: skip
Kinds = frozenset[duckdb.StatementType]

_READING: Kinds = frozenset({duckdb.StatementType.SELECT, duckdb.StatementType.PRAGMA})
_READING_OF_SEVERAL_STEPS = {"PIVOT", "PIVOT_WIDER", "SELECT", "FROM", "WITH", "("}

_EXPLAIN = re.compile(
    rf"{GAP}EXPLAIN\b{GAP}(?:ANALY[ZS]E\b{GAP})?(?:\({GAP}(?:ANALY[ZS]E|FORMAT)\b[^)]*\))?",
    re.DOTALL | re.IGNORECASE,
)
_POINTER = re.compile(r"^(LINE (\d+): )(.*)\n( *)\^", re.MULTILINE)
_ORDINARY_ERROR = re.compile(r"(?!Invalid Error)[A-Za-z][A-Za-z ]* Error: ")


def said(error: Exception) -> str:
    """The engine's message without its drawing of the statement, on one line."""
    return " ".join(str(error).split("\n\n")[0].split())


def translated(error: Exception, place: Path, what: str) -> PipelineError:
    """The error to raise where the engine failed at our own work on files at `place`."""
    if "No space left" in str(error):
        return DiskFull(f"no space left on the disk of {place}", "free some space and run again")
    return WarehouseCorrupt(f"{what}: {said(error)}", _DOCTOR)


def distinct_addresses(path: Path) -> int:
    """How many different addresses a file holds. Raises WarehouseCorrupt."""
    try:
        with closing(duckdb.connect()) as connection:
            text = f"SELECT count(DISTINCT {SOURCE_ROW}) FROM read_parquet(?)"
            ((count,),) = connection.execute(text, [str(path)]).fetchall()
    except duckdb.Error as error:
        raise translated(error, path, f"{path} cannot be read") from error
    return int(count)


def sorted_batches(path: Path, spill_parent: Path) -> Iterator[pa.RecordBatch]:
    """A file's rows in the order of their addresses, in bounded memory. Raises WarehouseCorrupt, DiskFull."""
    schema = read_footer(path).schema
    text = f"SELECT * FROM read_parquet({statements.quoted_text(str(path))}) ORDER BY {SOURCE_ROW}"
    with spill_folder(spill_parent) as spill:
        limits = {"memory_limit": _SORT_MEMORY, "temp_directory": spill}
        try:
            with closing(duckdb.connect(config=limits)) as connection:
                for batch in connection.sql(text).to_arrow_reader(READ_BATCH):
                    yield batch.cast(schema)
        except (duckdb.Error, OSError) as error:
            raise translated(error, spill_parent, f"{path} cannot be sorted") from error


def run_statement(
    connection: duckdb.DuckDBPyConnection, sql: str, tables: list[str], months: Path, *, strict: bool = False
) -> pa.RecordBatchReader:
    """The result of one reading statement, streamed, every column under a name of its own. `strict`: no PRAGMA.

    Raises QueryFailed; WarehouseCorrupt where a file in the folder `months` is missing or damaged, also while reading.
    `sql()` and not `execute()`: in DuckDB 2 the latter's reader first copies the whole result into memory.
    """
    try:
        _refuse_writing(connection, sql, _READING - {duckdb.StatementType.PRAGMA} if strict else _READING)
        relation = _bound(connection, sql)
        if relation is None:
            raise QueryFailed("the statement has no result", "write one that reads, such as SELECT")
        names = statements.unique_names(relation.columns)
        reader = _with_arrow_types(relation).to_arrow_reader(READ_BATCH)
    except duckdb.Error as error:
        raise _failed(error, tables, months, sql) from error
    except pa.ArrowInvalid as error:
        raise QueryFailed(f"Arrow has no such type: {error}", "cast the column to text") from error
    schema = pa.schema([field.with_name(name) for field, name in zip(reader.schema, names, strict=True)])
    return pa.RecordBatchReader.from_batches(schema, _watched(reader, schema, tables, months))


def _bound(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.DuckDBPyRelation | None:
    try:
        return connection.sql(sql)
    except (duckdb.BinderException, duckdb.CatalogException):
        connection.execute(sql)  # says the same, and where
        raise


def _refuse_writing(connection: duckdb.DuckDBPyConnection, sql: str, reading: Kinds) -> None:
    """What a statement would write goes nowhere, or past us into a file: better none than one that seems to work."""
    found = connection.extract_statements(sql)
    if len(found) != 1:
        what = f"these are {len(found)} statements" if found else "there is no statement"
        raise QueryFailed(what, "give exactly one")
    if not _is_reading(connection, found[0], reading):
        raise QueryFailed(f"a query only reads, and this is {first_word(sql)}", _ONLY_READS)


def _is_reading(connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement, reading: Kinds) -> bool:
    if statement.type == duckdb.StatementType.MULTI:
        return first_word(statement.query) in _READING_OF_SEVERAL_STEPS
    if statement.type != duckdb.StatementType.EXPLAIN:
        return statement.type in reading
    head = _EXPLAIN.match(statement.query)  # EXPLAIN ANALYZE performs what it explains
    explained = connection.extract_statements(statement.query[head.end() :]) if head else []
    return len(explained) == 1 and _is_reading(connection, explained[0], reading)


def _with_arrow_types(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Columns that Arrow and its formats cannot hold come as the engine's text."""
    as_text = [_is_without_arrow(kind) for kind in relation.types]
    if not any(as_text):
        return relation
    places = (f"CAST(#{place} AS VARCHAR)" if text else f"#{place}" for place, text in enumerate(as_text, start=1))
    named = (
        f"{column} AS {statements.quoted_name(name)}" for column, name in zip(places, relation.columns, strict=True)
    )
    return relation.project(", ".join(named))


def _is_without_arrow(kind: duckdb.sqltypes.DuckDBPyType) -> bool:
    if kind.id in _WITHOUT_ARROW:
        return True
    inner = kind.children if kind.id in ("list", "array", "struct", "map") else []
    return any(_is_without_arrow(part) for _, part in inner if isinstance(part, duckdb.sqltypes.DuckDBPyType))


def _watched(
    reader: pa.RecordBatchReader, schema: pa.Schema, tables: list[str], months: Path
) -> Iterator[pa.RecordBatch]:
    try:
        for batch in reader:
            yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)
    except (OSError, pa.ArrowException) as error:
        raise _failed(error, tables, months) from error


def _failed(error: Exception, tables: list[str], months: Path, sql: str = "") -> PipelineError:
    """Whose fault it is: the disk's, our files', or the statement's."""
    text = said(error)
    if "No space left" in text:
        return translated(error, months, "")
    if isinstance(error, duckdb.PermissionException):
        return QueryFailed("the statement asks for more than the tables", f"the tables are {', '.join(tables)}")
    line, column = _place(str(error), sql)
    if isinstance(error, duckdb.CatalogException) and "Table with name" in text:
        what, hint = str(error).splitlines()[0], f"the tables are {', '.join(tables)}"
        return QueryFailed(what, hint, line=line, column=column)
    if " ".join(str(months).split()) in text:
        return WarehouseCorrupt(text.removesuffix(f"; {_DOCTOR}"), _DOCTOR)
    if not _ORDINARY_ERROR.match(text):  # what the Parquet reader stumbles over inside of a file names no file
        return WarehouseCorrupt(f"a file that was read is damaged: {text}", _DOCTOR)
    if isinstance(error, duckdb.OutOfMemoryException):
        return QueryFailed(
            "the statement takes more memory than it may", "ask for fewer rows or columns, or for an aggregate"
        )
    return QueryFailed(text, "correct the statement", line=line, column=column)


def _place(text: str, sql: str) -> tuple[int | None, int | None]:
    """Line and column that the engine's drawing points at; of a long line it draws a part."""
    found = _POINTER.search(text)
    if not found:
        return None, None
    line, drawn, column = int(found[2]), found[3], len(found[4]) - len(found[1])
    if drawn.startswith("..."):
        lines = sql.splitlines()
        column += lines[line - 1].find(drawn.strip(".")) - 3 if line <= len(lines) else 0
    return line, max(column, 0) + 1
