"""The commands `taxi kv`: typed values by namespace and key, which flows read with `kv('KEY')`."""

from __future__ import annotations

from typing import Annotated

import typer

from taxi_pipelines.cli.flow_options import OneNamespace, open_orchestrator
from taxi_pipelines.cli.options import Json
from taxi_pipelines.cli.output import show, show_json, show_json_list, talk
from taxi_pipelines.errors import UsageError

app = typer.Typer(help="Values that flows share, by namespace and key.", rich_markup_mode=None)

TYPES = ("STRING", "NUMBER", "BOOLEAN", "DATETIME", "DATE", "DURATION", "JSON")

Key = Annotated[str, typer.Argument(metavar="KEY", help="Its name.", show_default=False)]
Value = Annotated[str, typer.Argument(metavar="VALUE", help="What to keep.", show_default=False)]
Type = Annotated[
    str,
    typer.Option("--type", metavar="TYPE", help=f"One of {', '.join(TYPES)}.", autocompletion=lambda: list(TYPES)),
]
Ttl = Annotated[
    str | None,
    typer.Option(
        "--ttl",
        metavar="DURATION",
        help="How long to keep it, in ISO 8601, as P1D. [default: for good]",
        show_default=False,
    ),
]


@app.command("set", context_settings={"ignore_unknown_options": True})
def set_value(
    ctx: typer.Context, key: Key, value: Value, namespace: OneNamespace, type: Type = "STRING", ttl: Ttl = None
) -> None:
    """Keep a value under a key, instead of what is there.

    Example: taxi kv set limits '{"rows": 10}' --type JSON --namespace course
    """
    if type.upper() not in TYPES:
        raise UsageError(f"--type {type} is not a type of values", f"valid are {', '.join(TYPES)}")
    from taxi_pipelines.domain.records import KvType

    with open_orchestrator(ctx) as taxi:
        taxi.set_value(namespace, key, value, type=KvType(type.upper()), ttl=ttl)


@app.command()
def get(ctx: typer.Context, key: Key, namespace: OneNamespace, json: Json = False) -> None:
    """Print the value of a key: text as it is, else JSON."""
    from taxi_pipelines.domain.text import plain_text

    with open_orchestrator(ctx) as taxi:
        entry = taxi.value(namespace, key)
    if json:
        from taxi_pipelines.cli.flow_render import value_view

        show_json(value_view(entry))
    else:
        typer.echo(plain_text(entry.value))


@app.command("list")
def list_values(ctx: typer.Context, namespace: OneNamespace, json: Json = False) -> None:
    """List the keys of a namespace, with their values."""
    from taxi_pipelines.cli import flow_render

    with open_orchestrator(ctx) as taxi:
        entries = taxi.values(namespace)
    if json:
        show_json_list([flow_render.value_view(entry) for entry in entries])
    elif entries:
        show(flow_render.values(entries))
    else:
        talk(f"{namespace} has no keys")


@app.command()
def delete(ctx: typer.Context, key: Key, namespace: OneNamespace) -> None:
    """Forget a key and its value."""
    with open_orchestrator(ctx) as taxi:
        taxi.delete_value(namespace, key)
