"""The examples of the gcp family run, one after the other, each with what the ones before left."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from taxi_pipelines.flowspec.yaml_text import read_document
from taxi_pipelines.tasks.registry import FAMILIES
from taxi_pipelines.work_interfaces import GoogleAccess
from tests.support.engines import running
from tests.support.google.server import start_fake

ORDER = (
    "gcs.CreateBucket", "gcs.Upload", "gcs.Download", "gcs.List", "gcs.Copy", "gcs.Delete", "bigquery.CreateDataset",
    "bigquery.LoadFromGcs", "bigquery.Copy", "bigquery.Load", "bigquery.Query", "bigquery.DeleteTable",
)  # fmt: skip
SPECS = {spec.name.removeprefix("io.kestra.plugin.gcp."): spec for spec in FAMILIES["gcp"]}
TRIPS = """
CREATE TABLE taxi.green_tripdata AS SELECT DATE '2024-01-01' AS source_month, trip FROM UNNEST([1, 2, 3]) AS trip
"""


def parquet() -> bytes:
    file = BytesIO()
    pq.write_table(pa.table({"trip": [1, 2]}), file)
    return file.getvalue()


def test_every_example_runs(tmp_path: Path) -> None:
    assert set(ORDER) == set(SPECS)
    fake = start_fake()
    fake.reset()
    access = GoogleAccess(storage_emulator=fake.url, bigquery_emulator=fake.url)
    key = base64.b64encode(b"{}").decode()
    with running(tmp_path, google=access, environment={"SECRET_GCP_CREDS": key}) as bench:

        def run(name: str, task: dict[str, Any]) -> None:
            flow = {"id": "f", "namespace": "taxi", "tasks": [{"id": "example", **task}]}
            ran = bench.finish(bench.submit(json.dumps(flow)).id, 60)
            assert ran.states == {"example": "SUCCESS"}, (name, ran.lines)

        for name in ("green_tripdata_2024-01.csv", "zones.csv"):
            bench.parts.files.put(f"kestra:///taxi/{name}", BytesIO(b"id,borough,zone\n1,EWR,Newark\n"))
        for name in ORDER:
            run(name, read_document(SPECS[name].example).value)
            if name == "gcs.CreateBucket":
                for object in ("zones.csv", "new/zones.csv"):
                    fake.storage.write("my-bucket", object, b"id,borough,zone\n")
                for object in ("trips/green_2024-01.parquet", "green_tripdata_2024-01.parquet"):
                    fake.storage.write("my-bucket", object, parquet())
            if name == "bigquery.CreateDataset":
                run("trips", {"type": "bigquery.query", "projectId": "my-project", "location": "EU", "sql": TRIPS})
