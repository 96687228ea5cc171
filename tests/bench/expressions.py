"""Templates: compiling short ones, rendering a long one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from random import Random
from zoneinfo import ZoneInfo

from taxi_pipelines.flowspec.expressions import Environment, compile_template
from tests.bench.measure import Figure, median

ROUNDS = 30
SLOT = datetime(2021, 3, 1, 14, tzinfo=UTC)
CONTEXT: dict[str, object] = {
    "inputs": {"taxi": "green", "year": "2021", "month": "03"},
    "vars": {"file": "{{inputs.taxi}}_tripdata_{{inputs.year}}-{{inputs.month}}.csv"},
    "trigger": {"date": SLOT},
    "outputs": {"extract": {"outputFiles": {"green_tripdata_2021-03.csv": "kestra:///extract.csv"}}},
}
SHORT = (
    "{{ inputs.taxi }}",
    "{{inputs.taxi}}_tripdata_{{trigger.date | date('yyyy-MM')}}.csv",
    "{{outputs.extract.outputFiles[inputs.taxi ~ '_tripdata_' ~ inputs.year ~ '-' ~ inputs.month ~ '.csv']}}",
    "{{ inputs.taxi == 'yellow' ? 'tpep' : 'lpep' }}_pickup_datetime",
)
SENTENCES = (
    "select unique_row_id, filename, pickup_datetime, dropoff_datetime, passenger_count, trip_distance from staging; "
)


def figures() -> Iterator[Figure]:
    """Every figure, measured as it is asked for."""
    yield compiling()
    yield rendering()


def environment() -> Environment:
    """A world without anything in it."""
    return Environment(now=SLOT, zone=ZoneInfo("UTC"), random=Random(1))


def _milliseconds(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return (time.perf_counter() - start) * 1000


def compiling() -> Figure:
    """Each text is new to the cache: it ends with a number of its own."""
    compile_template("{{ 1 }}")
    took = [_milliseconds(lambda t=f"{text}{turn}": compile_template(t)) for turn in range(ROUNDS) for text in SHORT]  # type: ignore[misc]
    return Figure(
        "compiling a short template",
        "≤ 0.3 ms",
        f"{median(took):.2f} ms",
        f"slowest of {len(took)}: {max(took):.2f} ms",
    )


def rendering() -> Figure:
    """10 KB with 60 expressions, compiled once."""
    text = "".join(SHORT[turn % len(SHORT)] + "\n" + SENTENCES for turn in range(48)) + SENTENCES * 15
    template = compile_template(text)
    world = environment()
    template.render(CONTEXT, world)
    took = [_milliseconds(lambda: template.render(CONTEXT, world)) for _ in range(ROUNDS)]
    detail = f"{len(text):,} characters, {text.count('{{')} expressions"
    return Figure("rendering a template of 10 KB", "≤ 2 ms", f"{median(took):.2f} ms", detail)
