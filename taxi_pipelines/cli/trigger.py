"""The commands `taxi trigger`: what starts flows by itself, and backfills. Prefixes of ids are enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from taxi_pipelines.cli.flow_options import Inputs, Labels, Namespace, open_orchestrator, parse_pairs
from taxi_pipelines.cli.options import Json
from taxi_pipelines.cli.output import show, show_json, show_json_list, talk
from taxi_pipelines.errors import UsageError

if TYPE_CHECKING:
    from taxi_pipelines.orchestrator import Orchestrator
    from taxi_pipelines.scheduler.control import BackfillView

app = typer.Typer(help="Triggers: what starts flows by itself, and backfills of schedules.", rich_markup_mode=None)
backfills_app = typer.Typer(help="Backfills: look at them, pause, resume, cancel, retry.", rich_markup_mode=None)
app.add_typer(backfills_app, name="backfills")

Name = Annotated[str, typer.Argument(metavar="NAMESPACE.FLOW.TRIGGER", help="The trigger.", show_default=False)]
Id = Annotated[
    str, typer.Argument(metavar="ID", help="The backfill; the beginning of its id is enough.", show_default=False)
]
Start = Annotated[
    str,
    typer.Option(
        "--start",
        metavar="MONTH|DAY|TIME",
        help="From this slot on, that one included, as 2021-01.",
        show_default=False,
    ),
]
End = Annotated[
    str,
    typer.Option(
        "--end", metavar="MONTH|DAY|TIME", help="Until the end of this month or day, or this time.", show_default=False
    ),
]
Parallel = Annotated[int, typer.Option("--parallel", min=1, metavar="N", help="So many slots at a time.")]
Force = Annotated[bool, typer.Option("--force", help="Execute slots again that succeeded.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Detach = Annotated[bool, typer.Option("--detach", help="Leave it to the service, and do not wait.")]


@app.command("list")
def list_triggers(ctx: typer.Context, namespace: Namespace = None, json: Json = False) -> None:
    """List triggers with their slots and what runs."""
    from taxi_pipelines.cli import trigger_render
    from taxi_pipelines.scheduler.views import trigger_view

    with open_orchestrator(ctx) as taxi:
        views = taxi.triggers.listed(namespace)
    if json:
        show_json_list([trigger_view(view) for view in views])
    elif views:
        show(trigger_render.triggers(views))
    else:
        talk("no flow that is kept has a trigger; keep one with: taxi flow import PATH")


@app.command("show")
def show_trigger(ctx: typer.Context, name: Name, json: Json = False) -> None:
    """Show one trigger."""
    from taxi_pipelines.cli import trigger_render
    from taxi_pipelines.scheduler.views import trigger_view

    with open_orchestrator(ctx) as taxi:
        view = taxi.triggers.find(name)
    if json:
        show_json(trigger_view(view))
    else:
        show(trigger_render.triggers([view]))


@app.command()
def enable(ctx: typer.Context, name: Name) -> None:
    """Let a trigger fire again, from now on."""
    with open_orchestrator(ctx) as taxi:
        taxi.triggers.enable(name)
    talk(f"{name} is enabled")


@app.command()
def disable(ctx: typer.Context, name: Name) -> None:
    """Let a trigger fire no more; what it started goes on."""
    with open_orchestrator(ctx) as taxi:
        taxi.triggers.disable(name)
    talk(f"{name} is disabled")


@app.command()
def backfill(
    ctx: typer.Context,
    name: Name,
    start: Start,
    end: End,
    parallel: Parallel = 1,
    inputs: Inputs = None,
    labels: Labels = None,
    force: Force = False,
    dry_run: DryRun = False,
    detach: Detach = False,
    json: Json = False,
) -> None:
    """Execute the slots of a schedule between two times.

    Slots that succeeded are skipped, failed ones stop no others. Executed here where no service runs; Ctrl-C pauses it.
    Exit code 1 where a slot failed.
    Example: taxi trigger backfill taxi.load.monthly --start 2021-01 --end 2021-07 --parallel 2
    """
    from taxi_pipelines.cli import trigger_render
    from taxi_pipelines.scheduler.backfills import BackfillRequest
    from taxi_pipelines.scheduler.views import plan_view

    own_labels = parse_pairs("--label", labels)
    if reserved := [key for key in own_labels if key.startswith("system.")]:
        raise UsageError(f"label {reserved[0]!r} cannot be set", "labels that begin with `system.` are reserved")
    request = BackfillRequest(
        trigger=name,
        start=start,
        end=end,
        parallel=parallel,
        inputs=parse_pairs("-i", inputs),
        labels=own_labels,
        force=force,
    )
    with open_orchestrator(ctx) as taxi:
        if dry_run:
            planned = taxi.triggers.plan_backfill(request)
            if json:
                show_json(plan_view(planned))
            else:
                show(trigger_render.plan(planned))
            return
        begun = taxi.triggers.start_backfill(request)
        _go_on(taxi, taxi.triggers.backfill(begun.id), json=json, detach=detach)


@backfills_app.command("list")
def list_backfills(ctx: typer.Context, json: Json = False) -> None:
    """List backfills, the newest first."""
    from taxi_pipelines.cli import trigger_render
    from taxi_pipelines.scheduler.views import backfill_view

    with open_orchestrator(ctx) as taxi:
        views = taxi.triggers.backfills()
    if json:
        show_json_list([backfill_view(view, slots=False) for view in views])
    elif views:
        show(trigger_render.backfills(views))
    else:
        talk("there is no backfill; begin one with: taxi trigger backfill")


@backfills_app.command("show")
def show_backfill(ctx: typer.Context, id: Id, json: Json = False) -> None:
    """Show a backfill, slot by slot."""
    with open_orchestrator(ctx) as taxi:
        _show(taxi.triggers.backfill(id), json=json)


@backfills_app.command()
def pause(ctx: typer.Context, id: Id, json: Json = False) -> None:
    """Let no further slot begin; what runs goes on."""
    _change(ctx, id, lambda taxi: taxi.triggers.pause_backfill(id), json=json)


@backfills_app.command()
def cancel(ctx: typer.Context, id: Id, json: Json = False) -> None:
    """Give up the slots that have not begun; what runs goes on."""
    _change(ctx, id, lambda taxi: taxi.triggers.cancel_backfill(id), json=json)


@backfills_app.command()
def resume(ctx: typer.Context, id: Id, detach: Detach = False, json: Json = False) -> None:
    """Go on with a backfill that is paused, or was left; to its end."""
    from taxi_pipelines.domain.trigger import BackfillState

    with open_orchestrator(ctx) as taxi:
        view = taxi.triggers.backfill(id)
        if view.backfill.state is not BackfillState.RUNNING:
            view = taxi.triggers.resume_backfill(view.backfill.id)
        _go_on(taxi, view, json=json, detach=detach)


@backfills_app.command()
def retry(ctx: typer.Context, id: Id, detach: Detach = False, json: Json = False) -> None:
    """Execute the failed slots again, to the end."""
    with open_orchestrator(ctx) as taxi:
        _go_on(taxi, taxi.triggers.retry_backfill(id), json=json, detach=detach)


def _change(ctx: typer.Context, id: str, change: Callable[[Orchestrator], BackfillView], *, json: bool) -> None:
    with open_orchestrator(ctx) as taxi:
        view = change(taxi)
    if json:
        _show(view, json=True)
    else:
        talk(f"{view.backfill.id} is {view.backfill.state}")


def _go_on(taxi: Orchestrator, view: BackfillView, *, json: bool, detach: bool) -> None:
    """Goes on with a backfill to its end, and says what came of it."""
    from taxi_pipelines.cli.backfill_drive import BackfillDrive
    from taxi_pipelines.domain.trigger import SlotState

    if detach:
        typer.echo(view.backfill.id)
        return
    drive = BackfillDrive(taxi, view, quiet=json)
    has_ended = drive.until_end()
    _show(drive.view, json=json)
    if not has_ended:
        raise typer.Exit(128 + drive.signals[-1])
    if drive.view.counts.get(SlotState.FAILED):
        raise typer.Exit(1)


def _show(view: BackfillView, *, json: bool) -> None:
    from taxi_pipelines.cli import trigger_render
    from taxi_pipelines.scheduler.views import backfill_view

    if json:
        show_json(backfill_view(view))
    else:
        show(trigger_render.backfill(view))
