"""SQL text, built by pure functions: the views of the embedded warehouse, and the comparison of two versions.

A view reads its files in groups of one schema: DuckDB then opens one file of each group to plan a query, where
`union_by_name` opens every file (200 months: 3 ms instead of 70), and every column is spelled out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import pyarrow as pa

from taxi_pipelines.taxi.schemas import ADDRESS, DOUBLE, INT, TEXT, TIME, Column
from taxi_pipelines.taxi.types import TaxiType

SCHEMA = "taxi"

_SQL_TYPES: Mapping[pa.DataType, str] = {
    INT: "BIGINT",
    DOUBLE: "DOUBLE",
    TEXT: "VARCHAR",
    TIME: "TIMESTAMP",
    pa.date32(): "DATE",
}
_SQL_NAMES = {
    "bool": "BOOLEAN", "int8": "TINYINT", "int16": "SMALLINT", "int32": "INTEGER", "int64": "BIGINT", "uint64": "UBIGINT",
    "halffloat": "FLOAT", "float": "FLOAT", "double": "DOUBLE", "string": "VARCHAR", "large_string": "VARCHAR",
    "date32[day]": "DATE", "timestamp[ms]": "TIMESTAMP", "timestamp[us]": "TIMESTAMP", "timestamp[ns]": "TIMESTAMP",
}  # fmt: skip
"""Of Arrow types as text, narrower whole numbers before wider ones."""

_WHOLE_NUMBERS = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
_NUMBERS = _WHOLE_NUMBERS | {"halffloat", "float", "double"}
_TEXTS = {"string", "large_string", "string_view"}


GAP = r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)*"
"""Between words of SQL, as a pattern."""

_FIRST_WORD = re.compile(rf"{GAP}(\w+|\S)", re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class FileGroup:
    """Files of one schema: column name → text of its Arrow type."""

    columns: Mapping[str, str]
    paths: tuple[str, ...]


def quoted_name(name: str) -> str:
    """An identifier."""
    return '"' + name.replace('"', '""') + '"'


def quoted_text(text: str) -> str:
    """A text literal."""
    return "'" + text.replace("'", "''") + "'"


def first_word(sql: str) -> str:
    """What a statement begins with, in capitals; empty where there is none."""
    found = _FIRST_WORD.match(sql)
    return found[1].upper() if found else ""


def unique_names(names: Iterable[str]) -> list[str]:
    """A result's column names, each once: the second `a` is `a_1`, or the next that no column has."""
    given = list(names)
    taken = set(given)
    unique: list[str] = []
    for name in given:
        numbered = (f"{name}_{number}" for number in count(1))
        unique.append(name if name not in unique else next(free for free in numbered if free not in taken))
        taken.add(unique[-1])
    return unique


def table_columns(kind: TaxiType, schemas: Iterable[Iterable[str]]) -> list[str]:
    """The table's columns, given those of each published schema: canonical, unknown by appearance, address.

    Legacy columns are there only where a month has them. Names that differ in case only are one column.
    """
    published: dict[str, str] = {}
    for names in schemas:
        for name in names:
            published.setdefault(name.lower(), name)
    canonical = [c.name for c in kind.schema.columns if not c.legacy or c.name.lower() in published]
    address = [column.name for column in ADDRESS]
    known = {name.lower() for name in (*canonical, *address)}
    return [*canonical, *(name for lower, name in published.items() if lower not in known), *address]


def column_types(kind: TaxiType, names: Iterable[str], schemas: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The SQL types of a table's columns, given the published schemas: column name → text of its Arrow type."""
    canonical = {column.name: _SQL_TYPES[column.type] for column in (*kind.schema.columns, *ADDRESS)}
    groups = [FileGroup(columns=schema, paths=()) for schema in schemas]
    found = {}
    for name in names:
        types = [one for one in _types_of(name, groups) if one != "null"]
        widest = max(types, key=lambda one: list(_SQL_NAMES).index(one) if one in _SQL_NAMES else 0, default="")
        found[name] = shared_type(types) or canonical.get(name) or _SQL_NAMES.get(widest, widest.upper())
    return found


def select_published(kind: TaxiType, groups: Sequence[FileGroup]) -> str:
    """All published rows of a table; none, but every column with its type, where nothing is published."""
    columns = table_columns(kind, [group.columns for group in groups])
    if not groups:
        return f"{_select_nulls(kind, columns)} WHERE false"
    shared = {name: shared_type(_types_of(name, groups)) for name in columns}
    return "\nUNION ALL\n".join(_select_group(kind, group, shared) for group in groups)


def select_failure(kind: TaxiType, columns: Sequence[str], reason: str) -> str:
    """A stand-in for a view over damaged files: has the columns, and answers every query with the reason."""
    return f"{_select_nulls(kind, columns)} WHERE error({quoted_text(reason)})"


def create_schema() -> str:
    """The schema of all views."""
    return f"CREATE SCHEMA {SCHEMA}"


def create_view(table: str, select: str) -> str:
    """A view in that schema."""
    return f"CREATE VIEW {SCHEMA}.{quoted_name(table)} AS\n{select}"


def comments(kind: TaxiType, columns: Iterable[str]) -> list[str]:
    """What the table and its columns mean, for the clients that show it."""
    view = f"{SCHEMA}.{quoted_name(kind.table)}"
    known = kind.column_comments()
    return [
        f"COMMENT ON VIEW {view} IS {quoted_text(kind.title)}",
        *(
            f"COMMENT ON COLUMN {view}.{quoted_name(name)} IS {quoted_text(known[name])}"
            for name in columns
            if name in known
        ),
    ]


def changed_rows(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """Counts of rows added and removed between the relations `old_rows` and `new_rows`, given their columns' types.

    Rows are counted by 128 bits of hash over all columns: equal rows cancel each other out, one by one.
    """
    sides = [{name.lower(): kind for name, kind in side.items()} for side in (old, new)]
    casts = {
        name: shared_type([side[name] for side in sides if name in side]) for name in sorted({*sides[0], *sides[1]})
    }
    hashed = ", ".join(f"c{place}" for place in range(len(casts))) or "0"
    both = " UNION ALL ".join(
        f"SELECT {', '.join([*_compared(casts, side), f'{sign} AS sign'])} FROM {relation}"
        for side, sign, relation in zip(sides, (-1, 1), ("old_rows", "new_rows"), strict=True)
    )
    return (
        "SELECT coalesce(sum(greatest(surplus, 0)), 0)::BIGINT, coalesce(sum(greatest(-surplus, 0)), 0)::BIGINT FROM ("
        f"SELECT sum(sign) AS surplus FROM (SELECT sign, hash({hashed}) AS h1, hash('salt', {hashed}) AS h2 "
        f"FROM ({both})) GROUP BY h1, h2)"
    )


def shared_type(types: Iterable[str]) -> str | None:
    """The SQL type that columns of these Arrow types must be cast to to be one; None where the engine unites them."""
    different = set(types) - {"null"}
    if len(different) < 2 or different <= _WHOLE_NUMBERS or different <= _TEXTS:
        return None
    return "DOUBLE" if different <= _NUMBERS else "VARCHAR"


def _types_of(name: str, groups: Iterable[FileGroup]) -> list[str]:
    return [kind for group in groups for published, kind in group.columns.items() if published.lower() == name.lower()]


def _select_group(kind: TaxiType, group: FileGroup, shared: Mapping[str, str | None]) -> str:
    published = {name.lower() for name in group.columns}
    nulls = _typed_nulls(kind)
    expressions = [
        f"{_cast(name, cast) if name.lower() in published else nulls.get(name, 'NULL')} AS {quoted_name(name)}"
        for name, cast in shared.items()
    ]
    paths = ",\n  ".join(quoted_text(path) for path in group.paths)
    return f"SELECT {', '.join(expressions)}\nFROM read_parquet([\n  {paths}])"


def _select_nulls(kind: TaxiType, columns: Iterable[str]) -> str:
    nulls = _typed_nulls(kind)
    return "SELECT " + ", ".join(f"{nulls.get(name, 'NULL')} AS {quoted_name(name)}" for name in columns)


def _typed_nulls(kind: TaxiType) -> dict[str, str]:
    columns: tuple[Column, ...] = (*kind.schema.columns, *ADDRESS)
    return {column.name: f"CAST(NULL AS {_SQL_TYPES[column.type]})" for column in columns}


def _compared(casts: Mapping[str, str | None], side: Mapping[str, str]) -> list[str]:
    """Numbered, so that a published column may have any name."""
    return [
        f"{_cast(name, cast) if name in side else 'NULL'} AS c{place}"
        for place, (name, cast) in enumerate(casts.items())
    ]


def _cast(name: str, cast: str | None) -> str:
    return f"CAST({quoted_name(name)} AS {cast})" if cast else quoted_name(name)
