"""The types that run SQL on PostgreSQL, DuckDB and SQLite. The work is in `jdbc_postgres` and its likes.

Unlike Kestra's, rows are stored as JSON lines, not Ion, and `Query`, too, takes several statements.
"""

from __future__ import annotations

from taxi_pipelines.task_types import TypeSpec
from taxi_pipelines.tasks.jdbc_properties import (
    CopyIn,
    CopyOut,
    DuckDBQueries,
    DuckDBQuery,
    PostgresQueries,
    PostgresQuery,
    SQLiteQueries,
    SQLiteQuery,
)
from taxi_pipelines.tasks.sql import ROWS

_PLUGIN = "io.kestra.plugin.jdbc."
_RUN = "taxi_pipelines.tasks.jdbc_"
_MANY = {"outputs": "Of each statement that gives rows its `row`, or `rows`, or `uri`, and `size`."}
_FILES = {
    "outputFiles": "The stored files: name → URI.",
    "databaseUri": "The stored database file, if it is wanted.",
}
_NAMES = frozenset({"outputFiles"})

POSTGRES = (
    TypeSpec(
        name=f"{_PLUGIN}postgresql.Query",
        aliases=("postgresql.query",),
        title="Runs SQL on PostgreSQL, in one transaction; the rows of the last statement that gives any are its outputs.",
        properties=PostgresQuery,
        outputs=ROWS,
        run=f"{_RUN}postgres:query",
        example=(
            "type: postgresql.query\nurl: jdbc:postgresql://localhost:5432/taxi\nusername: taxi\n"
            "password: \"{{ secret('PG_PASSWORD') }}\"\n"
            "sql: SELECT count(*) AS trips FROM green_tripdata WHERE payment_type = :payment\n"
            "parameters:\n  payment: 1\nfetchType: FETCH_ONE"
        ),
    ),
    TypeSpec(
        name=f"{_PLUGIN}postgresql.Queries",
        aliases=("postgresql.queries",),
        title="Runs SQL on PostgreSQL, in one transaction; the rows of every statement are its outputs.",
        properties=PostgresQueries,
        outputs=_MANY,
        run=f"{_RUN}postgres:queries",
        example=(
            "type: postgresql.queries\nurl: jdbc:postgresql://localhost:5432/taxi\nusername: taxi\n"
            "password: \"{{ secret('PG_PASSWORD') }}\"\nsql: |\n"
            "  TRUNCATE TABLE staging;\n  SELECT count(*) AS trips FROM green_tripdata;\nfetchType: FETCH"
        ),
    ),
    TypeSpec(
        name=f"{_PLUGIN}postgresql.CopyIn",
        aliases=("postgresql.copyIn",),
        title="Copies a stored file into a PostgreSQL table.",
        properties=CopyIn,
        outputs={"rowCount": "How many rows were copied."},
        run=f"{_RUN}copy:copy_in",
        example=(
            "type: postgresql.copyIn\nurl: jdbc:postgresql://localhost:5432/taxi\nusername: taxi\n"
            "password: \"{{ secret('PG_PASSWORD') }}\"\nfrom: kestra:///taxi/zones.csv\n"
            "table: public.zones\ncolumns: [id, borough, zone]\nformat: CSV\nheader: true"
        ),
    ),
    TypeSpec(
        name=f"{_PLUGIN}postgresql.CopyOut",
        aliases=("postgresql.copyOut",),
        title="Copies a PostgreSQL table, or what a query gives, into a stored file.",
        properties=CopyOut,
        outputs={"uri": "The stored file's URI.", "rowCount": "How many rows were copied."},
        run=f"{_RUN}copy:copy_out",
        repeatable=True,
        example=(
            "type: postgresql.copyOut\nurl: jdbc:postgresql://localhost:5432/taxi\nusername: taxi\n"
            "password: \"{{ secret('PG_PASSWORD') }}\"\nsql: SELECT * FROM zones ORDER BY id\nformat: CSV\nheader: true"
        ),
    ),
)

EMBEDDED = (
    TypeSpec(
        name=f"{_PLUGIN}duckdb.Query",
        aliases=("duckdb.query",),
        title="Runs SQL in DuckDB, in one transaction; the rows of the last statement that gives any are its outputs.",
        properties=DuckDBQuery,
        outputs=ROWS | _FILES,
        run=f"{_RUN}duckdb:query",
        names=_NAMES,
        example=(
            "type: duckdb.query\ninputFiles:\n  zones.csv: |\n    id,borough\n    1,EWR\n    2,Queens\n"
            "sql: SELECT borough, count(*) AS zones FROM 'zones.csv' GROUP BY borough ORDER BY borough\nfetchType: FETCH"
        ),
    ),
    TypeSpec(
        name=f"{_PLUGIN}duckdb.Queries",
        aliases=("duckdb.queries",),
        title="Runs SQL in DuckDB, in one transaction; the rows of every statement are its outputs.",
        properties=DuckDBQueries,
        outputs=_MANY | _FILES,
        run=f"{_RUN}duckdb:queries",
        names=_NAMES,
        example=(
            "type: duckdb.queries\nsql: |\n  CREATE TABLE zones AS SELECT 1 AS id, 'EWR' AS borough;\n"
            "  COPY zones TO '{{ outputFiles['zones.parquet'] }}';\n  SELECT * FROM zones;\n"
            "fetchType: STORE\noutputFiles: [zones.parquet]"
        ),
    ),
    TypeSpec(
        name=f"{_PLUGIN}sqlite.Query",
        aliases=("sqlite.query",),
        title="Runs SQL in SQLite, in one transaction; the rows of the last statement that gives any are its outputs.",
        properties=SQLiteQuery,
        outputs=ROWS | _FILES,
        run=f"{_RUN}sqlite:query",
        names=_NAMES,
        example="type: sqlite.query\nsql: SELECT :month AS month\nparameters:\n  month: 2024-01\nfetchType: FETCH_ONE",
    ),
    TypeSpec(
        name=f"{_PLUGIN}sqlite.Queries",
        aliases=("sqlite.queries",),
        title="Runs SQL in SQLite, in one transaction; the rows of every statement are its outputs.",
        properties=SQLiteQueries,
        outputs=_MANY | _FILES,
        run=f"{_RUN}sqlite:queries",
        names=_NAMES,
        example=(
            "type: sqlite.queries\nurl: jdbc:sqlite:zones.db\nsql: |\n  CREATE TABLE zones (id INTEGER, borough TEXT);\n"
            "  INSERT INTO zones VALUES (1, 'EWR');\n  SELECT * FROM zones;\nfetchType: FETCH\noutputDbFile: true"
        ),
    ),
)

JDBC = (*POSTGRES, *EMBEDDED)
"""Every type that runs SQL."""
