from __future__ import annotations

from datetime import date

from taxi_pipelines.taxi.types import ALL
from taxi_pipelines.warehouses import postgres_statements as sql
from taxi_pipelines.warehouses.postgres_names import Names, plain_partition, plain_staging
from tests.support.warehouses import GREEN, JAN

NAMES = Names("taxi")
PLACE = NAMES.qualified("green_tripdata_2021_01")


def test_the_root_is_partitioned_by_month_and_has_no_legacy_column() -> None:
    text = sql.create_root(NAMES, GREEN)
    assert 'CREATE TABLE IF NOT EXISTS "taxi"."green_tripdata" ("VendorID" bigint, ' in text
    assert '"source_file" text) PARTITION BY LIST ("source_month")' in text
    assert "pickup_longitude" not in text
    assert 'COMMENT ON TABLE "taxi"."green_tripdata" IS \'Green taxi trips\'' in text


def test_a_months_table_has_one_month_by_default_and_by_constraint() -> None:
    assert sql.create_table(PLACE, {"a": "bigint", "source_month": "date"}, JAN.first_day) == (
        f'CREATE TABLE {PLACE} ("a" bigint, "source_month" date DEFAULT DATE \'2021-01-01\','
        ' CHECK ("source_month" IS NOT NULL AND "source_month" = DATE \'2021-01-01\'))'
    )


def test_rows_are_copied_frozen_and_the_files_name_is_added_without_touching_them() -> None:
    assert sql.copy_into(PLACE, ["a", 'b"']) == f'COPY {PLACE} ("a", "b""") FROM STDIN (FORMAT BINARY, FREEZE)'
    added, dropped = sql.add_file_name(PLACE, "it's")
    assert added == f"ALTER TABLE {PLACE} ADD COLUMN \"source_file\" text DEFAULT 'it''s'"
    assert dropped == (
        f'ALTER TABLE {PLACE} ALTER COLUMN "source_file" DROP DEFAULT, ALTER COLUMN "source_month" DROP DEFAULT'
    )
    assert sql.add_file_name(PLACE, None)[0] == f'ALTER TABLE {PLACE} ADD COLUMN "source_file" text'


def test_one_index_has_both_orders() -> None:
    assert sql.create_index(PLACE, "i", ["a", "b"]) == f'CREATE INDEX "i" ON {PLACE} USING brin ("a", "b")'


def test_a_table_published_as_a_whole_is_the_partition_of_null() -> None:
    assert sql.attach("r", "p", None) == "ALTER TABLE r ATTACH PARTITION p FOR VALUES IN (NULL)"
    assert sql.attach("r", "p", date(2021, 1, 1)).endswith("FOR VALUES IN (DATE '2021-01-01')")
    made = sql.create_table("p", {"source_month": "date"}, None)
    assert made == 'CREATE TABLE p ("source_month" date, CHECK ("source_month" IS NULL))'


def test_a_merge_deletes_changes_and_adds_by_address() -> None:
    settings, delete, change = sql.merge("t1", "s1", ["source_row", "a", "source_month"])
    assert settings == "SET LOCAL enable_nestloop = off"
    assert delete.startswith("DELETE FROM t1 AS t WHERE NOT EXISTS")
    assert change == (
        'MERGE INTO t1 AS t USING s1 AS s ON t."source_row" = s."source_row"'
        ' WHEN MATCHED AND ROW(t."a")::record *<> ROW(s."a")::record THEN UPDATE SET "a" = s."a"'
        ' WHEN NOT MATCHED THEN INSERT ("source_row", "a", "source_month")'
        ' VALUES (s."source_row", s."a", s."source_month")'
    )


def test_no_name_of_ours_is_cut_off() -> None:
    for kind in ALL.values():
        assert len(plain_staging(kind.table, JAN, "20260301T120000000000-abababab" * 3)) <= 63
    assert plain_partition("green_tripdata", JAN) == "green_tripdata_2021_01"


def test_locks_of_partitions_tables_and_schemas_differ_and_stay_the_same() -> None:
    keys = {
        names.lock_key(table, partition)
        for names in (NAMES, Names("other"))
        for table in ("green_tripdata", "yellow_tripdata")
        for partition in (JAN, JAN.plus(1), None)
    }
    assert len(keys) == 12
    assert NAMES.lock_key("green_tripdata", JAN) == Names("taxi").lock_key("green_tripdata", JAN)
