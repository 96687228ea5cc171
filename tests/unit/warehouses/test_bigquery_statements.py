from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest
from google.cloud.bigquery import SchemaField

from taxi_pipelines.domain.month import Month, Whole
from taxi_pipelines.taxi.types import ALL, TaxiType
from taxi_pipelines.warehouses import bigquery_statements as sql
from taxi_pipelines.warehouses.bigquery_names import MonthKey, Names, VersionKey
from taxi_pipelines.warehouses.bigquery_schema import Fields, month_fields, target_fields
from tests.support.zetasql import Tables, analyse

NAMES = Names(project="my-project", dataset="taxi")
PARTITIONS = [
    SchemaField("table_name", "STRING"),
    SchemaField("partition_id", "STRING"),
    SchemaField("total_rows", "INT64"),
]
LEGACY = pa.schema([("pickup_longitude", pa.float64()), ("toll_tag", pa.string()), ("order", pa.int64())])


def version_of(kind: TaxiType) -> VersionKey:
    partition = kind.first if isinstance(kind.first, Whole) else Month(2024, 1)
    return VersionKey(month=MonthKey(table=kind.table, partition=partition), version="20260301T120000-ab")


def fields_of(kind: TaxiType) -> Fields:
    """As after months with old, new and awkwardly named columns."""
    return month_fields(kind, LEGACY, target_fields(kind))


def catalog_of(kind: TaxiType) -> Tables:
    fields = fields_of(kind)
    return {
        ("my-project", "taxi", kind.table): fields,
        ("my-project", "taxi_staging", version_of(kind).staging_id): fields,
        ("my-project", "taxi", "INFORMATION_SCHEMA", "PARTITIONS"): PARTITIONS,
    }


def statements(kind: TaxiType) -> Iterator[str]:
    """Every statement there is, for one type."""
    target, staged = NAMES.target(kind.table), NAMES.staged(version_of(kind))
    yield sql.merge(target, staged, [field.name for field in fields_of(kind)])
    yield sql.delete_month(target)
    yield sql.measure_addresses(target, by_month=True)
    yield sql.measure_addresses(staged, by_month=False)
    yield sql.month_rows(target)
    yield sql.widen(target, {"order": "FLOAT64", "source_row": "NUMERIC"})
    yield sql.partition_rows("my-project", "taxi")


@pytest.mark.parametrize("name", ALL)
def test_google_s_own_analyser_takes_every_statement(name: str) -> None:
    kind = ALL[name]
    for statement in statements(kind):
        analyse(statement, catalog_of(kind), {"month": "DATE"})


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT nope FROM `my-project`.`taxi`.`green_tripdata`",
        "SELECT source_row FROM `my-project`.`taxi`.`green_trips`",
        "SELECT * FROM `my-project`.`taxi`.`green_tripdata` WHERE source_row = @month",
        "DELETE FROM `my-project`.`taxi`.`green_tripdata`",
    ],
)
def test_the_analyser_refuses_what_is_wrong(statement: str) -> None:
    with pytest.raises(Exception, match="INVALID_ARGUMENT"):
        analyse(statement, catalog_of(ALL["green"]), {"month": "DATE"})


def test_every_statement_of_the_module_is_analysed() -> None:
    public = {name for name, value in vars(sql).items() if getattr(value, "__module__", "") == sql.__name__}
    assert public == {
        "merge", "delete_month", "measure_addresses", "month_rows", "widen", "partition_rows",
    }  # fmt: skip


def test_a_merge_reads_one_month_of_both_tables_and_leaves_unchanged_rows_alone() -> None:
    key = version_of(ALL["green"])
    assert sql.merge(NAMES.target("green_tripdata"), NAMES.staged(key), ["a", "source_month", "source_row"]) == (
        "MERGE `my-project`.`taxi`.`green_tripdata` AS t"
        " USING `my-project`.`taxi_staging`.`green_tripdata_2024_01_20260301T120000_ab` AS s\n"
        "ON t.source_month = @month AND s.source_month = @month AND t.source_row = s.source_row\n"
        "WHEN MATCHED AND (t.`a` IS DISTINCT FROM s.`a`) THEN UPDATE SET `a` = s.`a`\n"
        "WHEN NOT MATCHED BY TARGET THEN INSERT (`a`, `source_month`, `source_row`)"
        " VALUES (s.`a`, s.`source_month`, s.`source_row`)\n"
        "WHEN NOT MATCHED BY SOURCE AND t.source_month = @month THEN DELETE"
    )
