"""How a job of the fake BigQuery brings rows into a table or a partition: dispositions, schema changes, all or nothing.

https://cloud.google.com/bigquery/docs/reference/rest/v2/Job (createDisposition, writeDisposition, schemaUpdateOptions)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.support.google.bigquery_catalog import Table
from tests.support.google.bigquery_errors import already_exists, invalid, not_found, not_modelled
from tests.support.google.bigquery_layout import Layout, TableName
from tests.support.google.bigquery_schema import Fields, added, quoted, widened
from tests.support.google.bigquery_state import BigQueryState
from tests.support.google.bigquery_tables import add_columns

_CREATE = ("CREATE_IF_NEEDED", "CREATE_NEVER")
_WRITE = ("WRITE_APPEND", "WRITE_TRUNCATE", "WRITE_EMPTY")
_UPDATES = {"ALLOW_FIELD_ADDITION", "ALLOW_FIELD_RELAXATION"}
_MOST_PARTITIONS = 4000


@dataclass(frozen=True, kw_only=True, slots=True)
class Destination:
    """Where rows go, and what may happen to what is there."""

    name: TableName
    create: str
    write: str
    updates: frozenset[str]

    @property
    def truncates_table(self) -> bool:
        """Whether all that was there goes."""
        return self.write == "WRITE_TRUNCATE" and self.name.partition is None


def read_destination(name: TableName, configuration: Mapping[str, Any], *, write: str) -> Destination:
    """Of a job's configuration; `write` is the kind of job's default. Raises where the parts do not go together."""
    found = Destination(
        name=name,
        create=configuration.get("createDisposition") or "CREATE_IF_NEEDED",
        write=configuration.get("writeDisposition") or write,
        updates=frozenset(configuration.get("schemaUpdateOptions") or ()),
    )
    if found.create not in _CREATE or found.write not in _WRITE or not found.updates <= _UPDATES:
        raise invalid(
            f"Invalid disposition or schema update option: {found.create}, {found.write}, {sorted(found.updates)}"
        )
    if found.updates and found.write != "WRITE_APPEND" and name.partition is None:
        raise invalid(
            "Schema update options should only be specified with WRITE_APPEND disposition, "
            "or with WRITE_TRUNCATE disposition on a table partition."
        )
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """Rows to bring: `source` is a relation or subquery in DuckDB with these columns; the layout is what was asked for."""

    source: str
    fields: Fields
    layout: Layout | None
    settings: Mapping[str, Any]


def existing(state: BigQueryState, destination: Destination) -> Table | None:
    """The table that is there. Raises where it must be there and is not, or must be empty and is not."""
    found = state.catalog.find(destination.name)
    if found is None and destination.create == "CREATE_NEVER":
        raise not_found(f"Table {replace(destination.name, partition=None)}")
    if found is not None:
        found.check_own()
    if found is not None and destination.write == "WRITE_EMPTY":
        where = found.layout.rows_of(destination.name)
        if state.data.number(f"SELECT count(*) FROM {found.relation} WHERE {where}"):
            raise already_exists(f"Table {destination.name}")
    return found


def bring(state: BigQueryState, destination: Destination, rows: Rows) -> Table:
    """The rows are in the destination when this returns; nothing has changed where it raises."""
    old = existing(state, destination)
    layout = _layout(old, destination, rows)
    if old is None or destination.truncates_table:
        return _whole(state, old, destination, rows, layout)
    fields = widened(
        str(old.name), old.fields, rows.fields,
        addition="ALLOW_FIELD_ADDITION" in destination.updates, relaxation="ALLOW_FIELD_RELAXATION" in destination.updates,
    )  # fmt: skip
    if fields[: len(old.fields)] != old.fields:
        raise not_modelled("columns relaxed by a job")
    part = layout.rows_of(destination.name)
    with state.data.transaction():
        add_columns(state, old, added(old.fields, fields))
        if destination.write == "WRITE_TRUNCATE":
            state.data.run(f"DELETE FROM {old.relation} WHERE {part}")
        _insert(state, old.relation, destination, rows, layout)
    return state.catalog.put(replace(old, fields=fields))


def _whole(state: BigQueryState, old: Table | None, destination: Destination, rows: Rows, layout: Layout) -> Table:
    """A new table, or an old one with new rows and columns."""
    settings = rows.settings if old is None else old.settings
    with state.data.transaction():
        made = state.catalog.new_table(destination.name, rows.fields, layout, settings, old.expires if old else None)
        _insert(state, made.relation, destination, rows, layout)
    if old is not None:
        made = replace(made, created=old.created, expires=old.expires)
    return state.catalog.put(made)


def _layout(old: Table | None, destination: Destination, rows: Rows) -> Layout:
    wanted = rows.layout
    if old is None:
        return wanted or Layout()
    if wanted is not None and wanted != old.layout:
        raise invalid(
            f"Incompatible table partitioning specification. Expects partitioning specification {old.layout}, "
            f"but input partitioning specification is {wanted}"
        )
    return old.layout


def _insert(state: BigQueryState, relation: str, destination: Destination, rows: Rows, layout: Layout) -> None:
    names = ", ".join(quoted(field.name) for field in rows.fields)
    _check_partitions(state, destination, rows, layout)
    state.data.run(f"INSERT INTO {relation} ({names}) SELECT {names} FROM {rows.source}")


def _check_partitions(state: BigQueryState, destination: Destination, rows: Rows, layout: Layout) -> None:
    if destination.name.partition is not None:
        part = layout.rows_of(destination.name)
        if state.data.number(f"SELECT count(*) FROM {rows.source} WHERE NOT ({part})"):
            raise invalid(
                f"Some rows belong to different partitions rather than destination partition {destination.name.partition}"
            )
    elif layout.unit is not None:
        count = state.data.number(f"SELECT count(DISTINCT {layout.partition_id()}) FROM {rows.source}")
        if count > _MOST_PARTITIONS:
            raise invalid(
                f"Too many partitions produced by query, allowed {_MOST_PARTITIONS}, query produces at least {count}"
            )
