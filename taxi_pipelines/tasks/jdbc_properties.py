"""What SQL tasks may say. Kestra's names throughout: its flows run as they are."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from taxi_pipelines.task_types import Properties
from taxi_pipelines.tasks.sql import Fetching

Format = Literal["TEXT", "CSV", "BINARY"]


class Statements(Fetching):
    """SQL, wherever it runs."""

    sql: str = Field(min_length=1, description="The statements.")
    after_sql: str | None = Field(
        default=None, alias="afterSQL", description="Statements to run afterwards, in the same transaction."
    )
    parameters: dict[str, Any] = Field(default={}, description="Values for `:name` in the statements.")
    time_zone_id: str = Field(default="UTC", description="The zone of times that have one, such as Europe/Paris.")
    fetch_size: int = Field(default=10_000, ge=1, description="How many rows to ask for at a time.")
    connection_pooling: bool = Field(
        default=True, description="Accepted for Kestra's sake: every task run has a connection of its own."
    )
    connection_pool_size: int = Field(
        default=10, description="Accepted for Kestra's sake: every task run has a connection of its own."
    )


class Transaction(Properties):
    """What `Queries` says besides."""

    transaction: bool = Field(
        default=True,
        description="Whether all statements are one transaction; else each is its own, and those before a failure stay.",
    )


class PostgresAccess(Properties):
    """Where a PostgreSQL is, and how to get in."""

    url: str = Field(
        min_length=1, description="The JDBC URL, such as jdbc:postgresql://host:5432/database?sslmode=require."
    )
    username: str | None = Field(default=None, description="Who; what the URL says goes first.")
    password: str | None = Field(default=None, description="The password; what the URL says goes first.")
    ssl: bool = Field(default=False, description="Whether to insist on SSL and a certificate that is trusted.")
    ssl_mode: Literal["DISABLE", "ALLOW", "PREFER", "REQUIRE", "VERIFY_CA", "VERIFY_FULL"] | None = Field(
        default=None, description="How far to insist on SSL; PREFER if neither this nor the URL says."
    )
    ssl_root_cert: str | None = Field(default=None, description="The certificates to trust, as PEM text.")
    ssl_cert: str | None = Field(default=None, description="This side's certificate, as PEM text.")
    ssl_key: str | None = Field(default=None, description="Its key, as PEM text.")
    ssl_key_password: str | None = Field(default=None, description="The key's password.")


class PostgresQuery(PostgresAccess, Statements):
    """SQL for a PostgreSQL."""


class PostgresQueries(PostgresQuery, Transaction):
    """SQL for a PostgreSQL, with the rows of every statement."""


class Embedded(Statements):
    """SQL in this process, on files of the working folder."""

    username: str | None = Field(default=None, description="Accepted for Kestra's sake: there are no users.")
    password: str | None = Field(default=None, description="Accepted for Kestra's sake: there are no users.")
    output_files: list[str] = Field(
        default=[],
        description="Globs of files to store afterwards; `{{ outputFiles.NAME }}` is where the SQL is to write NAME.",
    )
    output_db_file: bool = Field(default=False, description="Whether to store the database file.")


class DuckDBQuery(Embedded):
    """SQL for DuckDB."""

    url: str = Field(
        default="jdbc:duckdb:",
        description="The database: `jdbc:duckdb:/absolute/path.db`; one of the task's own, gone afterwards, if not given.",
    )
    input_files: dict[str, Any] = Field(
        default={}, description="Files to put into the working folder first: name → text, or the URI of a stored file."
    )
    database_uri: str | None = Field(default=None, description="A stored database file to work on a copy of.")
    community_extensions: list[str] = Field(
        default=[], description="Community extensions to load first; one that cannot be had is said in the log."
    )


class DuckDBQueries(DuckDBQuery, Transaction):
    """SQL for DuckDB, with the rows of every statement."""


class SQLiteQuery(Embedded):
    """SQL for SQLite."""

    url: str = Field(
        default="jdbc:sqlite:",
        description="The database: `jdbc:sqlite:/absolute/path.db`, or a name in the working folder; in memory if not given.",
    )
    sqlite_file: str | None = Field(default=None, description="A stored database file to work on a copy of.")


class SQLiteQueries(SQLiteQuery, Transaction):
    """SQL for SQLite, with the rows of every statement."""


class Copy(PostgresAccess):
    """COPY: https://www.postgresql.org/docs/current/sql-copy.html."""

    table: str | None = Field(default=None, description="The table, as it stands in SQL: quote what has capitals.")
    columns: list[str] = Field(default=[], description="Its columns, as they stand in SQL; all if not given.")
    format: Format = Field(default="TEXT", description="TEXT, CSV or BINARY.")
    header: bool | None = Field(default=None, description="Whether the first line has the columns' names.")
    delimiter: str | None = Field(
        default=None, min_length=1, max_length=1, description="What stands between columns: a comma in CSV, else a tab."
    )
    null_string: str | None = Field(default=None, description=r"What null is written as: nothing in CSV, else \N.")
    quote: str | None = Field(default=None, min_length=1, max_length=1, description="What CSV quotes with.")
    escape: str | None = Field(default=None, min_length=1, max_length=1, description="What goes before a quote in CSV.")
    encoding: str | None = Field(default=None, description="The file's encoding; UTF8 if not given.")
    freeze: bool = Field(default=False, description="Whether rows are frozen, as VACUUM FREEZE would do.")
    oids: bool = Field(default=False, description="Whether rows have OIDs; only servers before 12 know them.")
    force_quote: list[str] = Field(default=[], description="Columns to quote in any case, or `*`.")
    force_not_null: list[str] = Field(default=[], description="Columns in which nothing is an empty text, not null.")
    force_null: list[str] = Field(default=[], description="Columns in which also a quoted null is null.")
    socket_timeout: int = Field(
        default=0, description="Accepted for Kestra's sake: the task's `timeout` ends what takes too long."
    )


class CopyIn(Copy):
    """A stored file into a table."""

    from_: str = Field(alias="from", description="The stored file's URI.")
    table: str = Field(min_length=1, description="The table, as it stands in SQL: quote what has capitals.")


class CopyOut(Copy):
    """A table or a query into a stored file."""

    sql: str | None = Field(default=None, description="A statement that gives rows, instead of a table.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.sql is None) == (self.table is None):
            raise ValueError("either table or sql is needed")
        return self
