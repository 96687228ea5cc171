"""SQL in DuckDB, in a worker: in a database of the task's own, or in a file, with the working folder's files within reach."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from taxi_pipelines.domain.records import Level
from taxi_pipelines.errors import PermanentError, QueryFailed, TransientError, UsageError
from taxi_pipelines.tasks.jdbc_embedded import fetch_copy, file_outputs, interruptible
from taxi_pipelines.tasks.jdbc_properties import DuckDBQueries, DuckDBQuery
from taxi_pipelines.tasks.sql_rows import Rows
from taxi_pipelines.tasks.sql_text import with_parameters
from taxi_pipelines.tasks.worker_context import WorkerContext
from taxi_pipelines.tasks.working_files import private_folder, put_input_files

_SCHEME = "jdbc:duckdb:"
_INSTALL = re.compile(r"\s*(?:FORCE\s+)?INSTALL\s+'?(\w+)'?\s*;?\s*", re.IGNORECASE)
_EXTENSION = re.compile(r"[A-Za-z0-9_]+")
_LINE = re.compile(r"\s*\n\s*LINE (\d+):.*", re.DOTALL)

Outputs = Mapping[str, Any]


def query(values: Mapping[str, Any], context: WorkerContext) -> Outputs:
    """Runs the statements; the rows of the last one that gives any."""
    it = DuckDBQuery.model_validate(values)
    return _run(it, context, Rows.last, one_transaction=True)


def queries(values: Mapping[str, Any], context: WorkerContext) -> Outputs:
    """Runs the statements; the rows of each of them."""
    it = DuckDBQueries.model_validate(values)
    return _run(it, context, lambda rows, to: {"outputs": rows.outputs(to)}, one_transaction=it.transaction)


def _run(
    it: DuckDBQuery, context: WorkerContext, collect: Callable[[Rows, WorkerContext], Outputs], *, one_transaction: bool
) -> Outputs:
    with private_folder(context.folder) as private:
        put_input_files(context, it.input_files)
        place, settings = _database(it.url, private)
        own = private / "database.duckdb"
        fetch_copy(context, it.database_uri, own)
        place = str(own) if it.database_uri or not place else place
        rows = Rows(it.fetching, private)
        with closing(_connect(place, settings)) as connection:
            work = partial(_perform, connection, it, context, rows, one_transaction=one_transaction)
            interruptible(work, connection.interrupt)
        rows.measure(context)
        file = Path(place) if not place.startswith((":", "md:")) else None
        return {**collect(rows, context), **file_outputs(it, file, context)}


def _database(url: str, private: Path) -> tuple[str, dict[str, str]]:
    """The file to open, empty for one of the task's own, and DuckDB's settings. Raises UsageError."""
    if not url.startswith(_SCHEME):
        raise UsageError(f"{url!r} is not a JDBC URL of DuckDB", "write it as jdbc:duckdb:/absolute/path.db")
    place, *given = url.removeprefix(_SCHEME).strip().split(";")
    settings = {name.strip(): value.strip() for name, _, value in (pair.partition("=") for pair in given) if name}
    if place in ("", ":memory:"):
        return "", {"temp_directory": str(private / "spilled"), **settings}
    if not (place.startswith("md:") or Path(place).is_absolute()):
        raise UsageError(
            f"{url!r}: the working folder is gone after the task", "write jdbc:duckdb: and an absolute path"
        )
    return place, settings


def _connect(place: str, settings: Mapping[str, str]) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(place, config=dict(settings))
    except duckdb.IOException as error:
        kind = TransientError if "lock" in str(error) else PermanentError
        raise kind(f"DuckDB cannot open {place}: {_said(error)}", "close what has it open, or name another") from error
    except duckdb.Error as error:
        raise PermanentError(f"DuckDB cannot open {place}: {_said(error)}", "look at `url`") from error


def _perform(
    connection: duckdb.DuckDBPyConnection,
    it: DuckDBQuery,
    context: WorkerContext,
    rows: Rows,
    *,
    one_transaction: bool,
) -> None:
    text = ";\n".join(part for part in (it.sql, it.after_sql) if part)
    named = with_parameters(text, lambda name: f"${name}" if name in it.parameters else None)
    context.log(Level.DEBUG, text)
    try:
        connection.execute("SET file_search_path = ?", [str(context.folder)])
        connection.execute("SET TimeZone = ?", [it.time_zone_id])
        _load_extensions(connection, it.community_extensions, context)
        found = connection.extract_statements(named)
        together = one_transaction and len(found) > 1 and not any(map(_is_transaction, found))
        if together:
            connection.begin()
        for statement in found:
            values = {name: it.parameters[name] for name in statement.named_parameters if name in it.parameters}
            _execute(connection, statement, values, rows, it.fetch_size, context)
        if together:
            connection.commit()
    except (duckdb.Error, RuntimeError) as error:
        raise QueryFailed(_said(error), "nothing of its transaction stays") from error


def _execute(
    connection: duckdb.DuckDBPyConnection,
    statement: Any,
    values: Mapping[str, Any],
    rows: Rows,
    size: int,
    context: WorkerContext,
) -> None:
    if (install := _INSTALL.fullmatch(statement.query)) and _is_built_in(connection, install[1]):
        context.log(Level.DEBUG, f"the extension {install[1]} is part of this DuckDB")
        return
    result = connection.execute(statement, values or None)
    if duckdb.ExpectedResultType.QUERY_RESULT not in statement.expected_result_type[:1] or not result.description:
        return
    names = [column[0] for column in result.description]
    documents = [place for place, column in enumerate(result.description) if str(column[1]) == "JSON"]
    for block in _blocks(result, size):
        rows.add(names, [_parsed(row, documents) for row in block] if documents else block)
    rows.end()


def _blocks(result: duckdb.DuckDBPyConnection, size: int) -> Iterator[Sequence[Sequence[Any]]]:
    """All rows, in blocks, the last one empty. Times with a zone come by Arrow: DuckDB's own way needs a package more."""
    if not any("WITH TIME ZONE" in str(column[1]) for column in result.description):
        while block := result.fetchmany(size):
            yield block
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that it makes a copy
            reader = result.to_arrow_reader(size)
        with reader:
            for batch in reader:
                yield list(zip(*(column.to_pylist() for column in batch.columns), strict=True))
    yield []


def _parsed(row: Sequence[Any], documents: Sequence[int]) -> list[Any]:
    """DuckDB gives JSON as text."""
    found = list(row)
    for place in documents:
        found[place] = None if found[place] is None else json.loads(found[place])
    return found


def _load_extensions(connection: duckdb.DuckDBPyConnection, names: Sequence[str], context: WorkerContext) -> None:
    for name in names:
        if not _EXTENSION.fullmatch(name):
            raise UsageError(f"{name!r} is not an extension's name", "see `communityExtensions`")
        try:
            connection.execute(f"INSTALL {name} FROM community")
            connection.execute(f"LOAD {name}")
        except duckdb.Error as error:
            context.log(Level.WARN, f"the extension {name} cannot be had: {_said(error)}")


def _is_built_in(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    asked = "SELECT loaded FROM duckdb_extensions() WHERE extension_name = ? AND install_mode = 'STATICALLY_LINKED'"
    return connection.execute(asked, [name.lower()]).fetchone() is not None


def _is_transaction(statement: Any) -> bool:
    """BEGIN, COMMIT and ROLLBACK: the SQL makes its own transactions."""
    return bool(statement.type == duckdb.StatementType.TRANSACTION)


def _said(error: BaseException) -> str:
    """DuckDB's message without its drawing."""
    text = str(error)
    line = _LINE.search(text)
    said = " ".join((text[: line.start()] if line else text).split())
    return f"{said} (line {line[1]} of the SQL)" if line else said
