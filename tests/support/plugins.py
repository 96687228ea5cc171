"""Types of other issues, by name: a catalog that knows them without their properties, and flows that use them as the course does."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from taxi_pipelines.task_types import Properties, Role, Typed, TypeSpec
from taxi_pipelines.tasks.registry import REGISTRY


class Free(Properties):
    """Anything; a task runner where one is named."""

    model_config = ConfigDict(extra="allow")

    commands: list[str] = Field(default=[], description="What to run.")
    env: dict[str, str] = Field(default={}, description="Its environment.")
    task_runner: Annotated[dict[str, Any] | None, Typed(Role.TASK_RUNNER)] = Field(
        default=None, description="A runner."
    )


class Postgres(Properties):
    """Some SQL on a server."""

    url: str = Field(description="Where.")
    username: str | None = Field(default=None, description="As whom.")
    password: str | None = Field(default=None, description="With what.")
    sql: str = Field(description="What.")


class CopyIn(Properties):
    """A file into a table."""

    url: str = Field(description="Where.")
    username: str | None = Field(default=None, description="As whom.")
    password: str | None = Field(default=None, description="With what.")
    from_: str = Field(alias="from", description="Which file.")
    table: str = Field(description="Which table.")
    format: str = Field(default="CSV", description="How it is written.")
    header: bool = Field(default=False, description="Whether its first line is one.")
    columns: list[str] = Field(default=[], description="Which columns.")


class Docker(Properties):
    """A container."""

    network_mode: str | None = Field(default=None, description="Its network.")
    pull_policy: str | None = Field(default=None, description="When to pull.")
    volumes: list[str] = Field(default=[], description="What it sees.")


FREE = (
    "io.kestra.plugin.scripts.shell.Commands",
    "io.kestra.plugin.scripts.python.Script",
    "io.kestra.plugin.core.http.Download",
    "io.kestra.plugin.core.storage.PurgeCurrentExecutionFiles",
    "io.kestra.plugin.jdbc.duckdb.Query",
    "io.kestra.plugin.jdbc.duckdb.Queries",
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
PLUGINS = (
    *(TypeSpec(name=name, title="Something.", properties=Free) for name in FREE),
    TypeSpec(name="io.kestra.plugin.jdbc.postgresql.Queries", title="Runs SQL.", properties=Postgres),
    TypeSpec(name="io.kestra.plugin.jdbc.postgresql.CopyIn", title="Copies a file.", properties=CopyIn),
    TypeSpec(
        name="io.kestra.plugin.core.runner.Process", role=Role.TASK_RUNNER, title="A process.", properties=Properties
    ),
    TypeSpec(
        name="io.kestra.plugin.scripts.runner.docker.Docker",
        role=Role.TASK_RUNNER,
        title="A container.",
        properties=Docker,
    ),
)
CATALOG = REGISTRY.extended(PLUGINS)
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
