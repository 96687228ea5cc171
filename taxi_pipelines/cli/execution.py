"""The commands `taxi execution`: look at executions, and ask something of them. Prefixes of ids are enough."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from taxi_pipelines.cli.flow import exit_code, finish
from taxi_pipelines.cli.flow_options import Inputs, Namespace, open_orchestrator, parse_pairs
from taxi_pipelines.cli.options import Json
from taxi_pipelines.cli.output import show, show_json, show_json_list, talk, terminal_width
from taxi_pipelines.domain.states import State
from taxi_pipelines.errors import UsageError

if TYPE_CHECKING:
    from taxi_pipelines.cli.drive import Drive
    from taxi_pipelines.domain.execution import Execution
    from taxi_pipelines.domain.records import Level
    from taxi_pipelines.orchestrator import Orchestrator

app = typer.Typer(help="Runs of flows: look at them, kill, restart, replay.", rich_markup_mode=None)

LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR")
LOOK_SECONDS = 0.3

Id = Annotated[
    str, typer.Argument(metavar="ID", help="The execution; the beginning of its id is enough.", show_default=False)
]
FlowName = Annotated[
    str | None, typer.Option("--flow", metavar="[NAMESPACE.]ID", help="Only of this flow.", show_default=False)
]
States = Annotated[
    list[str] | None,
    typer.Option(
        "--state",
        metavar="STATE",
        help="Only in this state, as FAILED. May be repeated.",
        autocompletion=lambda: [str(state) for state in State],
        show_default=False,
    ),
]
Limit = Annotated[int, typer.Option("--limit", min=1, metavar="N", help="So many at most.")]
LevelOption = Annotated[
    str,
    typer.Option(
        "--level",
        metavar="LEVEL",
        help=f"Only lines of this level or worse: {', '.join(LEVELS)}.",
        autocompletion=lambda: list(LEVELS),
    ),
]
Task = Annotated[str | None, typer.Option("--task", metavar="ID", help="Only of this task.", show_default=False)]
Follow = Annotated[bool, typer.Option("--follow", help="Go on until the execution has ended.")]
Detach = Annotated[bool, typer.Option("--detach", help="Do not wait for its end.")]
From = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="TASK", help="Task, or task run, to begin from. [default: the start]", show_default=False
    ),
]


@app.command("list")
def list_executions(
    ctx: typer.Context,
    flow: FlowName = None,
    state: States = None,
    namespace: Namespace = None,
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """List executions, the newest first."""
    from taxi_pipelines.cli import flow_render
    from taxi_pipelines.engine.views import summary_view
    from taxi_pipelines.flow_interfaces import ExecutionFilter, Page

    states = frozenset(_state(name) for name in state) if state else None
    with open_orchestrator(ctx) as taxi:
        place, flow_id = _flow_wanted(taxi, flow, namespace)
        wanted = ExecutionFilter(namespace=place, flow_id=flow_id, states=states)
        found = taxi.control.executions(wanted, Page(limit=limit))
        if json:
            show_json_list([summary_view(execution) for execution in found])
        elif found:
            show(flow_render.executions(found, taxi.parts.clock()))
        else:
            talk("there is no such execution" if flow or state or namespace else "nothing has been executed yet")


def _state(name: str) -> State:
    try:
        return State(name.upper())
    except ValueError as error:
        raise UsageError(f"--state {name} is not a state", f"valid are {', '.join(State)}") from error


def _flow_wanted(taxi: Orchestrator, flow: str | None, namespace: str | None) -> tuple[str | None, str | None]:
    """Namespace and id to look for; the id alone is any namespace's."""
    if flow is None or "." not in flow:
        return namespace, flow
    if namespace is not None:
        raise UsageError(f"--flow {flow} has a namespace", "leave out --namespace")
    stored = taxi.stored_flow(flow)
    return stored.namespace, stored.id


@app.command("show")
def show_execution(ctx: typer.Context, id: Id, json: Json = False) -> None:
    """Show an execution: its task runs with reasons, inputs, outputs."""
    from taxi_pipelines.cli import flow_render
    from taxi_pipelines.cli.watched import Watched

    with open_orchestrator(ctx) as taxi:
        execution = taxi.control.execution(id)
        view = taxi.view(execution)
        runs = taxi.task_runs(execution.id)
        now = taxi.parts.clock()
    if json:
        show_json(view)
        return
    watched = Watched(execution)
    watched.take((), runs)
    show(flow_render.execution(watched, view, now, terminal_width()))


@app.command()
def logs(ctx: typer.Context, id: Id, level: LevelOption = "TRACE", task: Task = None, follow: Follow = False) -> None:
    """Print the log of an execution."""
    if level.upper() not in LEVELS:
        raise UsageError(f"--level {level} is not a level", f"valid are {', '.join(LEVELS)}")
    from taxi_pipelines.domain.records import Level

    with open_orchestrator(ctx) as taxi:
        execution = taxi.control.execution(id)
        after = _print_lines(taxi, execution.id, 0, Level(level.upper()), task)
        while follow and not execution.state.has_ended:
            if not taxi.has_living_engine():
                talk(f"no process drives it now; go on with it: taxi execution follow {execution.id}")
                return
            time.sleep(LOOK_SECONDS)
            execution = taxi.control.execution(execution.id)
            after = _print_lines(taxi, execution.id, after, Level(level.upper()), task)


def _print_lines(taxi: Orchestrator, id: str, after: int, level: Level, task: str | None) -> int:
    """Prints the lines after that number; the last one's."""
    from taxi_pipelines.cli.flow_render import log_line

    values: dict[str, str | None] | None = None
    for line in taxi.lines(id, after=after, level=level, task_id=task):
        if line.task_run_id and (values is None or line.task_run_id not in values):
            values = {run.id: run.value for run in taxi.task_runs(id)}
        typer.echo(log_line(line, values.get(line.task_run_id) if values and line.task_run_id else None))
        after = line.number
    return after


@app.command()
def follow(ctx: typer.Context, id: Id, json: Json = False) -> None:
    """Show live what runs; go on with it where nobody does.

    Exit code as `taxi flow run`. Ctrl-C stops watching, and leaves the execution alone.
    """
    _watch(ctx, id, None, json=json, kills=False)


@app.command()
def kill(ctx: typer.Context, id: Id) -> None:
    """Stop an execution and all that runs in it."""
    _ask(ctx, id, lambda taxi, execution: taxi.control.kill(execution), lambda drive: drive.until_end())


@app.command()
def pause(ctx: typer.Context, id: Id) -> None:
    """Let nothing more begin until it is resumed; what runs goes on."""
    _ask(ctx, id, lambda taxi, execution: taxi.control.pause(execution), lambda drive: drive.until_changed())


@app.command()
def resume(ctx: typer.Context, id: Id, inputs: Inputs = None, detach: Detach = False, json: Json = False) -> None:
    """Go on with a paused execution, to its end.

    -i gives what the pause asks for. Example: taxi execution resume 3f9a -i approved=true
    """
    given = parse_pairs("-i", inputs)
    _watch(
        ctx, id, lambda taxi, execution: taxi.control.resume(execution, given), json=json, kills=False, detach=detach
    )


@app.command()
def restart(ctx: typer.Context, id: Id, detach: Detach = False, json: Json = False) -> None:
    """Try again what failed, in the same execution, to its end.

    What ended well is kept. Ctrl-C kills it.
    """
    _watch(ctx, id, lambda taxi, execution: taxi.control.restart(execution), json=json, kills=True, detach=detach)


@app.command()
def replay(ctx: typer.Context, id: Id, task: From = None, detach: Detach = False, json: Json = False) -> None:
    """Run it again as a new execution, from the start or a task.

    The outputs of the tasks before are kept. Ctrl-C kills it. Example: taxi execution replay 3f9a --from load
    """
    from taxi_pipelines.cli.drive import driving

    with open_orchestrator(ctx) as taxi:
        again = taxi.control.replay(taxi.control.execution(id), task)
        if not detach:
            with driving(taxi, again, kills=True, quiet=json) as drive:
                drive.catch_up()
                done = drive.until_end()
            _end(taxi, drive, done, json=json)
    _say_id(again, json=json)


Ask = Callable[["Orchestrator", "Execution"], None]


def _ask(ctx: typer.Context, id: str, ask: Ask, wait: Callable[[Drive], bool]) -> None:
    """Asks something of an execution, and waits until it is done; here, where no engine lives."""
    from taxi_pipelines.cli.drive import driving

    with open_orchestrator(ctx) as taxi:
        execution = taxi.control.execution(id)
        with driving(taxi, execution, quiet=True) as drive:
            drive.catch_up()
            ask(taxi, execution)
            done = wait(drive)
        if not done:
            raise typer.Exit(exit_code(drive, has_ended=False))
        talk(f"{drive.execution.id} is {drive.execution.state}")


def _watch(ctx: typer.Context, id: str, ask: Ask | None, *, json: bool, kills: bool, detach: bool = False) -> None:
    """Asks something of an execution, if so, and shows what comes of it, to its end."""
    from taxi_pipelines.cli.drive import driving

    with open_orchestrator(ctx) as taxi:
        execution = taxi.control.execution(id)
        with driving(taxi, execution, kills=kills, quiet=json or detach) as drive:
            drive.catch_up()
            if ask is None:
                drive.show()
            else:
                ask(taxi, execution)
            done = (ask is None or drive.until_changed()) and (detach or drive.until_end())
        if not (detach and done):
            _end(taxi, drive, done, json=json)
    _say_id(drive.execution, json=json)


def _end(taxi: Orchestrator, drive: Drive, has_ended: bool, *, json: bool) -> NoReturn:
    """Prints what came of it, and ends with its exit code."""
    if has_ended:
        finish(taxi, drive.execution, json=json)
    raise typer.Exit(exit_code(drive, has_ended=has_ended))


def _say_id(execution: Execution, *, json: bool) -> None:
    if json:
        show_json({"id": execution.id, "state": str(execution.state)})
    else:
        typer.echo(execution.id)
