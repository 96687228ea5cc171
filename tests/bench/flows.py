"""Flows: validating a long one, the schema of all, and what a month as a flow costs more than without."""

from __future__ import annotations

import itertools
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from taxi_pipelines.flowspec.build import parse_flow
from taxi_pipelines.flowspec.json_schema import json_schema
from tests.bench import data
from tests.bench.measure import Cost, Figure, median, paired, run, taxi
from tests.support.data import ROOT
from tests.support.plugins import CATALOG, postgres_flow

ROUNDS = 30
MONTH_ROUNDS = 5


def figures(folder: Path, yellow: Path) -> Iterator[Figure]:
    """Every figure, measured as it is asked for."""
    yield month_as_flow(folder, yellow)
    yield validating()
    yield validating_again()
    yield schema()


def _milliseconds(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return (time.perf_counter() - start) * 1000


def _text(turn: int) -> str:
    """A flow whose templates are all different, and new to the cache: each has a number of its own in it."""
    numbers = itertools.count(turn * 1000)
    return re.sub(r"\{\{", lambda _: f"{{{{ '{next(numbers)}' ~ ", postgres_flow(rounds=5))


def validating() -> Figure:
    """A flow of 300 lines whose templates were never compiled before."""
    parse_flow(_text(-1), CATALOG)
    took = [_milliseconds(lambda turn=turn: parse_flow(_text(turn), CATALOG)) for turn in range(ROUNDS)]  # type: ignore[misc]
    text = _text(0)
    detail = f"{text.count(chr(10))} lines, {text.count('{{')} templates; slowest of {ROUNDS}: {max(took):.0f} ms"
    return Figure("validating a flow of 300 lines for the first time", "≤ 50 ms", f"{median(took):.0f} ms", detail)


def validating_again() -> Figure:
    """The same text again, as on each import of an unchanged folder."""
    text = _text(-1)
    took = [_milliseconds(lambda: parse_flow(text, CATALOG)) for _ in range(ROUNDS)]
    return Figure(
        "validating the same flow again", "≤ 25 ms", f"{median(took):.1f} ms", "templates are compiled already"
    )


def schema() -> Figure:
    """The JSON schema of all types."""
    took = [_milliseconds(lambda: json_schema(CATALOG)) for _ in range(5)]
    return Figure("JSON schema of a flow", "≤ 300 ms", f"{median(took):.0f} ms", f"{len(CATALOG.specs())} task types")


def month_as_flow(folder: Path, yellow: Path) -> Figure:
    """`taxi flow run flows/taxi_month.yaml` against `taxi run`, of the same month into a home of its own."""
    source = {"TAXI_SOURCE": str(yellow.parent)}

    def timed(name: str, *arguments: str) -> Cost:
        home = folder / name
        shutil.rmtree(home, ignore_errors=True)
        return run(taxi("--home", str(home), *arguments), source)

    given = ["-i", "taxi=yellow", "-i", f"month={data.MONTH}"]
    flows, runs = paired(
        lambda: timed("flow", "flow", "run", str(ROOT / "flows" / "taxi_month.yaml"), *given),
        lambda: timed("run", "run", "yellow", str(data.MONTH)),
        MONTH_ROUNDS,
    )
    more = median([flow.wall - plain.wall for flow, plain in zip(flows, runs, strict=True)])
    detail = f"{median([flow.wall for flow in flows]):.1f} s against {median([plain.wall for plain in runs]):.1f} s"
    return Figure("a 3 M-row month as a flow of four tasks, over `taxi run`", "≤ 0.5 s", f"{more:+.2f} s", detail)
