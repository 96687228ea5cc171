"""A small world for templates, and the two ways tests look at one: its rendering, its error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from zoneinfo import ZoneInfo

from taxi_pipelines.errors import ExpressionFailed, UsageError
from taxi_pipelines.flowspec.expressions import Environment, Limits, compile_template

NEW_YORK = ZoneInfo("America/New_York")
SLOT = datetime(2021, 3, 1, 9, tzinfo=NEW_YORK)
FILES = {"kestra:///notes.txt": "two words", "kestra:///empty.txt": ""}
STORED: dict[str, object] = {"GCP_PROJECT_ID": "my-project", "retries": 3, "ready": True, "list": [1, 2]}


def kv(key: str, namespace: str | None, error_on_missing: bool) -> object:
    """A store of a few values, the same in every namespace but `other`."""
    if namespace == "other":
        return f"{key} of other"
    if key not in STORED and error_on_missing:
        raise UsageError(f"there is no key {key!r} in the namespace")
    return STORED.get(key)


WORLD = Environment(
    now=datetime(2021, 7, 1, 13, 5, 6, 123456, tzinfo=UTC),
    zone=ZoneInfo("UTC"),
    random=Random(7),
    kv=kv,
    secret=lambda name: {"TOKEN": "s3cret"}[name],
    read=lambda uri: FILES[uri],
    file_size=lambda uri: len(FILES[uri]),
    file_exists=lambda uri: uri in FILES,
    error_logs=lambda: [{"taskId": "load", "message": "no space"}],
    tasks_with_state=lambda state: [{"taskId": "load", "state": state}],
)
CONTEXT: dict[str, object] = {
    "flow": {"id": "green", "namespace": "company.team"},
    "inputs": {"taxi": "green", "year": "2020", "month": "04", "day": SLOT.date()},
    "vars": {
        "file": "{{inputs.taxi}}_tripdata_{{inputs.year}}-{{inputs.month}}.csv",
        "name": "taxi",
        "items": [1, 2, 3],
        "nothing": None,
        "sizes": {"small": 1, "large": 2},
    },
    "outputs": {
        "extract": {"outputFiles": {"green_tripdata_2020-04.csv": "kestra:///green.csv"}},
        "my-task": {"value": 1},
    },
    "trigger": {"date": SLOT},
    "taskrun": {"value": "a"},
}


def render(text: str, context: Mapping[str, object] | None = None, *, limits: Limits | None = None) -> str:
    """The rendering, by default in the context above."""
    world = replace(WORLD, random=Random(7), limits=limits or WORLD.limits)
    return compile_template(text).render(CONTEXT if context is None else context, world)


def failure(
    text: str, context: Mapping[str, object] | None = None, *, limits: Limits | None = None
) -> ExpressionFailed:
    """The error of a rendering; AssertionError with what was rendered where there is none."""
    try:
        rendered = render(text, context, limits=limits)
    except ExpressionFailed as error:
        return error
    raise AssertionError(f"rendered {rendered[:200]!r}")
