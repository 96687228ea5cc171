"""The commands `taxi secret`: values kept encrypted, which flows read with `secret('KEY')`; they are never printed."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from taxi_pipelines.cli.flow_options import Namespace, OneNamespace, open_orchestrator
from taxi_pipelines.cli.options import Json
from taxi_pipelines.cli.output import show, show_json_list, talk
from taxi_pipelines.errors import UsageError

app = typer.Typer(help="Passwords and the like, encrypted, never printed.", rich_markup_mode=None)

Key = Annotated[str, typer.Argument(metavar="KEY", help="Its name.", show_default=False)]


@app.command("set")
def set_secret(ctx: typer.Context, key: Key, namespace: OneNamespace) -> None:
    """Keep a secret: asks for it, or reads standard input.

    One newline at its end is left out. Example: taxi secret set TOKEN --namespace course < token.txt
    """
    value = _asked(key) if sys.stdin.isatty() else _read()
    if not value:
        raise UsageError("the secret is empty", "type it, or give it on standard input")
    with open_orchestrator(ctx) as taxi:
        taxi.set_secret(namespace, key, value)


def _asked(key: str) -> str:
    from getpass import getpass

    return getpass(f"{key}: ")


def _read() -> str:
    try:
        return sys.stdin.read().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise UsageError("the secret is not UTF-8 text", "encode it, for example in base64") from error


@app.command("list")
def list_secrets(ctx: typer.Context, namespace: Namespace = None, json: Json = False) -> None:
    """List the secrets by name; values are never shown."""
    from taxi_pipelines.cli import flow_render

    with open_orchestrator(ctx) as taxi:
        found = taxi.secrets(namespace)
    if json:
        show_json_list([{"namespace": place, "key": key} for place, key in found])
    elif found:
        show(flow_render.secrets(found))
    else:
        talk("no secrets are kept")


@app.command()
def delete(ctx: typer.Context, key: Key, namespace: OneNamespace) -> None:
    """Forget a secret."""
    with open_orchestrator(ctx) as taxi:
        taxi.delete_secret(namespace, key)
