"""Flows such as a course on Kestra has them for Google Cloud: a bucket and a dataset from keys, CSV into the bucket, an external
table over it, MD5 keys, MERGE; by inputs and by slots.

The flows here are our own, of the same types and expressions. The official clients speak to the tests' own Google over loopback.
"""

from __future__ import annotations

import base64
import gzip
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.manifest import FileFormat
from taxi_pipelines.domain.month import Month
from taxi_pipelines.domain.states import State
from taxi_pipelines.engine.slot import find_slot
from taxi_pipelines.orchestrator import Orchestrator
from taxi_pipelines.synthetic.files import write_month
from tests.acceptance.test_course_like_flows import COLUMNS, NUMBERS, TEXTS, TRIGGERS, save
from tests.support.google.bigquery_catalog import Table
from tests.support.google.bigquery_layout import TableName
from tests.support.google.server import FakeGoogle, start_fake

ROWS = 300
MONTH = Month(2020, 4)
PROJECT, DATASET, BUCKET = "workshop-project", "workshop", "workshop-trips"

KEYS = f"""\
id: keys
namespace: workshop
tasks:
  - {{id: project, type: io.kestra.plugin.core.kv.Set, key: G_PROJECT, kvType: STRING, value: {PROJECT}}}
  - {{id: place, type: io.kestra.plugin.core.kv.Set, key: G_LOCATION, kvType: STRING, value: europe-west2}}
  - {{id: bucket, type: io.kestra.plugin.core.kv.Set, key: G_BUCKET, kvType: STRING, value: {BUCKET}}}
  - {{id: dataset, type: io.kestra.plugin.core.kv.Set, key: G_DATASET, kvType: STRING, value: {DATASET}}}
  - {{id: account, type: io.kestra.plugin.core.kv.Set, key: G_ACCOUNT, kvType: STRING, value: "no key of anybody's"}}
"""

DEFAULTS = """
pluginDefaults:
  - type: io.kestra.plugin.gcp
    values:
      serviceAccount: "{{{{{account}}}}}"
      projectId: "{{{{kv('G_PROJECT')}}}}"
      location: "{{{{kv('G_LOCATION')}}}}"
      bucket: "{{{{kv('G_BUCKET')}}}}"
"""

SETUP = """\
id: setup
namespace: workshop
tasks:
  - id: make_bucket
    type: io.kestra.plugin.gcp.gcs.CreateBucket
    ifExists: SKIP
    storageClass: REGIONAL
    name: "{{kv('G_BUCKET')}}"

  - id: make_dataset
    type: io.kestra.plugin.gcp.bigquery.CreateDataset
    name: "{{kv('G_DATASET')}}"
    ifExists: SKIP
""" + DEFAULTS.format(account="secret('G_ACCOUNT')")

HEAD = """\
id: {id}
namespace: workshop

inputs:
  - {{id: taxi, type: SELECT, values: [yellow, green], defaults: green}}
{inputs}
variables:
  name: "{{{{inputs.taxi}}}}_tripdata_{month}.csv"
  object: "gs://{{{{kv('G_BUCKET')}}}}/{{{{vars.name}}}}"
  monthly: "{{{{kv('G_DATASET')}}}}.{{{{inputs.taxi}}}}_{table}"
  csv: "{{{{outputs.fetch.outputFiles[inputs.taxi ~ '_tripdata_' ~ {month_expression} ~ '.csv']}}}}"

tasks:
  - id: label
    type: io.kestra.plugin.core.execution.Labels
    labels: {{file: "{{{{render(vars.name)}}}}", taxi: "{{{{inputs.taxi}}}}"}}

  - id: fetch
    type: io.kestra.plugin.scripts.shell.Commands
    outputFiles: ["*.csv"]
    taskRunner: {{type: io.kestra.plugin.core.runner.Process}}
    commands:
      - wget -qO- https://releases.example/download/{{{{inputs.taxi}}}}/{{{{render(vars.name)}}}}.gz | gunzip > {{{{render(vars.name)}}}}

  - id: to_bucket
    type: io.kestra.plugin.gcp.gcs.Upload
    from: "{{{{render(vars.csv)}}}}"
    to: "{{{{render(vars.object)}}}}"
"""

BRANCH = """
  - id: when_{taxi}
    type: io.kestra.plugin.core.flow.If
    condition: "{{{{inputs.taxi == '{taxi}'}}}}"
    then:
      - id: {taxi}_table
        type: io.kestra.plugin.gcp.bigquery.Query
        sql: |
          CREATE TABLE IF NOT EXISTS `{{{{kv('G_PROJECT')}}}}.{{{{kv('G_DATASET')}}}}.{taxi}_trips`
          (trip_key BYTES OPTIONS (description = 'What tells trips apart, "hashed".'), origin STRING, {definitions})
          PARTITION BY DATE({pickup});

      - id: {taxi}_file
        type: io.kestra.plugin.gcp.bigquery.Query
        sql: |
          CREATE OR REPLACE EXTERNAL TABLE `{{{{kv('G_PROJECT')}}}}.{{{{render(vars.monthly)}}}}_file`
          ({definitions})
          OPTIONS (
            format = 'CSV', uris = ['{{{{render(vars.object)}}}}'], skip_leading_rows = 1, ignore_unknown_values = TRUE
          );

      - id: {taxi}_keys
        type: io.kestra.plugin.gcp.bigquery.Query
        sql: |
          CREATE OR REPLACE TABLE `{{{{kv('G_PROJECT')}}}}.{{{{render(vars.monthly)}}}}`
          AS
          SELECT MD5(CONCAT({key})) AS trip_key, "{{{{render(vars.name)}}}}" AS origin, *
          FROM `{{{{kv('G_PROJECT')}}}}.{{{{render(vars.monthly)}}}}_file`;

      - id: {taxi}_merge
        type: io.kestra.plugin.gcp.bigquery.Query
        sql: |
          MERGE INTO `{{{{kv('G_PROJECT')}}}}.{{{{kv('G_DATASET')}}}}.{taxi}_trips` T
          USING `{{{{kv('G_PROJECT')}}}}.{{{{render(vars.monthly)}}}}` S
          ON T.trip_key = S.trip_key
          WHEN NOT MATCHED THEN
            INSERT (trip_key, origin, {columns}) VALUES (S.trip_key, S.origin, {values});
"""

TIDY = """
  - id: tidy
    type: io.kestra.plugin.core.storage.PurgeCurrentExecutionFiles
    disabled: false
"""
SELECTS = """\
  - {id: year, type: SELECT, values: ["2019"], defaults: "2019", allowCustomValue: true}
  - {id: month, type: SELECT, values: ["01", "03", "04"], defaults: "01"}
"""


def branch(taxi: str) -> str:
    names = COLUMNS[taxi].split(",")
    return BRANCH.format(
        taxi=taxi,
        pickup=next(name for name in names if name.endswith("pickup_datetime")),
        definitions=", ".join(
            f"{name} {kind_of(name)} OPTIONS (description = 'What it says of {name}.')" for name in names
        ),
        columns=", ".join(names),
        values=", ".join(f"S.{name}" for name in names),
        key=", ".join(f'COALESCE(CAST({name} AS STRING), "")' for name in names if kind_of(name) != "NUMERIC"),
    )


def kind_of(name: str) -> str:
    if name in TEXTS:
        return "STRING"
    return "TIMESTAMP" if name.endswith("_datetime") else "INTEGER" if name in NUMBERS else "NUMERIC"


def flow(*, scheduled: bool) -> str:
    date, table_date = "trigger.date | date('yyyy-MM')", "trigger.date | date('yyyy_MM')"
    head = HEAD.format(
        id="trips_scheduled" if scheduled else "trips",
        inputs="" if scheduled else SELECTS,
        month=f"{{{{{date}}}}}" if scheduled else "{{inputs.year}}-{{inputs.month}}",
        table=f"{{{{{table_date}}}}}" if scheduled else "{{inputs.year}}_{{inputs.month}}",
        month_expression=f"({date})" if scheduled else "inputs.year ~ '-' ~ inputs.month",
    )
    account = "kv('G_ACCOUNT')" if scheduled else "secret('G_ACCOUNT')"
    parts = [head, branch("yellow"), branch("green"), TIDY, DEFAULTS.format(account=account)]
    return "".join([*parts, TRIGGERS if scheduled else ""])


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGoogle]:
    """A Google that asks for no key, a secret that is none, and a `wget` that has the files."""
    for taxi in COLUMNS:
        write_month(tmp_path / "files", taxi, MONTH, ROWS, format=FileFormat.CSV_GZ)
    wget = tmp_path / "bin" / "wget"
    wget.parent.mkdir()
    wget.write_text(f'#!/bin/sh\nexec cat "{tmp_path}/files/${{2##*/}}"\n')
    wget.chmod(0o755)
    found = start_fake()
    found.reset()
    monkeypatch.setenv("PATH", f"{wget.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", found.url)
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", found.url)
    monkeypatch.setenv("SECRET_G_ACCOUNT", base64.b64encode(b"no key of anybody's").decode())
    yield found
    found.reset()


@pytest.fixture
def taxi(tmp_path: Path, fake: FakeGoogle) -> Iterator[Orchestrator]:
    """Its keys are set, its bucket and its dataset are made, twice; made after what it finds in the environment."""
    with closing(Orchestrator(home=tmp_path / "home")) as taxi:
        for text in (KEYS, SETUP, SETUP):
            assert finish(taxi, taxi.control.make_execution(save(taxi, tmp_path, text), {})).state is State.SUCCESS
        yield taxi


def finish(taxi: Orchestrator, execution: Execution) -> Execution:
    engine = taxi._engine or taxi.start_engine()[0]
    engine.submit(execution)
    engine.run_until(lambda: taxi.control.execution(execution.id).state.has_ended)
    return taxi.control.execution(execution.id)


def said(taxi: Orchestrator, execution: Execution) -> str:
    return "\n".join(line.message for line in taxi.lines(execution.id))


def table(fake: FakeGoogle, name: str) -> Table | None:
    return fake.bigquery.catalog.find(TableName(project=PROJECT, dataset=DATASET, table=name))


def counts(fake: FakeGoogle) -> list[int]:
    """Rows of yellow and green trips, of those tables that are there."""
    found = []
    for kind in COLUMNS:
        if trips := table(fake, f"{kind}_trips"):
            sql = f"SELECT count(*), count(*) FILTER (octet_length(trip_key) = 16) FROM {trips.relation}"
            rows, keyed = fake.bigquery.data.rows(sql)[0]
            assert rows == keyed
            found.append(rows)
    return found


def test_a_month_by_inputs_twice(taxi: Orchestrator, fake: FakeGoogle, tmp_path: Path) -> None:
    kept = save(taxi, tmp_path, flow(scheduled=False))
    for kind, expected, changed in (("green", [ROWS], ROWS), ("green", [ROWS], 0), ("yellow", [ROWS, ROWS], ROWS)):
        ended = finish(taxi, taxi.control.make_execution(kept, {"taxi": kind, "year": "2020", "month": "04"}))
        assert ended.state is State.SUCCESS, said(taxi, ended)
        assert counts(fake) == expected
        assert f"bytes processed, {changed} rows changed" in said(taxi, ended)
        assert ended.labels == {"file": f"{kind}_tripdata_2020-04.csv", "taxi": kind}
        stored = [run.outputs["outputFiles"] for run in taxi.task_runs(ended.id) if run.task_id == "fetch"]
        assert taxi.parts.files.size(*stored[0].values()) is None, "the last task removed it"
    assert fake.storage.names(BUCKET) == {f"{kind}_tripdata_2020-04.csv" for kind in COLUMNS}
    assert fake.storage.buckets[BUCKET].resource["storageClass"] == "REGIONAL"
    trips, monthly, file = (table(fake, f"green_{end}") for end in ("trips", "2020_04", "2020_04_file"))
    assert trips and monthly and file
    assert (trips.layout.unit, trips.layout.column, file.type) == ("DAY", "lpep_pickup_datetime", "EXTERNAL")
    assert [(field.name, field.type) for field in monthly.fields] == [
        (field.name, field.type) for field in trips.fields
    ]


def test_a_month_by_slot_twice(taxi: Orchestrator, fake: FakeGoogle, tmp_path: Path) -> None:
    kept = save(taxi, tmp_path, flow(scheduled=True))
    for trigger, expected in (
        ("yellow_schedule", [ROWS]),
        ("green_schedule", [ROWS] * 2),
        ("green_schedule", [ROWS] * 2),
    ):
        slot = find_slot(taxi.parts, kept, "2020-04", {}, trigger_id=trigger)
        execution = taxi.control.make_execution(kept, slot.inputs, labels=slot.labels, trigger=slot.trigger)
        ended = finish(taxi, execution)
        assert ended.state is State.SUCCESS, said(taxi, ended)
        assert counts(fake) == expected


def test_a_value_of_the_wrong_type_is_told_in_bigquerys_words(
    taxi: Orchestrator, fake: FakeGoogle, tmp_path: Path
) -> None:
    published = tmp_path / "files" / "yellow_tripdata_2020-04.csv.gz"
    header, first, *_ = gzip.decompress(published.read_bytes()).splitlines(keepends=True)
    values = first.split(b",")
    values[3] = b"1.0"
    published.with_name("yellow_tripdata_2020-03.csv.gz").write_bytes(gzip.compress(header + b",".join(values)))
    kept = save(taxi, tmp_path, flow(scheduled=False))
    ended = finish(taxi, taxi.control.make_execution(kept, {"taxi": "yellow", "year": "2020", "month": "03"}))
    assert ended.state is State.FAILED
    assert (
        f"Error while reading table: {PROJECT}.{DATASET}.yellow_2020_03_file, error message: Could not parse '1.0' as INT64 "
        f"for field passenger_count (position 3) starting at location {len(header)} with message 'Unable to parse'"
    ) in said(taxi, ended)
    assert counts(fake) == [0]
