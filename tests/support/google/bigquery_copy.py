"""Copy jobs of the fake BigQuery: a table or a partition into a table or a partition.

https://cloud.google.com/bigquery/docs/managing-tables#copy-table; what does not go together was measured by others:
github.com/flink-gcp/flink-connector-gcp, ADR-0183.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.support.google.bigquery_catalog import Table
from tests.support.google.bigquery_errors import invalid, not_modelled
from tests.support.google.bigquery_layout import table_name
from tests.support.google.bigquery_schema import added
from tests.support.google.bigquery_state import BigQueryState
from tests.support.google.bigquery_write import Destination, Rows, bring, existing, read_destination

_KEYS = {"sourceTable", "sourceTables", "destinationTable", "createDisposition", "writeDisposition", "operationType"}


def check_copy(project: str, configuration: Mapping[str, Any]) -> Destination:
    """What is refused when the job is inserted."""
    if unknown := {key for key in set(configuration) - _KEYS if configuration[key]}:
        raise not_modelled(f"{', '.join(sorted(unknown))} of a copy job")
    if configuration.get("operationType", "COPY") not in ("COPY", "OPERATION_TYPE_UNSPECIFIED"):
        raise not_modelled(f"copy jobs of operation {configuration['operationType']}")
    if len(_sources(configuration)) != 1:
        raise not_modelled("copy jobs of several tables")
    if not configuration.get("destinationTable"):
        raise invalid("Required parameter is missing: destinationTable")
    return read_destination(table_name(configuration["destinationTable"], project), configuration, write="WRITE_EMPTY")


def run_copy(
    state: BigQueryState, location: str, destination: Destination, configuration: Mapping[str, Any]
) -> dict[str, Any]:
    """The job's work; answers its statistics."""
    name = table_name(_sources(configuration)[0], destination.name.project)
    source = state.catalog.table(name, location)
    source.check_own()
    state.projects.check_granted("bigquery.tables.getData", name.project, name.dataset, name.table)
    old = existing(state, destination)
    if old is not None:
        _check_compatible(source, old, destination)
    where = source.layout.rows_of(name)
    rows, size = state.data.size(source.relation, source.fields, where)
    taken = f"(SELECT * FROM {source.relation} WHERE {where}) AS copied"
    settings = {key: source.settings[key] for key in ("description",) if key in source.settings}
    layout = source.layout if old is None else old.layout
    bring(state, destination, Rows(source=taken, fields=source.fields, layout=layout, settings=settings))
    return {"copy": {"copiedRows": str(rows), "copiedLogicalBytes": str(size)}}


def _sources(configuration: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(configuration.get("sourceTables") or filter(None, [configuration.get("sourceTable")]))


def _check_compatible(source: Table, old: Table, destination: Destination) -> None:
    if old.layout.unit and not source.layout.unit:
        raise invalid("Failed to copy Non partitioned table to Column partitioned table: not supported.")
    if (old.layout.unit, old.layout.column) != (source.layout.unit, source.layout.column):
        raise invalid(
            f"Incompatible table partitioning specification. Expects partitioning specification {old.layout}, "
            f"but input partitioning specification is {source.layout}"
        )
    if old.layout.clustering != source.layout.clustering:
        raise invalid(
            f"Failed to copy: incompatible clustering fields. Destination {old.name}: {old.layout}, source {source.name}: {source.layout}"
        )
    if destination.truncates_table:
        return
    for field in added(source.fields, old.fields):
        raise invalid(f"Provided Schema does not match Table {old.name}. Field {field.name} is missing in new schema")
