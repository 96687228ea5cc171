"""The commands on months: run, backfill, plan, status, verify, rollback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from taxi_pipelines.cli.options import (
    DryRun,
    End,
    Force,
    Format,
    Json,
    MonthlyType,
    OneMonth,
    PostgresUrl,
    SomeMonths,
    Source,
    Start,
    Strategy,
    Target,
    Type,
    open_pipeline,
)
from taxi_pipelines.cli.output import hint, one_line, show, show_json, show_json_list, talk
from taxi_pipelines.domain.month import Month, month_range

if TYPE_CHECKING:
    from taxi_pipelines.domain.outcome import Outcome
    from taxi_pipelines.domain.plan import PlannedMonth

Parallel = Annotated[int, typer.Option("--parallel", min=1, metavar="N", help="Months that are loaded at a time.")]


def run(
    ctx: typer.Context,
    type: Type,
    month: OneMonth = None,
    source: Source = None,
    target: Target = None,
    postgres_url: PostgresUrl = None,
    strategy: Strategy = None,
    format: Format = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Load one month: extract, load, merge, check; print its receipt.

    An unchanged month is only answered. Example: taxi run green 2021-01
    """
    from taxi_pipelines.cli import progress, render
    from taxi_pipelines.taxi.types import find_type

    with (
        progress.showing(quiet=json) as shown,
        open_pipeline(
            ctx,
            source=source,
            target=target,
            postgres_url=postgres_url,
            strategy=strategy,
            format=format,
            progress=shown,
        ) as pipeline,
    ):
        receipt = pipeline.run(type, month, force=force)
    if json:
        show_json(receipt.to_dict())
        return
    show(render.receipt(receipt))
    hint(f'taxi query "select count(*) from {find_type(type).table}"')


def backfill(
    ctx: typer.Context,
    type: MonthlyType,
    start: Start,
    end: End,
    parallel: Parallel = 1,
    source: Source = None,
    target: Target = None,
    postgres_url: PostgresUrl = None,
    strategy: Strategy = None,
    format: Format = None,
    force: Force = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Load the missing and the republished months of a range.

    Goes on past a failed month; unchanged ones are skipped, unpublished ones wait.
    Example: taxi backfill green 2021-01 2021-05 --parallel 2
    """
    if dry_run:
        plan(ctx, type, start, end, source, target, postgres_url, strategy, format, force, json)
        return

    from taxi_pipelines.cli import progress, render

    months = len(list(month_range(Month.parse(start), Month.parse(end))))
    with (
        progress.showing(quiet=json, months=months) as shown,
        open_pipeline(
            ctx,
            source=source,
            target=target,
            postgres_url=postgres_url,
            strategy=strategy,
            format=format,
            progress=shown,
        ) as pipeline,
    ):
        outcomes = pipeline.backfill(
            type, start, end, parallel=parallel, force=force, on_outcome=_show_outcome if json else None
        )
    if not json:
        show(render.outcomes(outcomes))
    _end_with_failures(outcomes, say=not json)


def _show_outcome(outcome: Outcome) -> None:
    show_json(outcome.to_dict())


def _end_with_failures(outcomes: list[Outcome], *, say: bool) -> None:
    failed = [outcome for outcome in outcomes if outcome.error]
    for outcome in failed if say else ():
        assert outcome.error
        talk(f"{outcome.planned.type} {outcome.planned.month}  {one_line(outcome.error.code, str(outcome.error))}")
    if failed:
        raise typer.Exit(1)


def plan(
    ctx: typer.Context,
    type: MonthlyType,
    start: Start,
    end: End,
    source: Source = None,
    target: Target = None,
    postgres_url: PostgresUrl = None,
    strategy: Strategy = None,
    format: Format = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Say what a backfill would do, month by month.

    Changes nothing; for BigQuery it also says what queries would cost. Exit code 1 where the source cannot be asked.
    Example: taxi plan green 2021-01 2021-05
    """
    from taxi_pipelines.cli import render

    with open_pipeline(
        ctx, source=source, target=target, postgres_url=postgres_url, strategy=strategy, format=format
    ) as pipeline:
        lines = pipeline.plan(type, start, end, force=force)
    if json:
        show_json_list([line.to_dict() for line in lines])
    else:
        show(render.plan(lines))
    _end_with_unplanned(lines)


def _end_with_unplanned(lines: list[PlannedMonth]) -> None:
    if any(line.error for line in lines):
        raise typer.Exit(1)


def status(ctx: typer.Context, target: Target = None, postgres_url: PostgresUrl = None, json: Json = False) -> None:
    """Show the grid of months: rows, what failed and why."""
    from taxi_pipelines.cli import grid

    with open_pipeline(ctx, target=target, postgres_url=postgres_url) as pipeline:
        months = pipeline.status()
        home = pipeline.home
    if json:
        show_json_list([month.to_dict() for month in months])
    else:
        show(grid.status(months, home))


def verify(
    ctx: typer.Context,
    type: Type,
    months: SomeMonths = None,
    target: Target = None,
    postgres_url: PostgresUrl = None,
    json: Json = False,
) -> None:
    """Prove that the table's rows are the file's, one by one.

    Exit code 1 where a month differs. Example: taxi verify green 2021-01
    """
    from taxi_pipelines.cli import progress, render

    with (
        progress.showing(quiet=json) as shown,
        open_pipeline(ctx, target=target, postgres_url=postgres_url, progress=shown) as pipeline,
    ):
        results = pipeline.verify(type, months or ())
    if json:
        show_json_list([result.to_dict() for result in results])
    else:
        show(render.verifications(results))
    if not all(result.ok for result in results):
        raise typer.Exit(1)


def rollback(
    ctx: typer.Context,
    type: Type,
    month: OneMonth = None,
    target: Target = None,
    postgres_url: PostgresUrl = None,
    json: Json = False,
) -> None:
    """Put the version before the published one back.

    Example: taxi rollback green 2021-01
    """
    from taxi_pipelines.cli import progress, render

    with (
        progress.showing(quiet=json) as shown,
        open_pipeline(ctx, target=target, postgres_url=postgres_url, progress=shown) as pipeline,
    ):
        receipt = pipeline.rollback(type, month)
    if json:
        show_json(receipt.to_dict())
    else:
        show(render.receipt(receipt))
