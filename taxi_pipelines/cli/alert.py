"""The command `taxi alert`: whether messages arrive where the rules of taxi.toml send them."""

from __future__ import annotations

import typer

from taxi_pipelines.cli.options import Globals, Json
from taxi_pipelines.cli.output import show_json_list
from taxi_pipelines.errors import UsageError

app = typer.Typer(help="Messages about executions that failed or are late.", rich_markup_mode=None)


@app.callback()
def alerts() -> None:
    """Messages about executions that failed or are late."""


@app.command()
def test(ctx: typer.Context, json: Json = False) -> None:
    """Send a test message to the place of each rule.

    Exit code 1 where one does not arrive. Rules are [[alerts]] in taxi.toml.
    """
    from taxi_pipelines.flow_wiring import build_alerts
    from taxi_pipelines.orchestrator import Orchestrator
    from taxi_pipelines.settings import Settings

    chosen: Globals = ctx.obj
    settings = Settings.load(home=chosen.home)
    with Orchestrator(settings=settings) as taxi:
        sender = build_alerts(taxi.parts, settings)
        if sender is None:
            raise UsageError("there are no rules for alerts", "write [[alerts]] in taxi.toml, with on and to")
        found = sender.test()
    if json:
        show_json_list([{"to": str(place), "sent": reason is None, "error": reason} for place, reason in found.items()])
    else:
        for place, reason in found.items():
            typer.echo(f"{place}: {'sent' if reason is None else reason}")
    if any(found.values()):
        raise typer.Exit(1)
