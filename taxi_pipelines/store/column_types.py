"""The columns' types: times, partitions, words, names, and text and JSON of any content, the same on every database."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, and_, not_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from taxi_pipelines.domain.month import Partition, parse_partition

Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""A number the database counts up; SQLite does so for its own integers only."""

_to_json = json.JSONEncoder(separators=(",", ":")).encode


class UtcTime(sa.TypeDecorator[datetime]):
    """An aware time, kept and returned in UTC."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Refuses a naive time: nobody knows when that was."""
        if value is None or value.tzinfo is UTC:
            return value
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """SQLite returns a naive time, PostgreSQL one of the session's zone."""
        if value is None or value.tzinfo:
            return value and value.astimezone(UTC)
        return value.replace(tzinfo=UTC)


class PartitionName(sa.TypeDecorator[Partition]):
    """A partition, kept as the name it prints as."""

    impl = sa.String(7)
    cache_ok = True

    def process_bind_param(self, value: Partition | None, dialect: sa.Dialect) -> str | None:
        """`2021-01`, `all`."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Partition | None:
        """The inverse."""
        return None if value is None else parse_partition(value)


class AnyText(sa.TypeDecorator[str]):
    """Text from anywhere, of any length. What not every database can hold is replaced: NUL by ␀, half a surrogate pair by �.

    So what a task prints, or a user types, is never what keeps a transaction from being written.
    """

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """The text as it can be kept."""
        if value is None or (value.isascii() and "\0" not in value):
            return value
        return value.replace("\0", "␀").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class Name(AnyText):
    """A name or an id: compared by its characters' codes on every database, so that prefixes are ranges of an index."""

    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """PostgreSQL would compare as the database's language does."""
        return sa.Text(collation="C" if dialect.name == "postgresql" else None)


class JsonText(sa.TypeDecorator[Any]):
    """A value as the text of JSON. Unlike the databases' own JSON it holds NaN, infinities and every character."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str:
        """None is `null`."""
        return "{}" if value == {} else _to_json(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Any:
        """The inverse."""
        return {} if value == "{}" or value is None else json.loads(value)


def words(kind: type[StrEnum]) -> sa.Enum:
    """A column of one of these words, kept as text."""
    return sa.Enum(kind, native_enum=False, length=16, values_callable=lambda kind: [str(word) for word in kind])


def begins_with(column: sa.Column[str], prefix: str) -> ColumnElement[bool]:
    """A range of the column's index; the column is a `Name`."""
    return and_(column >= prefix, column < prefix + "\U0010ffff")


def is_in_namespace(column: sa.Column[str], namespace: str) -> ColumnElement[bool]:
    """That namespace or one below it, as one range of the column's index: `/` follows `.`."""
    whole = and_(column >= namespace, column < f"{namespace}/")
    return and_(whole, not_(and_(column > namespace, column < f"{namespace}.")))


class _Like(FunctionElement[bool]):
    """A pattern in any case. SQLite's LIKE is of any case by itself, for ASCII; `lower()` would make it three times slower."""

    name = "like_in_any_case"
    type = sa.Boolean()
    inherit_cache = True


@compiles(_Like)
def _like(element: _Like, compiler: SQLCompiler, **options: Any) -> str:
    column, pattern = element.clauses
    return f"{compiler.process(column, **options)} ILIKE {compiler.process(pattern, **options)} ESCAPE '/'"


@compiles(_Like, "sqlite")
def _like_in_sqlite(element: _Like, compiler: SQLCompiler, **options: Any) -> str:
    column, pattern = element.clauses
    return f"{compiler.process(column, **options)} LIKE {compiler.process(pattern, **options)} ESCAPE '/'"


def has_text(column: sa.Column[str], text: str) -> ColumnElement[bool]:
    """The text is anywhere in it, in any case."""
    escaped = text.replace("/", "//").replace("%", "/%").replace("_", "/_")
    return _Like(column, sa.literal(f"%{escaped}%"))


class _Scanned(FunctionElement[str]):
    """The column itself, without its index in SQLite: https://sqlite.org/optoverview.html says so of a unary plus."""

    name = "scanned"
    type = sa.String()
    inherit_cache = True


@compiles(_Scanned)
def _scanned(element: _Scanned, compiler: SQLCompiler, **options: Any) -> str:
    (column,) = element.clauses
    return compiler.process(column, **options)


@compiles(_Scanned, "sqlite")
def _scanned_in_sqlite(element: _Scanned, compiler: SQLCompiler, **options: Any) -> str:
    return f"+{_scanned(element, compiler, **options)}"


def scanned(column: sa.Column[str]) -> ColumnElement[str]:
    """The column where most rows are read anyway, which one after the other is ten times faster than by an index."""
    return _Scanned(column)
