"""Google Cloud once more, against emulators that are not ours: real processes, the official clients, gcp-storage-emulator and bqemulator.

They know less than our own fake (tests/support/google) and let pass what Google refuses; but nobody here wrote them. bqemulator
has no partitions by name (`table$202101`), which is how `replace` publishes a month and `taxi verify` reads one: `replace` goes as
far as it can, and rows are compared by query.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from taxi_pipelines.domain.month import Month
from taxi_pipelines.synthetic.files import republish, write_month, write_zones
from tests.support.emulators import Emulators, emulators
from tests.support.taxi import ROWS, Taxi

pytestmark = pytest.mark.slow

PROJECT, TABLE = "my-project", "green_tripdata"
BUCKET, FOLDER = "gs://trips/nyc", "lake"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulators]:
    with emulators(tmp_path_factory.mktemp("emulators")) as running:
        yield running


@pytest.fixture
def taxi(tmp_path: Path, running: Emulators) -> Taxi:
    """Not set up yet; its datasets are named after the test's folder. The source has green 2021-01 and 2021-02, and the zones."""
    taxi = Taxi(tmp_path, {"STORAGE_EMULATOR_HOST": running.storage, "BIGQUERY_EMULATOR_HOST": running.bigquery})
    for month in (1, 2):
        write_month(taxi.source, "green", Month(2021, month), ROWS, seed=month)
    write_zones(taxi.source)
    return taxi


def configure(taxi: Taxi, **settings: object) -> None:
    dataset = taxi.folder.name.replace("-", "_")
    given = {"target": "bigquery", "project": PROJECT, "dataset": dataset, "lake": BUCKET, "strategy": "merge"}
    taxi.configure(**given | settings)
    taxi("gcp", "setup")


def staging_tables(taxi: Taxi, running: Emulators) -> list[str]:
    """What is left in staging, without the month records."""
    place = f"{PROJECT}.{taxi.folder.name.replace('-', '_')}_staging"
    options = {"api_endpoint": running.bigquery}
    client = bigquery.Client(project=PROJECT, credentials=AnonymousCredentials(), client_options=options)
    try:
        return [table.table_id for table in client.list_tables(place) if not table.table_id.startswith("month_")]
    finally:
        client.close()


@pytest.mark.parametrize("lake", [BUCKET, FOLDER], ids=["through the bucket", "sent in the load job"])
def test_a_month_is_loaded_republished_and_rolled_back_by_merge(taxi: Taxi, running: Emulators, lake: str) -> None:
    configure(taxi, lake=lake)
    assert "made in US" not in taxi("gcp", "setup").stdout
    first = taxi.json("run", "green", "2021-01")
    assert (first["action"], first["rows"], first["added"]) == ("loaded", ROWS, ROWS)
    assert taxi.differing_rows(TABLE, "2021-01") == 0
    taxi("run", "green", "2021-02")

    file = taxi.source / f"{TABLE}_2021-01.parquet"
    old = file.read_bytes()
    changes = republish(file, edited=10, deleted=5, added=7)
    again = taxi.json("run", "green", "2021-01")
    assert again["action"] == "reloaded"
    assert (again["rows"], again["added"], again["removed"]) == (ROWS + 2, changes.added, changes.removed)
    assert taxi.differing_rows(TABLE, "2021-01") == taxi.differing_rows(TABLE, "2021-02") == 0

    assert taxi.json("run", "green", "2021-01")["action"] == "unchanged"
    assert taxi("status").stdout.startswith(f"{TABLE}  {2 * ROWS + 2} rows in 2 months\n")

    assert taxi.json("rollback", "green", "2021-01")["rows"] == ROWS
    file.write_bytes(old)
    assert taxi.differing_rows(TABLE, "2021-01") == 0
    assert staging_tables(taxi, running) == []


def test_a_backfill_loads_several_months_at_once(taxi: Taxi) -> None:
    configure(taxi)
    said = taxi("backfill", "green", "2021-01", "2021-02", "--parallel", "2").stdout
    assert said.endswith("loaded 2, unchanged 0, waiting 0, failed 0\n")
    assert taxi.differing_rows(TABLE, "2021-01") == taxi.differing_rows(TABLE, "2021-02") == 0


def test_a_table_without_partitions_is_replaced(taxi: Taxi, running: Emulators) -> None:
    configure(taxi, strategy="replace")
    for _ in range(2):
        taxi("run", "zones", "--force")
        assert taxi.json("verify", "zones")[0]["ok"]
    assert taxi.json("query", "select count(*) as zones from taxi_zones") == [{"zones": 265}]
    assert staging_tables(taxi, running) == []


def test_a_month_that_cannot_be_replaced_stays_as_it_was_and_the_next_merge_goes_on(
    taxi: Taxi, running: Emulators
) -> None:
    configure(taxi)
    taxi("run", "green", "2021-01")
    file = taxi.source / f"{TABLE}_2021-01.parquet"
    old = file.read_bytes()
    republish(file, edited=10, deleted=5, added=7)
    new = file.read_bytes()

    said = taxi("run", "green", "2021-01", "--strategy", "replace", code=1).stderr.splitlines()
    (line,) = [line for line in said if line.startswith("error[")]
    assert line.startswith("error[warehouse-refused]: green_tripdata 2021-01 version ") and "$202101" in line
    assert staging_tables(taxi, running) == []
    file.write_bytes(old)
    assert taxi.differing_rows(TABLE, "2021-01") == 0

    file.write_bytes(new)
    assert taxi.json("run", "green", "2021-01")["action"] == "reloaded"
    assert taxi.differing_rows(TABLE, "2021-01") == 0


def test_a_lake_in_a_bucket_goes_with_the_embedded_warehouse(taxi: Taxi) -> None:
    configure(taxi)
    taxi.configure(target="duckdb", lake=BUCKET + "/for-duckdb", project=PROJECT)
    taxi("run", "green", "2021-01")
    republish(taxi.source / f"{TABLE}_2021-01.parquet", edited=1, deleted=0, added=1)
    assert taxi.json("run", "green", "2021-01")["added"] == 2
    assert taxi.differing_rows(TABLE, "2021-01") == 0
    assert len(taxi.json("lake", "ls", "green")) == 2
    assert taxi.json("verify", "green")[0]["ok"]
