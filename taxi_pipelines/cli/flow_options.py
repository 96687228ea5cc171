"""What the commands on flows, executions, keys and secrets share, as `options.py` has it for months."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from taxi_pipelines.cli.options import Globals
from taxi_pipelines.errors import UsageError

if TYPE_CHECKING:
    from taxi_pipelines.orchestrator import Orchestrator

Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "-i",
        "--input",
        metavar="KEY=VALUE",
        help="An input; @PATH is the text of a file, a FILE input takes a path. May be repeated.",
        show_default=False,
    ),
]
Labels = Annotated[
    list[str] | None,
    typer.Option("--label", metavar="KEY=VALUE", help="A label. May be repeated.", show_default=False),
]
Namespace = Annotated[
    str | None,
    typer.Option("--namespace", metavar="NS", help="Only this namespace and those below it.", show_default=False),
]
OneNamespace = Annotated[str, typer.Option("--namespace", metavar="NS", help="The namespace.", show_default=False)]


def open_orchestrator(ctx: typer.Context, *, prepare: str | None = None) -> Orchestrator:
    """The orchestrator that global options, variables and taxi.toml describe. Raises UsageError.

    `prepare` is what a first worker is to call at once: it starts while we still import what comes here.
    """
    from taxi_pipelines.settings import Settings
    from taxi_pipelines.wiring import build_executor

    chosen: Globals = ctx.obj
    settings = Settings.load(home=chosen.home)
    executor = build_executor(settings)
    if prepare:
        executor.prepare(prepare)
    from taxi_pipelines.orchestrator import Orchestrator

    return Orchestrator(settings=settings, executor=executor)


def parse_pairs(option: str, given: list[str] | None) -> dict[str, str]:
    """`["a=1", "b=x=y"]` → `{"a": "1", "b": "x=y"}`. Raises UsageError."""
    pairs: dict[str, str] = {}
    for text in given or ():
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"{option} {text} has no value", f"write it as {option} {key or 'KEY'}=VALUE")
        pairs[key] = value
    return pairs
