"""Flows: validating a long one, and the schema of all."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Iterator

from taxi_pipelines.flowspec.build import parse_flow
from taxi_pipelines.flowspec.json_schema import json_schema
from tests.bench.measure import Figure, median
from tests.support.plugins import CATALOG, postgres_flow

ROUNDS = 30


def figures() -> Iterator[Figure]:
    """Every figure, measured as it is asked for."""
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
