"""The commands `taxi gcp`: what Google Cloud must have before the first month can be loaded there."""

from __future__ import annotations

from contextlib import ExitStack

import typer

from taxi_pipelines.cli.options import Globals, Json
from taxi_pipelines.cli.output import hint, show_json, talk

app = typer.Typer(rich_markup_mode=None)


@app.callback()
def gcp() -> None:
    """Google Cloud: the bucket and the datasets."""  # one command alone would be `taxi gcp` itself


@app.command()
def setup(ctx: typer.Context, json: Json = False) -> None:
    """Make the bucket and the datasets that are missing.

    As taxi.toml and TAXI_* variables name them: project, dataset, location, lake. Safe to repeat: what is there is not changed.
    """
    from taxi_pipelines.settings import Settings
    from taxi_pipelines.wiring import build_google, lake_bucket

    chosen: Globals = ctx.obj
    settings = Settings.load(home=chosen.home)
    with ExitStack() as closing:
        clients = build_google(settings, closing)
        from taxi_pipelines.gcp.setup import set_up

        bucket = lake_bucket(settings)
        for step in set_up(clients, bucket=bucket, dataset=settings.dataset, keep_clean=settings.keep_clean):
            if json:
                show_json(step.to_dict())
            else:
                typer.echo(f"{step.name}  {step.detail}")
        if bucket is None:
            talk('no bucket: the lake is a folder (for one in Cloud Storage: lake = "gs://BUCKET/PREFIX")')
    if not json:
        hint("taxi doctor --target bigquery")
