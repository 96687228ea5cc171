"""The commands `taxi flow`: run one, validate files, keep flows and look at them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from taxi_pipelines.cli.flow_options import Inputs, Labels, Namespace, open_orchestrator, parse_pairs
from taxi_pipelines.cli.options import DryRun, Json
from taxi_pipelines.cli.output import hint, show, show_json, show_json_list, talk
from taxi_pipelines.errors import UsageError

if TYPE_CHECKING:
    from taxi_pipelines.cli.drive import Drive
    from taxi_pipelines.domain.execution import Execution
    from taxi_pipelines.domain.flow import Flow
    from taxi_pipelines.domain.records import StoredFlow
    from taxi_pipelines.orchestrator import Orchestrator

app = typer.Typer(help="Flows: YAML files in Kestra's language.", rich_markup_mode=None)

MONTH_TASKS = "taxi_pipelines.month_tasks:prepare"
"""What a worker imports early for flows about months: a second that the first task need not wait."""

FileOrName = Annotated[
    str,
    typer.Argument(metavar="FILE", help="A flow's file, or NAMESPACE.ID of one that is kept.", show_default=False),
]
Paths = Annotated[
    list[Path],
    typer.Argument(metavar="PATH...", help="Files, and folders with all .yaml and .yml below.", show_default=False),
]
Name = Annotated[str, typer.Argument(metavar="NAMESPACE.ID", help="The flow.", show_default=False)]
AnyName = Annotated[
    str | None, typer.Argument(metavar="NAMESPACE.ID", help="The flow; none means several.", show_default=False)
]
SlotOption = Annotated[
    str | None,
    typer.Option(
        "--slot",
        metavar="MONTH|TIME",
        help="Run as the schedule would: `trigger` is its first slot from then on, as 2021-03 or 2021-03-01T09:00.",
        show_default=False,
    ),
]
TriggerOption = Annotated[
    str | None,
    typer.Option("--trigger", metavar="ID", help="Which of the flow's schedules has the slot.", show_default=False),
]
Revision = Annotated[
    int | None,
    typer.Option("--revision", min=1, metavar="N", help="This revision. [default: the newest]", show_default=False),
]
To = Annotated[
    Path | None,
    typer.Option(
        "--to", metavar="DIR", help="Write a file per flow, NAMESPACE.ID.yaml, into this folder.", show_default=False
    ),
]


@app.command()
def run(
    ctx: typer.Context,
    flow: FileOrName,
    inputs: Inputs = None,
    labels: Labels = None,
    slot: SlotOption = None,
    trigger: TriggerOption = None,
    json: Json = False,
) -> None:
    """Run a flow to its end; print its outputs.

    Needs no server. A changed file is kept as a new revision; subflows are found beside it and among the flows kept.
    Ctrl-C kills the execution. Exit code 1 where it does not end in SUCCESS or WARNING.
    Example: taxi flow run hello.yaml -i name=world
    """
    if trigger and slot is None:
        raise UsageError("--trigger chooses whose slot --slot means", "give a slot, such as --slot 2021-03")
    with open_orchestrator(ctx, prepare=MONTH_TASKS if _is_about_months(flow) else None) as taxi:
        from taxi_pipelines.cli.drive import driving

        execution = _new_execution(taxi, _flow(taxi, flow), inputs, labels, slot, trigger)
        with driving(taxi, execution, kills=True, quiet=json) as drive:
            drive.start_engine().submit(execution)
            has_ended = drive.until_end()
        if has_ended:
            finish(taxi, drive.execution, json=json)
    raise typer.Exit(exit_code(drive, has_ended=has_ended))


def _is_about_months(given: str) -> bool:
    """Whether a file's text looks as if it had tasks of ours; a wrong guess costs a moment."""
    try:
        return "type: taxi." in Path(given).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False


def _flow(taxi: Orchestrator, given: str) -> Flow:
    """The flow of a file, which is kept, or of a name."""
    path = Path(given)
    if path.is_file() or path.suffix.lower() in (".yaml", ".yml") or "/" in given:
        return taxi.save_file(path)
    stored = taxi.stored_flow(given)
    return taxi.control.flow(stored.namespace, stored.id)


def _new_execution(
    taxi: Orchestrator,
    flow: Flow,
    inputs: list[str] | None,
    labels: list[str] | None,
    slot: str | None,
    trigger: str | None,
) -> Execution:
    values: dict[str, Any] = parse_pairs("-i", inputs)
    files = {
        one.id: Path(values.pop(one.id).removeprefix("@")) for one in flow.inputs if _is_path(one.type, values, one.id)
    }
    values = {name: _read(name, value) for name, value in values.items()}
    chosen: dict[str, Any] = {}
    own_labels = parse_pairs("--label", labels)
    if reserved := [key for key in own_labels if key.startswith("system.")]:
        raise UsageError(f"label {reserved[0]!r} cannot be set", "labels that begin with `system.` are reserved")
    if slot is not None:
        from taxi_pipelines.engine.slot import find_slot

        found = find_slot(taxi.parts, flow, slot, values, trigger_id=trigger)
        values = {**found.inputs, **values}
        own_labels = {**found.labels, **own_labels}
        chosen["trigger"] = found.trigger
    return taxi.control.make_execution(flow, values, files=files, labels=own_labels, **chosen)


def _is_path(type: str, values: dict[str, Any], id: str) -> bool:
    return type == "FILE" and id in values and not values[id].startswith("kestra://")


def _read(name: str, value: str) -> str:
    """`@path` is the text of a file."""
    if not value.startswith("@"):
        return value
    try:
        return Path(value[1:]).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"input {name!r}: {value[1:]} cannot be read: {error.strerror}", "give a file's path"
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"input {name!r}: {value[1:]} is not UTF-8 text", "make it an input of type FILE") from error


def finish(taxi: Orchestrator, execution: Execution, *, json: bool) -> None:
    """Prints what came of an execution."""
    from taxi_pipelines.domain.text import plain_text

    if json:
        show_json(taxi.view(execution))
        return
    for name, value in execution.outputs.items():
        typer.echo(f"{name}: {plain_text(value)}")
    if execution.state.has_failed:
        hint(f"taxi execution logs {execution.id}")


def exit_code(drive: Drive, *, has_ended: bool) -> int:
    """Of a command that ran an execution, or was stopped by a signal before its end."""
    return int(drive.execution.state.has_failed) if has_ended else 128 + drive.signals[-1]


@app.command()
def validate(ctx: typer.Context, paths: Paths, json: Json = False) -> None:
    """List every problem of every file.

    As file:line:column: path: message; hint. Exit code 1 where there is one. Example: taxi flow validate flows/
    """
    from taxi_pipelines.flow_files import problems_of, read_all
    from taxi_pipelines.tasks.registry import REGISTRY

    files = read_all(paths, REGISTRY)
    problems = problems_of(files)
    wrong = {problem.file for problem in problems}
    fine = sum(str(file.path) not in wrong for file in files)
    if json:
        show_json_list([problem.to_dict() for problem in problems])
    else:
        for problem in problems:
            typer.echo(problem)
        said = f"{_count(len(problems), 'problem')} in {_count(len(wrong), 'file')}, " if problems else ""
        talk(f"{said}{_count(fine, 'flow')} {'is' if fine == 1 else 'are'} fine")
    if problems:
        raise typer.Exit(1)


@app.command()
def schema(ctx: typer.Context) -> None:
    """Print the JSON schema of flows, for editors."""
    import json

    from taxi_pipelines.flowspec.json_schema import json_schema
    from taxi_pipelines.tasks.registry import REGISTRY

    typer.echo(json.dumps(json_schema(REGISTRY), indent=2, ensure_ascii=False))


@app.command("list")
def list_flows(ctx: typer.Context, namespace: Namespace = None, json: Json = False) -> None:
    """List the flows kept, with their newest revisions."""
    from taxi_pipelines.cli import flow_render

    with open_orchestrator(ctx) as taxi:
        flows = taxi.parts.flows.listed(namespace)
    if json:
        show_json_list([flow_render.stored_flow(flow) for flow in flows])
    elif flows:
        show(flow_render.flows(flows))
    else:
        talk("no flows are kept; keep some with: taxi flow import PATH")


@app.command("show")
def show_flow(ctx: typer.Context, name: Name, revision: Revision = None, json: Json = False) -> None:
    """Print a flow's text; say which revisions there are."""
    from taxi_pipelines.cli import flow_render

    with open_orchestrator(ctx) as taxi:
        stored = taxi.stored_flow(name, revision)
        revisions = taxi.parts.flows.revisions(stored.namespace, stored.id)
    if json:
        numbers = [one.revision for one in revisions]
        show_json(flow_render.stored_flow(stored) | {"revisions": numbers, "source": stored.source})
        return
    talk(flow_render.revisions(stored, revisions))
    typer.echo(stored.source, nl=not stored.source.endswith("\n"))


@app.command("import")
def import_flows(ctx: typer.Context, paths: Paths, json: Json = False) -> None:
    """Keep the flows of files: all, or none where one is wrong.

    An unchanged flow keeps its revision. Example: taxi flow import flows/
    """
    from taxi_pipelines.cli import flow_render
    from taxi_pipelines.flow_files import problems_of, read_all
    from taxi_pipelines.flowspec.problems import FlowInvalid

    with open_orchestrator(ctx) as taxi:
        files = read_all(paths, taxi.parts.catalog)
        if problems := problems_of(files):
            raise FlowInvalid(problems)
        before = {(flow.namespace, flow.id): flow.revision for flow in taxi.parts.flows.listed()}
        kept = taxi.save_all(files)
    if json:
        show_json_list([flow_render.stored_flow(flow) for flow in kept])
        return
    for flow in kept:
        is_new = before.get((flow.namespace, flow.id)) != flow.revision
        typer.echo(f"{flow.namespace}.{flow.id}  revision {flow.revision}{'' if is_new else ', unchanged'}")


@app.command()
def sync(ctx: typer.Context, dry_run: DryRun = False, json: Json = False) -> None:
    """Keep the flows of the Git repository that is set.

    All of its newest commit, or nothing where one is wrong: exit code 1. `taxi up` does this by itself.
    Settings: flows_git, flows_git_branch, flows_git_folder. Example: taxi flow sync --dry-run
    """
    from taxi_pipelines.flow_sync import in_short, said
    from taxi_pipelines.flow_wiring import build_flow_sync

    with open_orchestrator(ctx) as taxi:
        flow_sync = build_flow_sync(taxi.parts, taxi.settings)
        if flow_sync is None:
            raise UsageError("no Git repository is set", 'set one in taxi.toml: flows_git = "https://HOST/PATH"')
        plan = flow_sync.plan()
        while not dry_run and not plan.problems and not flow_sync.perform(plan):
            plan = flow_sync.plan()
    if json:
        show_json(plan.to_dict())
    else:
        for line in (*plan.problems, *(said(change) for change in plan.changes)):
            typer.echo(line)
        talk(in_short(plan, performed=not dry_run))
    if plan.problems:
        raise typer.Exit(1)


@app.command("export")
def export_flows(ctx: typer.Context, name: AnyName = None, namespace: Namespace = None, to: To = None) -> None:
    """Print a flow as it was written, or write several into a folder.

    Without a name all flows, or those of a namespace. Example: taxi flow export --namespace course --to flows/
    """
    if name and namespace:
        raise UsageError("a name and --namespace exclude each other", "give one of them")
    with open_orchestrator(ctx) as taxi:
        flows = [taxi.stored_flow(name)] if name else taxi.parts.flows.listed(namespace)
    if to is None:
        if not name:
            raise UsageError("several flows are not for one stream", "name a folder: --to DIR")
        typer.echo(flows[0].source, nl=False)
        return
    for flow in flows:
        typer.echo(_write(flow, to))
    talk(f"wrote {_count(len(flows), 'flow')}")


def _write(flow: StoredFlow, folder: Path) -> Path:
    from taxi_pipelines.disk import writable

    path = folder / f"{flow.namespace}.{flow.id}.yaml"
    with writable(path):
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(flow.source, encoding="utf-8")
    return path


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
