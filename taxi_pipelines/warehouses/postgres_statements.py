"""SQL text for PostgreSQL 15 and newer, built by pure functions.

The root table of a type is LIST-partitioned by `source_month`; a month is a table of its own, staged beside the root and then
attached. Names keep the case in which they are published: in SQL people write "VendorID".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from taxi_pipelines.taxi.schemas import ADDRESS, DOUBLE, INT, SOURCE_FILE, SOURCE_MONTH, SOURCE_ROW, TEXT, TIME
from taxi_pipelines.taxi.types import TaxiType
from taxi_pipelines.warehouses.postgres_names import MONTHS_TABLE, Names
from taxi_pipelines.warehouses.statements import quoted_name, quoted_text

ROW = quoted_name(SOURCE_ROW)
MONTH = quoted_name(SOURCE_MONTH)
FILE = quoted_name(SOURCE_FILE)

_SQL_TYPES = {
    INT: "bigint",
    DOUBLE: "double precision",
    TEXT: "text",
    TIME: "timestamp without time zone",
    ADDRESS[0].type: "date",
}

TABLE_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a
WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""

ATTACHED = "SELECT count(*) FROM pg_inherits WHERE inhparent = to_regclass(%s) AND inhrelid = to_regclass(%s)"

PARTITIONS = """
SELECT p.relname, c.relname FROM pg_inherits i
JOIN pg_class p ON p.oid = i.inhparent JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = p.relnamespace
WHERE n.nspname = %s
"""

COUNTED_ROWS = "SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(%s)"
"""How many rows the last build of an index has read; -1 where the server was told not to note it."""

COMMENT_OF = "SELECT obj_description(to_regclass(%s), 'pg_class')"

STAGING_TABLES = r"""
SELECT c.relname, obj_description(c.oid, 'pg_class') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relkind = 'r' AND c.relname LIKE '\_staging\_%%' ORDER BY 1
"""

HELD_LOCKS = """
SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def create_schema(names: Names) -> str:
    """The schema and the table that says what is published."""
    return f"""
CREATE SCHEMA IF NOT EXISTS {names.quoted_schema};
CREATE TABLE IF NOT EXISTS {names.months} (
    table_name text NOT NULL, source_month text NOT NULL, version text NOT NULL, rows bigint NOT NULL, bytes bigint NOT NULL,
    published_at timestamptz NOT NULL, arrow_schema bytea NOT NULL, PRIMARY KEY (table_name, source_month)
);
COMMENT ON TABLE {names.months} IS 'What is published, month by month; written in one transaction with the month itself.'
"""


def create_root(names: Names, kind: TaxiType) -> str:
    """A type's table without a month, with the columns every month has."""
    columns = [(c.name, _SQL_TYPES[c.type]) for c in (*kind.schema.columns, *ADDRESS) if c in ADDRESS or not c.legacy]
    table = names.qualified(kind.table)
    made = f"CREATE TABLE IF NOT EXISTS {table} ({_definitions(columns)}) PARTITION BY LIST ({MONTH})"
    return ";\n".join([made, *comments(names, kind, kind.table, [name for name, _ in columns])])


def create_table(place: str, columns: Mapping[str, str], first_day: date | None) -> str:
    """A month's table, before it is attached. Its rows need not say their month, and can have no other: with that constraint
    attaching needs no pass over them, and checked while they are written it needs none of its own."""
    default = "" if first_day is None else f" DEFAULT {_literal(first_day)}"
    typed = {name: kind + default if name == SOURCE_MONTH else kind for name, kind in columns.items()}
    return f"CREATE TABLE {place} ({_definitions(typed.items())}, CHECK ({_only(first_day)}))"


def copy_into(place: str, columns: Iterable[str]) -> str:
    """FREEZE needs the table to be made in the same transaction; its rows then never need to be written again, and are seen by
    whoever sees the table."""
    listed = ", ".join(quoted_name(name) for name in columns)
    return f"COPY {place} ({listed}) FROM STDIN (FORMAT BINARY, FREEZE)"


def add_file_name(place: str, file_name: str | None) -> list[str]:
    """The table gains the column of the file's name, the same in all the rows it has, which are not touched for that."""
    default = "" if file_name is None else f" DEFAULT {_literal(file_name)}"
    return [
        f"ALTER TABLE {place} ADD COLUMN {FILE} text{default}",
        f"ALTER TABLE {place} ALTER COLUMN {FILE} DROP DEFAULT, ALTER COLUMN {MONTH} DROP DEFAULT",
    ]


def create_index(place: str, index: str, columns: Iterable[str]) -> str:
    """An index of one month's table by columns in whose order, or nearly, the rows lie."""
    listed = ", ".join(map(quoted_name, columns))
    return f"CREATE INDEX {quoted_name(index)} ON {place} USING brin ({listed})"


def comments(names: Names, kind: TaxiType, plain: str, columns: Iterable[str]) -> list[str]:
    """What the table and its columns mean, for the clients that show it."""
    table = names.qualified(plain)
    known = kind.column_comments()
    return [
        comment(names, plain, kind.title),
        *(
            f"COMMENT ON COLUMN {table}.{quoted_name(name)} IS {quoted_text(known[name])}"
            for name in columns
            if name in known
        ),
    ]


def comment(names: Names, plain: str, text: str) -> str:
    """A table's comment."""
    return f"COMMENT ON TABLE {names.qualified(plain)} IS {quoted_text(text)}"


def add_columns(table: str, columns: Mapping[str, str]) -> str:
    """The table gains columns (name → type), null in the rows it has."""
    return f"ALTER TABLE {table} " + ", ".join(
        f"ADD COLUMN {quoted_name(name)} {kind}" for name, kind in columns.items()
    )


def alter_types(table: str, columns: Mapping[str, str]) -> str:
    """Columns change their types, values kept; rewrites the rows."""
    return f"ALTER TABLE {table} " + ", ".join(
        f"ALTER COLUMN {quoted_name(name)} TYPE {kind} USING {quoted_name(name)}::{kind}"
        for name, kind in columns.items()
    )


def rename(table: str, plain: str) -> str:
    """A table's new name in its schema."""
    return f"ALTER TABLE {table} RENAME TO {quoted_name(plain)}"


def detach_and_drop(root: str, partition: str) -> str:
    """Takes the old month away."""
    return f"ALTER TABLE {root} DETACH PARTITION {partition}; DROP TABLE {partition}"


def attach(root: str, partition: str, first_day: date | None) -> str:
    """Puts the new month in its place."""
    return f"ALTER TABLE {root} ATTACH PARTITION {partition} FOR VALUES IN ({_literal(first_day)})"


def merge(target: str, source: str, columns: Sequence[str]) -> list[str]:
    """Brings a month's rows in step with another table's by address; rows that are equal to the last bit are left alone.

    Addresses must be unique on both sides. The planner, which may not know the new tables' sizes, must not choose a nested loop.
    """
    values = [name for name in columns if name not in (SOURCE_ROW, SOURCE_MONTH)]
    ours = ", ".join(f"t.{quoted_name(name)}" for name in values)
    theirs = ", ".join(f"s.{quoted_name(name)}" for name in values)
    updates = ", ".join(f"{quoted_name(name)} = s.{quoted_name(name)}" for name in values)
    every = ", ".join(quoted_name(name) for name in columns)
    inserted = ", ".join(f"s.{quoted_name(name)}" for name in columns)
    delete = f"DELETE FROM {target} AS t WHERE NOT EXISTS (SELECT FROM {source} AS s WHERE s.{ROW} = t.{ROW})"
    change = (
        f"MERGE INTO {target} AS t USING {source} AS s ON t.{ROW} = s.{ROW}"
        f" WHEN MATCHED AND ROW({ours})::record *<> ROW({theirs})::record THEN UPDATE SET {updates}"
        f" WHEN NOT MATCHED THEN INSERT ({every}) VALUES ({inserted})"
    )
    return ["SET LOCAL enable_nestloop = off", delete, change]


def replace_rows(target: str, source: str, columns: Sequence[str]) -> list[str]:
    """As `merge`, where addresses are not unique."""
    every = ", ".join(quoted_name(name) for name in columns)
    return [f"DELETE FROM {target}", f"INSERT INTO {target} ({every}) SELECT {every} FROM {source}"]


def measure_addresses(table: str) -> str:
    """Rows, distinct addresses, first and last."""
    return f"SELECT count(*), count(DISTINCT {ROW}), min({ROW}), max({ROW}) FROM {table}"


def note_published(names: Names) -> str:
    """Writes what is published; parameters: table, month, version, rows, relation for its size, schema."""
    return f"""
INSERT INTO {names.months} AS m (table_name, source_month, version, rows, bytes, published_at, arrow_schema)
VALUES (%s, %s, %s, %s, pg_total_relation_size(to_regclass(%s)), now(), %s)
ON CONFLICT (table_name, source_month) DO UPDATE SET (version, rows, bytes, published_at, arrow_schema)
    = (excluded.version, excluded.rows, excluded.bytes, excluded.published_at, excluded.arrow_schema)
"""


def missing_tables(names: Names, tables: Iterable[str]) -> str:
    """How many of our tables are not there."""
    wanted = ", ".join(f"({quoted_text(names.qualified(plain))})" for plain in (*tables, MONTHS_TABLE))
    return f"SELECT count(*) FROM (VALUES {wanted}) AS t (name) WHERE to_regclass(name) IS NULL"


def _definitions(columns: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{quoted_name(name)} {kind}" for name, kind in columns)


def _only(first_day: date | None) -> str:
    return f"{MONTH} IS NULL" if first_day is None else f"{MONTH} IS NOT NULL AND {MONTH} = {_literal(first_day)}"


def _literal(value: str | date | None) -> str:
    if value is None:
        return "NULL"
    return f"DATE '{value.isoformat()}'" if isinstance(value, date) else quoted_text(value)
