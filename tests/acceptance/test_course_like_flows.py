"""Flows such as a course on Kestra has them: `wget | gunzip`, CopyIn, md5 keys, MERGE, defaults with a JDBC URL, slots.

The flows here are our own, of the same types and expressions. The files are served by a `wget` of ours on the PATH.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.flow import Flow
from taxi_pipelines.domain.manifest import FileFormat
from taxi_pipelines.domain.month import Month
from taxi_pipelines.domain.states import State
from taxi_pipelines.engine.slot import find_slot
from taxi_pipelines.orchestrator import Orchestrator
from taxi_pipelines.synthetic.files import write_month
from tests.support.postgres import PASSWORD, USER, execute, server

ROWS = 300
MONTH = Month(2020, 4)

COLUMNS = {
    "yellow": (
        "VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,passenger_count,trip_distance,RatecodeID,store_and_fwd_flag,"
        "PULocationID,DOLocationID,payment_type,fare_amount,extra,mta_tax,tip_amount,tolls_amount,improvement_surcharge,"
        "total_amount,congestion_surcharge"
    ),
    "green": (
        "VendorID,lpep_pickup_datetime,lpep_dropoff_datetime,store_and_fwd_flag,RatecodeID,PULocationID,DOLocationID,"
        "passenger_count,trip_distance,fare_amount,extra,mta_tax,tip_amount,tolls_amount,ehail_fee,improvement_surcharge,"
        "total_amount,payment_type,trip_type,congestion_surcharge"
    ),
}
TEXTS = {"VendorID", "RatecodeID", "store_and_fwd_flag", "PULocationID", "DOLocationID"}
NUMBERS = {"passenger_count", "payment_type", "trip_type"}

HEAD = """\
id: {id}
namespace: workshop
description: |
  Trips as CSV, from a release page.

{inputs}
variables:
  name: "{{{{inputs.taxi}}}}_tripdata_{month}.csv"
  staging: "public.{{{{inputs.taxi}}}}_trips_staging"
  target: "public.{{{{inputs.taxi}}}}_trips"
  csv: "{{{{outputs.fetch.outputFiles[inputs.taxi ~ '_tripdata_' ~ {month_expression} ~ '.csv']}}}}"

tasks:
  - id: label
    type: io.kestra.plugin.core.execution.Labels
    labels:
      file: "{{{{render(vars.name)}}}}"
      taxi: "{{{{inputs.taxi}}}}"

  - id: fetch
    type: io.kestra.plugin.scripts.shell.Commands
    outputFiles:
      - "*.csv"
    taskRunner:
      type: io.kestra.plugin.core.runner.Process
    commands:
      - wget -qO- https://releases.example/download/{{{{inputs.taxi}}}}/{{{{render(vars.name)}}}}.gz | gunzip > {{{{render(vars.name)}}}}
"""

BRANCH = """
  - id: when_{taxi}
    type: io.kestra.plugin.core.flow.If
    condition: "{{{{inputs.taxi == '{taxi}'}}}}"
    then:
      - id: {taxi}_tables
        type: io.kestra.plugin.jdbc.postgresql.Queries
        sql: |
          CREATE TABLE IF NOT EXISTS {{{{render(vars.target)}}}} (trip_key text, origin text, {definitions});
          CREATE TABLE IF NOT EXISTS {{{{render(vars.staging)}}}} (trip_key text, origin text, {definitions});

      - id: {taxi}_empty_staging
        type: io.kestra.plugin.jdbc.postgresql.Queries
        sql: |
          TRUNCATE TABLE {{{{render(vars.staging)}}}};

      - id: {taxi}_copy
        type: io.kestra.plugin.jdbc.postgresql.CopyIn
        format: CSV
        from: "{{{{render(vars.csv)}}}}"
        table: "{{{{render(vars.staging)}}}}"
        header: true
        columns: [{columns}]

      - id: {taxi}_keys
        type: io.kestra.plugin.jdbc.postgresql.Queries
        sql: |
          UPDATE {{{{render(vars.staging)}}}}
          SET trip_key = md5(concat_ws('|', {key})), origin = '{{{{render(vars.name)}}}}';

      - id: {taxi}_merge
        type: io.kestra.plugin.jdbc.postgresql.Queries
        sql: |
          MERGE INTO {{{{render(vars.target)}}}} AS t
          USING {{{{render(vars.staging)}}}} AS s
          ON t.trip_key = s.trip_key
          WHEN NOT MATCHED THEN
            INSERT (trip_key, origin, {columns}) VALUES (s.trip_key, s.origin, {values});
"""

TAIL = """
  - id: tidy
    type: io.kestra.plugin.core.storage.PurgeCurrentExecutionFiles
    description: Leave it out to look at the files.

pluginDefaults:
  - type: io.kestra.plugin.jdbc.postgresql
    values:
      url: jdbc:postgresql://warehouse-host:5432/{database}
      username: {user}
      password: "{password}"
"""

SELECTS = """\
inputs:
  - {{id: taxi, type: SELECT, displayName: Which taxi, values: [yellow, green], defaults: yellow}}
  - {{id: year, type: SELECT, values: ["2019", "2020"], defaults: "2019"}}
  - {{id: month, type: SELECT, values: ["01", "02", "03", "04"], defaults: "01"}}
"""
ONE_SELECT = """\
concurrency:
  limit: 1

inputs:
  - {id: taxi, type: SELECT, values: [yellow, green], defaults: yellow}
"""
TRIGGERS = """
triggers:
  - {id: green_schedule, type: io.kestra.plugin.core.trigger.Schedule, cron: "0 9 1 * *", inputs: {taxi: green}}
  - {id: yellow_schedule, type: io.kestra.plugin.core.trigger.Schedule, cron: "0 10 1 * *", inputs: {taxi: yellow}}
"""


def branch(taxi: str) -> str:
    names = COLUMNS[taxi].split(",")
    return BRANCH.format(
        taxi=taxi,
        definitions=", ".join(f"{name} {kind_of(name)}" for name in names),
        columns=", ".join(names),
        values=", ".join(f"s.{name}" for name in names),
        key=", ".join(f"coalesce(cast({name} AS text), '')" for name in names),
    )


def kind_of(name: str) -> str:
    if name in TEXTS:
        return "text"
    return "timestamp" if name.endswith("_datetime") else "integer" if name in NUMBERS else "double precision"


def flow(database: str, *, scheduled: bool) -> str:
    date = "trigger.date | date('yyyy-MM')"
    chosen = "{{inputs.year}}-{{inputs.month}}"
    head = HEAD.format(
        id="trips_scheduled" if scheduled else "trips",
        inputs=ONE_SELECT if scheduled else SELECTS.format(),
        month=f"{{{{{date}}}}}" if scheduled else chosen,
        month_expression=f"({date})" if scheduled else "inputs.year ~ '-' ~ inputs.month",
    )
    tail = TAIL.format(database=database, user=USER, password=PASSWORD)
    return "".join([head, branch("yellow"), branch("green"), tail, TRIGGERS if scheduled else ""])


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database behind a host's name that only a rewrite can reach, and a `wget` that has the files."""
    for taxi in COLUMNS:
        write_month(tmp_path / "files", taxi, MONTH, ROWS, format=FileFormat.CSV_GZ)
    wget = tmp_path / "bin" / "wget"
    wget.parent.mkdir()
    wget.write_text(f'#!/bin/sh\nexec cat "{tmp_path}/files/${{2##*/}}"\n')
    wget.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wget.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TAXI_REWRITE_HOSTS", f"warehouse-host:5432=127.0.0.1:{server().port}")
    return server().new_database(f"course_{tmp_path.name[-20:]}")


@pytest.fixture
def taxi(tmp_path: Path, database: str) -> Iterator[Orchestrator]:
    """Made after what it finds in the environment."""
    with closing(Orchestrator(home=tmp_path / "home")) as taxi:
        yield taxi


def finish(taxi: Orchestrator, execution: Execution) -> Execution:
    engine = taxi._engine or taxi.start_engine()[0]
    engine.submit(execution)
    engine.run_until(lambda: taxi.control.execution(execution.id).state.has_ended)
    ended = taxi.control.execution(execution.id)
    assert ended.state is State.SUCCESS, [line.message for line in taxi.lines(execution.id)]
    return ended


def save(taxi: Orchestrator, folder: Path, text: str) -> Flow:
    path = folder / "flow.yaml"
    path.write_text(text, encoding="utf-8")
    return taxi.save_file(path)


def counts(database: str) -> list[int]:
    return [
        int(execute(database, f"SELECT count(*) FROM public.{taxi}_trips")[0][0])
        for taxi in COLUMNS
        if execute(database, f"SELECT to_regclass('public.{taxi}_trips')")[0][0]
    ]


def test_a_month_by_inputs_twice(taxi: Orchestrator, database: str, tmp_path: Path) -> None:
    name = database.rpartition("/")[2]
    kept = save(taxi, tmp_path, flow(name, scheduled=False))
    for expected in ([ROWS], [ROWS], [ROWS, ROWS], [ROWS, ROWS]):
        kind = "yellow" if len(expected) == 1 else "green"
        execution = taxi.control.make_execution(kept, {"taxi": kind, "year": "2020", "month": "04"})
        ended = finish(taxi, execution)
        assert counts(database) == expected
        assert ended.labels == {"file": f"{kind}_tripdata_2020-04.csv", "taxi": kind}
        stored = [run.outputs["outputFiles"] for run in taxi.task_runs(ended.id) if run.task_id == "fetch"]
        assert [list(files) for files in stored] == [[f"{kind}_tripdata_2020-04.csv"]]
        assert taxi.parts.files.size(*stored[0].values()) is None, "the last task removed it"
        other = "green" if kind == "yellow" else "yellow"
        assert {run.task_id for run in taxi.task_runs(ended.id)}.isdisjoint({f"{other}_copy", f"{other}_merge"})


def test_a_month_by_slot_twice(taxi: Orchestrator, database: str, tmp_path: Path) -> None:
    name = database.rpartition("/")[2]
    kept = save(taxi, tmp_path, flow(name, scheduled=True))
    for expected in ([ROWS], [ROWS, ROWS], [ROWS, ROWS], [ROWS, ROWS]):
        trigger = "yellow_schedule" if len(expected) == 1 else "green_schedule"
        slot = find_slot(taxi.parts, kept, "2020-04", {}, trigger_id=trigger)
        execution = taxi.control.make_execution(kept, slot.inputs, labels=slot.labels, trigger=slot.trigger)
        ended = finish(taxi, execution)
        assert counts(database) == expected
        assert ended.labels["file"] == f"{slot.inputs['taxi']}_tripdata_2020-04.csv"
