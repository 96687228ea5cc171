"""INFORMATION_SCHEMA of the fake BigQuery: the view PARTITIONS, made anew for each query that names it.

https://cloud.google.com/bigquery/docs/information-schema-partitions
"""

from __future__ import annotations

from tests.support.google.bigquery_catalog import Catalog, Dataset, Table
from tests.support.google.bigquery_errors import invalid, not_modelled
from tests.support.google.bigquery_layout import Layout, TableName
from tests.support.google.bigquery_schema import Field

SCHEMA = "INFORMATION_SCHEMA."
PARTITIONS = f"{SCHEMA}PARTITIONS"
_MOST_TABLES = 1000
_TEXTS = ("TABLE_CATALOG", "TABLE_SCHEMA", "TABLE_NAME", "PARTITION_ID", "STORAGE_TIER")
_FIELDS = (
    *(Field(name=name, type="STRING") for name in _TEXTS),
    Field(name="TOTAL_ROWS", type="INTEGER"),
    Field(name="TOTAL_LOGICAL_BYTES", type="INTEGER"),
    Field(name="LAST_MODIFIED_TIME", type="TIMESTAMP"),
)


def view(catalog: Catalog, dataset: Dataset, name: str) -> Table:
    """The view as a table with its rows of this moment."""
    if name.upper() != PARTITIONS:
        raise not_modelled(name)
    tables = catalog.tables_of(dataset)
    if len(tables) > _MOST_TABLES:
        raise invalid(
            f"{PARTITIONS} query attempted to read too many tables. Please add more restrictive filters.",
            location="query",
        )
    relation = catalog.data.create(_FIELDS)
    for table in tables:
        _fill(catalog, relation, table)
    return Table(
        name=TableName(project=dataset.project, dataset=dataset.name, table=PARTITIONS), fields=_FIELDS, layout=Layout(),
        relation=relation, settings={}, created=dataset.created, modified=dataset.modified, expires=None,
    )  # fmt: skip


def _fill(catalog: Catalog, relation: str, table: Table) -> None:
    """One row for each partition that has rows; one without partition id for a table that has none."""
    part = table.layout.partition_id() if table.layout.unit else "NULL"
    names = [table.name.project, table.name.dataset, table.name.table]
    for (partition,) in catalog.data.rows(f"SELECT DISTINCT {part} FROM {table.relation}") or [(None,)]:
        if partition is None and table.layout.unit:
            continue
        where = "true" if partition is None else f"{part} = '{partition}'"
        rows, size = catalog.data.size(table.relation, table.fields, where)
        catalog.data.run(
            f"INSERT INTO {relation} SELECT $catalog, $schema, $name, $partition, 'ACTIVE', $rows, $bytes, make_timestamptz($at)",
            dict(zip(("catalog", "schema", "name"), names, strict=True))
            | {"partition": partition, "rows": rows, "bytes": size, "at": table.modified * 1000},
        )
