"""The command that looks after the installation: home folder, disk, source, warehouse, versions."""

from __future__ import annotations

from typing import Annotated

import typer

from taxi_pipelines.cli.options import Json, PostgresUrl, Source, Target, open_pipeline
from taxi_pipelines.cli.output import show, show_json_list

Fix = Annotated[bool, typer.Option("--fix", help="Mend what can be mended, for example a moved home folder.")]


def doctor(
    ctx: typer.Context,
    fix: Fix = False,
    source: Source = None,
    target: Target = None,
    postgres_url: PostgresUrl = None,
    json: Json = False,
) -> None:
    """Check that everything is in order; say what to do.

    Looks at home folder, disk space, source, warehouse and versions; where lake or warehouse are on Google Cloud also at
    credentials, project, bucket, datasets, their location, rights and clock. Exit code 1 where something is wrong.
    """
    from taxi_pipelines.cli import render

    with open_pipeline(ctx, source=source, target=target, postgres_url=postgres_url) as pipeline:
        findings = pipeline.doctor(fix=fix)
    if json:
        show_json_list([finding.to_dict() for finding in findings])
    else:
        show(render.findings(findings))
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)
