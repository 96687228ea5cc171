"""The expressions of the Data Engineering Zoomcamp's flows, as they stand there."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.support.expressions import failure, render

CONTEXT: dict[str, object] = {
    "flow": {"id": "taxi", "namespace": "zoomcamp"},
    "inputs": {"taxi": "green", "year": "2020", "month": "04", "name": "Will", "columns_to_keep": ["brand", "price"]},
    "vars": {
        "file": "{{inputs.taxi}}_tripdata_{{inputs.year}}-{{inputs.month}}.csv",
        "gcs_file": "gs://lake/{{vars.file}}",
        "staging_table": "public.{{inputs.taxi}}_tripdata_staging",
        "table": "{{inputs.taxi}}_tripdata_{{inputs.year}}_{{inputs.month}}",
        "data": "{{outputs.extract.outputFiles[inputs.taxi ~ '_tripdata_' ~ inputs.year ~ '-' ~ inputs.month ~ '.csv']}}",
        "welcome_message": "Hello, {{ inputs.name }}!",
    },
    "outputs": {
        "extract": {
            "uri": "kestra:///products.json",
            "outputFiles": {"green_tripdata_2020-04.csv": "kestra:///green.csv"},
        },
        "transform": {"outputFiles": {"products.json": "kestra:///kept.json"}},
        "generate_output": {"value": "done"},
    },
    "workingDir": "work",
}
SCHEDULED: dict[str, object] = {
    **CONTEXT,
    "trigger": {"date": datetime(2021, 3, 1, 9, tzinfo=ZoneInfo("UTC"))},
    "vars": {
        "file": "{{inputs.taxi}}_tripdata_{{trigger.date | date('yyyy-MM')}}.csv",
        "data": "{{outputs.extract.outputFiles[inputs.taxi ~ '_tripdata_' ~ (trigger.date | date('yyyy-MM')) ~ '.csv']}}",
        "table": "{{inputs.taxi}}_tripdata_{{trigger.date | date('yyyy_MM')}}",
    },
    "outputs": {"extract": {"outputFiles": {"green_tripdata_2021-03.csv": "kestra:///march.csv"}}},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{render(vars.file)}}", "green_tripdata_2020-04.csv"),
        (
            "wget -qO- x/{{inputs.taxi}}/{{render(vars.file)}}.gz | gunzip > {{render(vars.file)}}",
            "wget -qO- x/green/green_tripdata_2020-04.csv.gz | gunzip > green_tripdata_2020-04.csv",
        ),
        ("{{inputs.taxi == 'yellow'}}", "false"),
        ("{{inputs.taxi == 'green'}}", "true"),
        ("{{render(vars.staging_table)}}", "public.green_tripdata_staging"),
        ("{{render(vars.table)}}", "green_tripdata_2020_04"),
        ("{{render(vars.data)}}", "kestra:///green.csv"),
        ("{{render(vars.gcs_file)}}", "gs://lake/green_tripdata_2020-04.csv"),
        ("{{ render(vars.welcome_message) }}", "Hello, Will!"),
        ("{{outputs.extract.uri}}", "kestra:///products.json"),
        ("{{inputs.columns_to_keep}}", '["brand","price"]'),
        ("{{workingDir}}", "work"),
        ("{{outputs.transform.outputFiles['products.json']}}", "kestra:///kept.json"),
        ("{{ outputs.generate_output.value }}", "done"),
        ("{{kv('GCP_PROJECT_ID')}}.{{render(vars.table)}}_ext", "my-project.green_tripdata_2020_04_ext"),
        ("file:{{inputs.taxi}}_tripdata_{{inputs.year}}-{{inputs.month}}", "file:green_tripdata_2020-04"),
    ],
)
def test_the_courses_expressions(text: str, expected: str) -> None:
    assert render(text, CONTEXT) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{render(vars.file)}}", "green_tripdata_2021-03.csv"),
        ("{{render(vars.data)}}", "kestra:///march.csv"),
        ("{{render(vars.table)}}", "green_tripdata_2021_03"),
    ],
)
def test_the_courses_scheduled_expressions(text: str, expected: str) -> None:
    assert render(text, SCHEDULED) == expected


def test_a_scheduled_flow_run_by_hand_says_how_to_give_a_slot() -> None:
    by_hand = {name: value for name, value in SCHEDULED.items() if name != "trigger"}
    error = failure("{{render(vars.file)}}", by_hand)
    assert error.name == "trigger"
    assert "--slot 2021-03" in str(error)
