"""Types of other issues, by name: a catalog that knows them without their properties, and flows that use them as the course does."""

from __future__ import annotations

from pydantic import ConfigDict

from taxi_pipelines.task_types import Properties, TypeSpec
from taxi_pipelines.tasks.registry import REGISTRY


class Free(Properties):
    """Anything."""

    model_config = ConfigDict(extra="allow")


FREE = (
    "io.kestra.plugin.gcp.bigquery.Query",
    "io.kestra.plugin.gcp.bigquery.CreateDataset",
    "io.kestra.plugin.gcp.gcs.CreateBucket",
    "io.kestra.plugin.gcp.gcs.Upload",
    "io.kestra.plugin.git.SyncNamespaceFiles",
    "io.kestra.plugin.dbt.cli.DbtCLI",
    "io.kestra.plugin.ai.completion.ChatCompletion",
    "io.kestra.plugin.ai.rag.ChatCompletion",
    "io.kestra.plugin.ai.rag.IngestDocument",
)
CATALOG = REGISTRY.extended(
    TypeSpec(name=name, title="Something.", properties=Free) for name in FREE if REGISTRY.find(name) is None
)
"""Everything of this version, and the types that the course's flows use."""


def postgres_flow(rounds: int = 1) -> str:
    """A scheduled flow from the source to PostgreSQL, in the ways of the course; `rounds` times the branch per taxi type."""
    return _HEAD + "".join(_BRANCH.format(number=number) for number in range(rounds)) + _TAIL


_HEAD = """\
id: postgres_taxi
namespace: zoomcamp
description: |
  Add the label `backfill:true` when you start a backfill.

concurrency:
  limit: 1

inputs:
  - id: taxi
    type: SELECT
    displayName: Select taxi type
    values: [yellow, green]
    defaults: yellow

variables:
  file: "{{inputs.taxi}}_tripdata_{{trigger.date | date('yyyy-MM')}}.csv"
  staging: "public.{{inputs.taxi}}_staging"
  table: "public.{{inputs.taxi}}_tripdata"
  data: "{{outputs.extract.outputFiles[inputs.taxi ~ '_tripdata_' ~ (trigger.date | date('yyyy-MM')) ~ '.csv']}}"

tasks:
  - id: set_label
    type: io.kestra.plugin.core.execution.Labels
    labels:
      file: "{{render(vars.file)}}"
      taxi: "{{inputs.taxi}}"

  - id: extract
    type: io.kestra.plugin.scripts.shell.Commands
    outputFiles:
      - "*.csv"
    taskRunner:
      type: io.kestra.plugin.core.runner.Process
    commands:
      - wget -qO- https://example.com/{{inputs.taxi}}/{{render(vars.file)}}.gz | gunzip > {{render(vars.file)}}
"""

_BRANCH = """
  - id: if_taxi_{number}
    type: io.kestra.plugin.core.flow.If
    condition: "{{{{inputs.taxi == 'yellow'}}}}"
    then:
      - id: create_{number}
        type: io.kestra.plugin.jdbc.postgresql.Queries
        sql: |
          CREATE TABLE IF NOT EXISTS {{{{render(vars.table)}}}} (
              unique_row_id          text,
              filename               text,
              VendorID               text,
              pickup_datetime        timestamp,
              dropoff_datetime       timestamp,
              passenger_count        integer,
              trip_distance          double precision,
              fare_amount            double precision,
              total_amount           double precision
          );

      - id: truncate_{number}
        type: io.kestra.plugin.jdbc.postgresql.Queries
        sql: |
          TRUNCATE TABLE {{{{render(vars.staging)}}}};

      - id: copy_{number}
        type: io.kestra.plugin.jdbc.postgresql.CopyIn
        format: CSV
        from: "{{{{render(vars.data)}}}}"
        table: "{{{{render(vars.staging)}}}}"
        header: true
        columns: [VendorID, pickup_datetime, dropoff_datetime, passenger_count, trip_distance, fare_amount, total_amount]

      - id: add_{number}
        type: io.kestra.plugin.jdbc.postgresql.Queries
        sql: |
          UPDATE {{{{render(vars.staging)}}}}
          SET
            unique_row_id = md5(COALESCE(VendorID, '') || COALESCE(CAST(pickup_datetime AS text), '')),
            filename = '{{{{render(vars.file)}}}}';

      - id: merge_{number}
        type: io.kestra.plugin.jdbc.postgresql.Queries
        sql: |
          MERGE INTO {{{{render(vars.table)}}}} AS T
          USING {{{{render(vars.staging)}}}} AS S
          ON T.unique_row_id = S.unique_row_id
          WHEN NOT MATCHED THEN
            INSERT (unique_row_id, filename, VendorID, pickup_datetime, dropoff_datetime, total_amount)
            VALUES (S.unique_row_id, S.filename, S.VendorID, S.pickup_datetime, S.dropoff_datetime, S.total_amount);
"""

_TAIL = """
  - id: purge_files
    type: io.kestra.plugin.core.storage.PurgeCurrentExecutionFiles
    description: Disable it to look at the files.
    disabled: false

pluginDefaults:
  - type: io.kestra.plugin.jdbc.postgresql
    values:
      url: jdbc:postgresql://pgdatabase:5432/ny_taxi
      username: root
      password: root

triggers:
  - id: green_schedule
    type: io.kestra.plugin.core.trigger.Schedule
    cron: "0 9 1 * *"
    inputs:
      taxi: green

  - id: yellow_schedule
    type: io.kestra.plugin.core.trigger.Schedule
    cron: "0 10 1 * *"
    timezone: America/New_York
    inputs:
      taxi: yellow
"""
