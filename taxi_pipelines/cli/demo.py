"""`taxi demo`: three months end to end, from the TLC's CDN or, where it cannot be reached, from generated files."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import typer

from taxi_pipelines.cli.options import Globals
from taxi_pipelines.cli.output import show, talk, terminal_width

if TYPE_CHECKING:
    from taxi_pipelines.domain.receipt import Receipt
    from taxi_pipelines.settings import Settings

TYPE = "green"
MONTHS = {"2021-01": 60_000, "2021-02": 50_000, "2025-01": 40_000}
"""Two consecutive months and one of another schema; with the rows of each where they are generated."""

PATIENCE_SECONDS = 5.0
SYNTHETIC = "SYNTHETIC DATA: generated months, same schemas and quirks as the TLC's, no real trips"
QUESTION = """\
select source_month, count(*) as trips, round(sum(total_amount), 2) as revenue,
       round(avg(trip_distance), 2) as miles
from green_tripdata group by all order by all"""


def demo(ctx: typer.Context) -> None:
    """Load three months of green trips and look at them.

    From TAXI_SOURCE, else the TLC's CDN; where that cannot be reached within 5 seconds, from generated months.
    """
    from taxi_pipelines.settings import Settings

    chosen: Globals = ctx.obj
    run_demo(Settings.load(home=chosen.home))


def run_demo(settings: Settings) -> None:
    """Loads, then shows the grid, a receipt and an answer. Its home is the folder `demo` in that of the settings."""
    home = settings.home / "demo"
    with _source(settings) as (source, is_synthetic):
        receipts = _load(settings.model_copy(update={"home": home, "source": source}))
    _show(settings.model_copy(update={"home": home}), receipts, is_synthetic=is_synthetic)
    talk(_what_next(home))


@contextmanager
def _source(settings: Settings) -> Iterator[tuple[str, bool]]:
    """Where the months come from, and whether they are generated."""
    first = f"{settings.source}/{TYPE}_tripdata_{min(MONTHS)}.parquet"
    trouble = _trouble(first) if settings.source_is_default else ""
    if not trouble:
        talk(f"source: {settings.source}\n")
        yield settings.source, False
        return

    from taxi_pipelines.synthetic.server import serve

    talk(f"{settings.source} cannot be reached ({trouble}), so this is\n{SYNTHETIC}\n")
    with TemporaryDirectory(prefix="taxi-demo-") as folder:
        _generate(Path(folder))
        with serve(Path(folder)) as address:
            yield f"{address}/trip-data", True


def _generate(folder: Path) -> None:
    from taxi_pipelines.domain.month import Month
    from taxi_pipelines.synthetic.files import write_month

    for month, rows in MONTHS.items():
        write_month(folder / "trip-data", TYPE, Month.parse(month), rows)


def _trouble(url: str) -> str:
    """Why the file cannot be had in time, in a few words; empty where it can.

    Asked in a thread, because looking up a name has no time limit of its own.
    """
    answers: list[str] = []
    asking = threading.Thread(target=lambda: answers.append(_head(url)), daemon=True)
    asking.start()
    asking.join(PATIENCE_SECONDS)
    return answers[0] if answers else f"no answer within {PATIENCE_SECONDS:g} s"


def _head(url: str) -> str:
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    try:
        with urlopen(Request(url, method="HEAD"), timeout=PATIENCE_SECONDS):
            return ""
    except HTTPError as error:
        with error:
            return f"HTTP {error.code}"
    except (OSError, HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else error
        return getattr(reason, "strerror", None) or str(reason)


def _load(settings: Settings) -> list[Receipt]:
    from taxi_pipelines.cli import progress
    from taxi_pipelines.pipeline import Pipeline

    with progress.showing(months=len(MONTHS)) as shown, Pipeline(settings=settings, progress=shown) as pipeline:
        return [pipeline.run(TYPE, month) for month in MONTHS]


def _show(settings: Settings, receipts: list[Receipt], *, is_synthetic: bool) -> None:
    from taxi_pipelines.cli import grid, render, table
    from taxi_pipelines.pipeline import Pipeline

    with Pipeline(settings=settings) as pipeline:
        _headline("taxi status", first=True)
        show(grid.status(pipeline.status(), pipeline.home))
        _headline("the receipt of one month")
        show(render.receipt(receipts[-1]))
        _headline(f'taxi query "{QUESTION}"')
        with pipeline.query_batches(QUESTION) as reader:
            show(table.first_rows(reader, terminal_width()).rendered)
    if is_synthetic:
        typer.echo(f"\n{SYNTHETIC}")


def _headline(text: str, *, first: bool = False) -> None:
    typer.echo(text if first else f"\n{text}")


def _what_next(home: Path) -> str:
    where = f"TAXI_HOME={home}"
    return f"""
try:
  {where} taxi verify green
  {where} taxi query "select * from green_tripdata limit 5"
  taxi run yellow 2024-01"""
