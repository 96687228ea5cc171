"""What the commands share: arguments and options with their help, the global options, and the pipeline they open.

Nothing here imports the pipeline at the top, so that `taxi --help` stays fast.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from taxi_pipelines.interfaces import Progress
    from taxi_pipelines.pipeline import Pipeline


@dataclass(slots=True)
class Globals:
    """The options before the command; the application fills them in."""

    home: Path | None = None
    debug: bool = False


def _types() -> list[str]:
    from taxi_pipelines.taxi.types import ALL

    return list(ALL)


def _monthly_types() -> list[str]:
    from taxi_pipelines.taxi.types import MONTHLY

    return list(MONTHLY)


Type = Annotated[
    str,
    typer.Argument(
        metavar="TYPE",
        help="Taxi type: yellow, green, fhv, fhvhv or zones (the table of taxi zones).",
        autocompletion=_types,
        show_default=False,
    ),
]
MonthlyType = Annotated[
    str,
    typer.Argument(
        metavar="TYPE",
        help="Taxi type: yellow, green, fhv or fhvhv.",
        autocompletion=_monthly_types,
        show_default=False,
    ),
]
AnyType = Annotated[
    str | None,
    typer.Argument(
        metavar="TYPE",
        help="Only this taxi type.",
        autocompletion=_types,
        show_default=False,
    ),
]
OneMonth = Annotated[
    str | None,
    typer.Argument(metavar="MONTH", help="Month of the file, as YYYY-MM; none for zones.", show_default=False),
]
AnyMonth = Annotated[
    str | None, typer.Argument(metavar="MONTH", help="Only this month, as YYYY-MM.", show_default=False)
]
SomeMonths = Annotated[
    list[str] | None,
    typer.Argument(metavar="MONTH...", help="Months, as YYYY-MM; none means all that are loaded.", show_default=False),
]
Start = Annotated[str, typer.Argument(metavar="START", help="First month, as YYYY-MM.", show_default=False)]
End = Annotated[str, typer.Argument(metavar="END", help="Last month, included, as YYYY-MM.", show_default=False)]

Source = Annotated[
    str | None,
    typer.Option(
        "--source",
        metavar="URL|DIR",
        help="Where the files are published: base URL or folder. [default: TAXI_SOURCE, else the TLC's CDN]",
        show_default=False,
    ),
]
Target = Annotated[
    str | None,
    typer.Option(
        "--target",
        metavar="NAME",
        autocompletion=lambda: ["duckdb", "postgres", "bigquery"],
        help="Warehouse: duckdb, postgres or bigquery. [default: TAXI_TARGET, else duckdb]",
        show_default=False,
    ),
]
PostgresUrl = Annotated[
    str | None,
    typer.Option(
        "--postgres-url",
        metavar="URL",
        help="PostgreSQL server for --target postgres. [default: TAXI_POSTGRES_URL, else an embedded one]",
        show_default=False,
    ),
]
Strategy = Annotated[
    Literal["replace", "merge"] | None,
    typer.Option(
        "--strategy",
        metavar="replace|merge",
        help="Swap the month as a whole, or (not duckdb) only rows that changed. [default: TAXI_STRATEGY, else replace]",
        show_default=False,
    ),
]
Format = Annotated[
    Literal["parquet", "csv"] | None,
    typer.Option(
        "--format",
        metavar="parquet|csv",
        help="Edition to prefer where a month is published in both. [default: TAXI_FORMAT, else parquet]",
        show_default=False,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Load again what is unchanged.")]
Json = Annotated[bool, typer.Option("--json", help="Print data as JSON instead of text.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, do nothing.")]


def open_pipeline(
    ctx: typer.Context,
    *,
    source: str | None = None,
    target: str | None = None,
    format: str | None = None,
    strategy: str | None = None,
    postgres_url: str | None = None,
    progress: Progress | None = None,
) -> Pipeline:
    """The pipeline that global options, variables and taxi.toml describe; touches nothing yet. Raises UsageError."""
    from taxi_pipelines.pipeline import Pipeline

    chosen: Globals = ctx.obj
    return Pipeline(
        home=chosen.home,
        source=source,
        target=target,
        format=format,
        strategy=strategy,
        postgres_url=postgres_url,
        progress=progress,
    )
