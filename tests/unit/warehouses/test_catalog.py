from __future__ import annotations

from pathlib import Path

import pytest

from taxi_pipelines.domain.month import WHOLE, Month
from taxi_pipelines.errors import HomeUnwritable, WarehouseCorrupt
from taxi_pipelines.taxi.schemas import schema_fingerprint
from taxi_pipelines.warehouses.catalog import Catalog, Columns, read_catalog, write_catalog

JAN, FEB = Month(2021, 1), Month(2021, 2)
OLD: Columns = (("a", "int64"),)
NEW: Columns = (("a", "int64"), ("b", "string"))


def publish(catalog: Catalog, month: Month, version: str, columns: Columns = OLD) -> Catalog:
    return catalog.with_published("green_tripdata", month, version, rows=3, bytes=99, columns=columns)


def test_publishing_gives_a_new_catalog_of_the_next_generation() -> None:
    before = publish(Catalog(), JAN, "v1")
    after = publish(before, FEB, "v1")
    assert (before.generation, after.generation) == (1, 2)
    assert list(before.of_table("green_tripdata")) == [JAN]
    assert list(after.of_table("green_tripdata")) == [JAN, FEB]


def test_partitions_are_in_order_whatever_came_first() -> None:
    catalog = publish(publish(Catalog(), FEB, "v1"), JAN, "v1")
    assert list(catalog.of_table("green_tripdata")) == [JAN, FEB]


def test_versions_are_listed_oldest_first_also_after_a_rollback() -> None:
    catalog = publish(publish(publish(Catalog(), JAN, "v1"), JAN, "v2"), JAN, "v1")
    entry = catalog.of_table("green_tripdata")[JAN]
    assert (entry.version, entry.versions) == ("v1", ("v1", "v2"))


def test_a_schema_is_stored_once_and_only_while_it_is_used() -> None:
    catalog = publish(publish(Catalog(), JAN, "v1"), FEB, "v1")
    assert catalog.schemas == {schema_fingerprint(OLD): OLD}
    catalog = publish(publish(catalog, JAN, "v2", NEW), FEB, "v2", NEW)
    assert catalog.schemas == {schema_fingerprint(NEW): NEW}


def test_discarding_leaves_the_generation_because_readers_see_the_same() -> None:
    catalog = publish(publish(Catalog(), JAN, "v1"), JAN, "v2")
    after = catalog.without_version("green_tripdata", JAN, "v1")
    assert after.generation == catalog.generation
    assert catalog.holds("green_tripdata", JAN, "v1") and not after.holds("green_tripdata", JAN, "v1")


def test_a_catalog_survives_the_disk(tmp_path: Path) -> None:
    catalog = publish(publish(Catalog(), JAN, "v1"), FEB, "v1", NEW)
    catalog = catalog.with_published("taxi_zones", WHOLE, "v1", rows=265, bytes=1, columns=NEW)
    write_catalog(tmp_path / "catalog.json", tmp_path / "catalog.json.tmp", catalog)
    assert read_catalog(tmp_path / "catalog.json") == catalog
    assert [path.name for path in tmp_path.iterdir()] == ["catalog.json"]


def test_no_catalog_is_an_empty_one(tmp_path: Path) -> None:
    assert read_catalog(tmp_path / "catalog.json") == Catalog()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"format": 2}',
        '{"format": 1, "generation": 1, "schemas": {}, "tables": {"t": {"2021-13": {}}}}',
        '{"format": 1, "generation": 1, "schemas": {}, "tables": {"t": {"2021-01": {"version": "v1"}}}}',
        (
            '{"format": 1, "generation": 1, "schemas": {}, "tables": {"t": {"2021-01": '
            '{"version": "v1", "rows": 1, "bytes": 1, "schema": "x", "versions": []}}}}'
        ),
    ],
)
def test_a_damaged_catalog_says_so_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "catalog.json").write_text(text)
    with pytest.raises(WarehouseCorrupt, match=r"catalog\.json cannot be read.*taxi doctor --fix") as caught:
        read_catalog(tmp_path / "catalog.json")
    assert "\n" not in str(caught.value)


def test_a_catalog_that_cannot_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "catalog.json"
    write_catalog(path, tmp_path / "tmp", publish(Catalog(), JAN, "v1"))
    forbidden = Path("/proc/1/nothing.tmp")
    with pytest.raises((HomeUnwritable, FileNotFoundError)):
        write_catalog(path, forbidden, publish(Catalog(), FEB, "v1"))
    assert list(read_catalog(path).of_table("green_tripdata")) == [JAN]
