"""The types that work in BigQuery. The work is in `bigquery_query`, `bigquery_load` and `bigquery_tables`."""

from __future__ import annotations

from taxi_pipelines.task_types import TypeSpec
from taxi_pipelines.tasks.bigquery_properties import Copy, CreateDataset, DeleteTable, Load, LoadFromGcs, Query
from taxi_pipelines.tasks.sql import ROWS

_PLUGIN = "io.kestra.plugin.gcp.bigquery."
_RUN = "taxi_pipelines.tasks.bigquery_"
_JOB = {"jobId": "The job's id."}
_LOADED = _JOB | {"rows": "How many rows were loaded.", "destinationTable": "The table, as PROJECT.DATASET.TABLE."}

BIGQUERY = (
    TypeSpec(
        name=f"{_PLUGIN}Query",
        aliases=("bigquery.query",),
        title="Runs SQL in BigQuery.",
        properties=Query,
        outputs=_JOB
        | ROWS
        | {
            "destinationTable": "The table with the result, also one that goes by itself: `project`, `dataset`, `table`."
        },
        run=f"{_RUN}query:query",
        repeatable=True,
        example=(
            "type: bigquery.query\nprojectId: my-project\nlocation: EU\n"
            "serviceAccount: \"{{ secret('GCP_CREDS') }}\"\nsql: |\n"
            "  SELECT count(*) AS trips FROM taxi.green_tripdata WHERE source_month = '2024-01-01'\nfetchType: FETCH_ONE"
        ),
    ),
    TypeSpec(
        name=f"{_PLUGIN}Load",
        aliases=("bigquery.load",),
        title="Loads a stored file into a BigQuery table.",
        properties=Load,
        outputs=_LOADED,
        run=f"{_RUN}load:load",
        repeatable=True,
        example=(
            "type: bigquery.load\nprojectId: my-project\nfrom: kestra:///taxi/zones.csv\n"
            "destinationTable: my-project.taxi.zones\nformat: CSV\ncsvOptions:\n  skipLeadingRows: 1\n"
            "schema:\n  fields:\n    - {name: id, type: INTEGER}\n"
            "    - {name: borough, type: STRING}\n    - {name: zone, type: STRING}\n"
            "writeDisposition: WRITE_TRUNCATE"
        ),
    ),
    TypeSpec(
        name=f"{_PLUGIN}LoadFromGcs",
        aliases=("bigquery.loadFromGcs",),
        title="Loads objects of a bucket into a BigQuery table.",
        properties=LoadFromGcs,
        outputs=_LOADED,
        run=f"{_RUN}load:load_from_gcs",
        repeatable=True,
        example=(
            "type: bigquery.loadFromGcs\nprojectId: my-project\nfrom: [gs://my-bucket/green_tripdata_2024-01.parquet]\n"
            "destinationTable: taxi.green_2024_01\nformat: PARQUET\nwriteDisposition: WRITE_TRUNCATE"
        ),
    ),
    TypeSpec(
        name=f"{_PLUGIN}Copy",
        aliases=("bigquery.copy",),
        title="Copies BigQuery tables, or partitions of them.",
        properties=Copy,
        outputs=_JOB,
        run=f"{_RUN}tables:copy",
        repeatable=True,
        example=(
            "type: bigquery.copy\nprojectId: my-project\nsourceTables: [taxi.green_2024_01]\n"
            "destinationTable: taxi.green_copy\nwriteDisposition: WRITE_TRUNCATE"
        ),
    ),
    TypeSpec(
        name=f"{_PLUGIN}CreateDataset",
        aliases=("bigquery.createDataset",),
        title="Makes a BigQuery dataset.",
        properties=CreateDataset,
        outputs={
            "dataset": "Its id.",
            "project": "Its project.",
            "friendlyName": "Its name to show.",
            "description": "What it is for.",
            "location": "Where it is.",
        },
        run=f"{_RUN}tables:create_dataset",
        example="type: bigquery.createDataset\nprojectId: my-project\nname: taxi\nlocation: EU\nifExists: SKIP",
    ),
    TypeSpec(
        name=f"{_PLUGIN}DeleteTable",
        aliases=("bigquery.deleteTable",),
        title="Deletes a BigQuery table, or a partition of one.",
        properties=DeleteTable,
        outputs={"projectId": "Its project.", "datasetId": "Its dataset.", "table": "Its name."},
        run=f"{_RUN}tables:delete_table",
        example="type: bigquery.deleteTable\nprojectId: my-project\ndataset: taxi\ntable: green_2024_01",
    ),
)
"""Every type that works in BigQuery."""
