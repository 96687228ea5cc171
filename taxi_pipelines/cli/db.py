"""The commands `taxi db`: the PostgreSQL in the home folder, which serves where no other is given by URL."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from taxi_pipelines.cli.options import Globals, Json
from taxi_pipelines.cli.output import hint, show_json, talk
from taxi_pipelines.errors import WarehouseUnavailable

if TYPE_CHECKING:
    from taxi_pipelines.warehouses.postgres_server import EmbeddedPostgres

app = typer.Typer(help="The PostgreSQL in the home folder, which needs no Docker.", rich_markup_mode=None)

PsqlArguments = Annotated[
    list[str] | None,
    typer.Argument(metavar="ARGS...", help="Arguments for psql, passed on as they are.", show_default=False),
]


@app.command()
def start(ctx: typer.Context, json: Json = False) -> None:
    """Start it if it is not running; print its URL.

    It runs on after the command, until `taxi db stop` or the machine's end. The URL holds the password.
    """
    url = _server(ctx).start()
    if json:
        show_json({"running": True, "url": url})
    else:
        typer.echo(url)
        hint("taxi run green 2021-01 --target postgres")


@app.command()
def stop(ctx: typer.Context) -> None:
    """Stop it; data stay, connections are broken off."""
    talk("stopped" if _server(ctx).stop() else "it was not running")


@app.command()
def url(ctx: typer.Context, json: Json = False) -> None:
    """Print its URL, password included.

    Exit code 1 where it is not running. Example: psql "$(taxi db url)"
    """
    address = _server(ctx).url()
    if json:
        show_json({"running": address is not None, "url": address})
    if address is None:
        raise (
            typer.Exit(1) if json else WarehouseUnavailable("the PostgreSQL is not running", "start it: taxi db start")
        )
    if not json:
        typer.echo(address)


@app.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def psql(ctx: typer.Context, arguments: PsqlArguments = None) -> None:
    """Open psql on it, starting it if it is not running.

    Example: taxi db psql -c "select * from taxi.loaded_months"
    """
    command = [*_server(ctx).psql_command(), *(arguments or [])]
    sys.stdout.flush()
    os.execv(command[0], command)


def _server(ctx: typer.Context) -> EmbeddedPostgres:
    from taxi_pipelines.settings import Settings
    from taxi_pipelines.wiring import build_postgres

    chosen: Globals = ctx.obj
    return build_postgres(Settings.load(home=chosen.home))
