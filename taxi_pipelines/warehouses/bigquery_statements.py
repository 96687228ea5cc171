"""GoogleSQL, built by pure functions. Values are parameters (`@month` is the first day of the month), names are quoted.

Every text here passes Google's own analyser in the tests (tests/support/zetasql.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from google.cloud.bigquery import TableReference

from taxi_pipelines.taxi.schemas import SOURCE_MONTH, SOURCE_ROW
from taxi_pipelines.warehouses.bigquery_names import quoted, quoted_table

_OF_THE_MONTH = f"WHERE {SOURCE_MONTH} = @month"


def merge(target: TableReference, staging: TableReference, columns: Sequence[str]) -> str:
    """One month of the target becomes what is staged, row by row: unchanged rows are left alone, other months not read.

    Partitions are pruned by the constant on both sides: https://cloud.google.com/bigquery/docs/using-dml-with-partitioned-tables
    """
    names = [quoted(name) for name in columns]
    values = [name for name in names if name not in (quoted(SOURCE_MONTH), quoted(SOURCE_ROW))]
    changed = " OR ".join(f"t.{name} IS DISTINCT FROM s.{name}" for name in values)
    return (
        f"MERGE {quoted_table(target)} AS t USING {quoted_table(staging)} AS s\n"
        f"ON t.{SOURCE_MONTH} = @month AND s.{SOURCE_MONTH} = @month AND t.{SOURCE_ROW} = s.{SOURCE_ROW}\n"
        f"WHEN MATCHED AND ({changed}) THEN UPDATE SET {', '.join(f'{name} = s.{name}' for name in values)}\n"
        f"WHEN NOT MATCHED BY TARGET THEN INSERT ({', '.join(names)}) VALUES ({', '.join(f's.{n}' for n in names)})\n"
        f"WHEN NOT MATCHED BY SOURCE AND t.{SOURCE_MONTH} = @month THEN DELETE"
    )


def delete_month(target: TableReference) -> str:
    """All rows of one month; as it is a whole partition, nothing is read and nothing billed:
    https://cloud.google.com/bigquery/docs/using-dml-with-partitioned-tables#using_dml_delete_to_delete_partitions
    """
    return f"DELETE FROM {quoted_table(target)} {_OF_THE_MONTH}"


def measure_addresses(table: TableReference, *, by_month: bool) -> str:
    """One row: rows, distinct addresses, first, last; of one month, or of a table that has none."""
    return (
        f"SELECT COUNT(*), COUNT(DISTINCT {SOURCE_ROW}), MIN({SOURCE_ROW}), MAX({SOURCE_ROW}) FROM {quoted_table(table)}"
    ) + (f" {_OF_THE_MONTH}" if by_month else "")


def month_rows(table: TableReference) -> str:
    """All columns of one month: what a MERGE reads of the target; asked for its cost only."""
    return f"SELECT * FROM {quoted_table(table)} {_OF_THE_MONTH}"


def widen(table: TableReference, types: Mapping[str, str]) -> str:
    """Column name → its new SQL type: https://cloud.google.com/bigquery/docs/managing-table-schemas#change_a_columns_data_type"""
    changes = ", ".join(f"ALTER COLUMN {quoted(name)} SET DATA TYPE {kind}" for name, kind in types.items())
    return f"ALTER TABLE {quoted_table(table)} {changes}"


def partition_rows(project: str, dataset: str) -> str:
    """Rows of every partition of every table: table, partition id (null where it has none), rows."""
    place = f"{quoted(project, dataset)}.INFORMATION_SCHEMA.PARTITIONS"
    return f"SELECT table_name, partition_id, total_rows FROM {place}"
