"""External tables of the fake BigQuery: CSV files in Cloud Storage, read anew by every query that names one.

    CREATE EXTERNAL TABLE d.t (…) OPTIONS (format = 'CSV', uris = ['gs://…'], skip_leading_rows = 1, ignore_unknown_values = TRUE)

https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#create_external_table_statement
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlglot import exp

from tests.support.google.bigquery_catalog import Table
from tests.support.google.bigquery_csv import read_csv, read_options
from tests.support.google.bigquery_errors import invalid, not_modelled
from tests.support.google.bigquery_objects import content_of
from tests.support.google.bigquery_state import BigQueryState

_CSV_OPTIONS = {"skip_leading_rows": "skipLeadingRows", "field_delimiter": "fieldDelimiter"}
_CSV_OPTIONS |= {"allow_jagged_rows": "allowJaggedRows"}
_OPTIONS = {"ignore_unknown_values": "ignoreUnknownValues", "max_bad_records": "maxBadRecords"}
_OTHERS = {"sourceFormat", "sourceUris", "csvOptions"}


def external_configuration(properties: exp.Properties | None) -> dict[str, Any]:
    """The externalDataConfiguration that CREATE EXTERNAL TABLE tells. Raises what is missing."""
    found: dict[str, Any] = {"csvOptions": {}}
    for entry in properties.expressions if properties else ():
        match entry:
            case exp.ExternalProperty():
                continue
            case exp.FileFormatProperty():
                found["sourceFormat"] = entry.name.upper()
            case exp.Property() if entry.name == "uris":
                found["sourceUris"] = [uri.name for uri in entry.args["value"].expressions]
            case exp.Property() if entry.name in _CSV_OPTIONS:
                found["csvOptions"][_CSV_OPTIONS[entry.name]] = _value(entry.args["value"])
            case exp.Property() if entry.name in _OPTIONS:
                found[_OPTIONS[entry.name]] = _value(entry.args["value"])
            case _:
                raise not_modelled(f"{entry.sql('bigquery')} of CREATE EXTERNAL TABLE")
    if found.get("sourceFormat") != "CSV":
        raise not_modelled(f"external tables of the format {found.get('sourceFormat')}")
    if not found.get("sourceUris"):
        raise invalid("CREATE EXTERNAL TABLE requires the option uris")
    return found


def _value(node: exp.Expr) -> Any:
    return bool(node.this) if isinstance(node, exp.Boolean) else node.name


def refresh(state: BigQueryState, tables: Sequence[Table]) -> None:
    """Those that are external have the rows that their files have now. Raises where a row is none of the table."""
    for table in tables:
        if table.external is not None:
            _refill(state, table, table.external)


def _refill(state: BigQueryState, table: Table, configuration: Any) -> None:
    options = read_options({**configuration, **configuration["csvOptions"]}, _OTHERS)
    name = table.name
    state.data.run(f"DELETE FROM {table.relation}")
    for uri in configuration["sourceUris"]:
        read = read_csv(content_of(state, uri, name), uri, table.fields, options)
        if read.refusal is not None:
            where = f"{name.project}.{name.dataset}.{name.table}"
            raise invalid(f"Error while reading table: {where}, error message: {read.refusal}")
        state.data.fill(table.relation, read.table)
