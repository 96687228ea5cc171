"""The commands on data: query, and the files of the lake."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from taxi_pipelines.cli.options import AnyMonth, AnyType, DryRun, Json, PostgresUrl, Target, open_pipeline
from taxi_pipelines.cli.output import show, show_json_list, talk, terminal_width
from taxi_pipelines.errors import UsageError

Sql = Annotated[
    str,
    typer.Argument(metavar="SQL", help="One statement; tables need no schema's name.", show_default=False),
]
QueryFormat = Annotated[
    Literal["table", "csv", "json", "parquet"] | None,
    typer.Option(
        "--format",
        metavar="table|csv|json|parquet",
        help="How to print: table shows the first 40 rows, the others all. [default: what FILE ends with, else table]",
        show_default=False,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", metavar="FILE", help="Write to a file, whole or not at all; - is stdout.", show_default=False
    ),
]
JsonFormat = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
Keep = Annotated[int, typer.Option("--keep", min=1, metavar="N", help="Versions to keep of every month.")]

_STDOUT = (None, Path("-"), Path("/dev/stdout"))


def query(
    ctx: typer.Context,
    sql: Sql,
    format: QueryFormat = None,
    output: Output = None,
    target: Target = None,
    postgres_url: PostgresUrl = None,
    json: JsonFormat = False,
) -> None:
    """Ask the warehouse in SQL.

    Tables: yellow_tripdata, green_tripdata, fhv_tripdata, fhvhv_tripdata, taxi_zones.
    Example: taxi query "select source_month, count(*) from green_tripdata group by all"
    """
    if json and format not in (None, "json"):
        raise UsageError(f"--json and --format {format} contradict each other", "give one of them")
    path = None if output in _STDOUT else output
    chosen = _choose("json" if json else format, path)
    from taxi_pipelines.cli import export, table

    with (
        open_pipeline(ctx, target=target, postgres_url=postgres_url) as pipeline,
        pipeline.query_batches(sql) as reader,
    ):
        if chosen == "table":
            shown = table.first_rows(reader, terminal_width())
            show(shown.rendered)
            if shown.note:
                talk(shown.note)
        elif path is None:
            export.write(reader, chosen, sys.stdout.buffer)
        else:
            rows = export.write_file(reader, chosen, path)
            talk(f"wrote {rows:,} rows to {path}")


def _choose(format: str | None, output: Path | None) -> str:
    ending = output.suffix.lstrip(".").lower() if output else ""
    chosen = format or (ending if ending in ("csv", "json", "parquet") else "table")
    if chosen == "table" and output:
        raise UsageError("a table is for the screen", f"write {output} with --format csv, json or parquet")
    if chosen == "parquet" and not output and sys.stdout.isatty():
        raise UsageError("Parquet is not for a terminal", "name a file with -o FILE")
    return chosen


def lake_ls(ctx: typer.Context, type: AnyType = None, month: AnyMonth = None, json: Json = False) -> None:
    """List the published files in the lake, all versions."""
    from taxi_pipelines.cli import render

    with open_pipeline(ctx) as pipeline:
        items = pipeline.lake_versions(type, month)
    if json:
        show_json_list([item.manifest.to_dict() | {"location": item.location} for item in items])
    elif items:
        show(render.lake(items))
    else:
        talk("the lake has no such file")


def lake_prune(
    ctx: typer.Context,
    keep: Keep,
    dry_run: DryRun = False,
    target: Target = None,
    postgres_url: PostgresUrl = None,
    json: Json = False,
) -> None:
    """Remove old versions from lake and warehouse.

    Never the published one. Prints what is removed. Example: taxi lake prune --keep 2 --dry-run
    """
    with open_pipeline(ctx, target=target, postgres_url=postgres_url) as pipeline:
        removed = pipeline.lake_prune(keep=keep, dry_run=dry_run)
    if json:
        show_json_list(removed)
        return
    for name in removed:
        typer.echo(name)
    versions = "1 version" if len(removed) == 1 else f"{len(removed):,} versions"
    talk(f"would remove {versions}" if dry_run else f"removed {versions}")
