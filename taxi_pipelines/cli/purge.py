"""The command `taxi purge`: retention of executions."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from taxi_pipelines.cli.flow_options import Namespace, open_orchestrator
from taxi_pipelines.cli.options import DryRun, Json
from taxi_pipelines.cli.output import show_json_list, talk
from taxi_pipelines.domain.states import ENDED, State
from taxi_pipelines.errors import UsageError

if TYPE_CHECKING:
    from taxi_pipelines.engine.retention import Purged

_AGE = re.compile(r"(\d{1,6})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

OlderThan = Annotated[
    str,
    typer.Option(
        "--older-than",
        metavar="AGE",
        help="Only what ended longer ago: 30d, 12h; m, h, d and w are minutes to weeks.",
        show_default=False,
    ),
]
States = Annotated[
    list[str] | None,
    typer.Option(
        "--state",
        metavar="STATE",
        help="Only what ended in this state, as FAILED. May be repeated.",
        autocompletion=lambda: sorted(ENDED),
        show_default=False,
    ),
]
Vacuum = Annotated[
    bool, typer.Option("--vacuum", help="Then give the space back to the disk; whoever writes waits meanwhile.")
]


def purge(
    ctx: typer.Context,
    older_than: OlderThan,
    namespace: Namespace = None,
    state: States = None,
    dry_run: DryRun = False,
    vacuum: Vacuum = False,
    json: Json = False,
) -> None:
    """Remove ended executions, with logs, files and secrets.

    Never one that goes on, or whose caller does. Prints what is removed.
    Example: taxi purge --older-than 30d --state SUCCESS
    """
    from taxi_pipelines.engine.retention import purge

    age, states = _age(older_than), _states(state)
    found: list[Purged] = []
    with open_orchestrator(ctx) as taxi:
        cutoff = taxi.parts.clock() - age
        for purged in purge(taxi.parts, ended_before=cutoff, namespace=namespace, states=states, dry_run=dry_run):
            found.append(purged)
            if not json:
                typer.echo(_line(purged))
        if vacuum and not dry_run:
            taxi.parts.executions.vacuum()
    if json:
        show_json_list([purged.to_dict() for purged in found])
        return
    files = sum(purged.files or 0 for purged in found)
    count = f"{len(found):,} execution{'' if len(found) == 1 else 's'}"
    said = f"would remove {count}" if dry_run else f"removed {count}, {files:,} files"
    talk(said if found else f"no execution ended longer than {older_than} ago")


def _age(text: str) -> timedelta:
    found = _AGE.fullmatch(text.strip())
    if not found:
        raise UsageError(f"--older-than {text} is not an age", "write it as 30d, 12h or 90m")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _states(names: list[str] | None) -> frozenset[State]:
    """Those that are named; all that end an execution where none is."""
    given = [name.upper() for name in names or ENDED]
    if wrong := [name for name in given if name not in ENDED]:
        raise UsageError(f"--state {wrong[0]} does not end an execution", f"valid are {', '.join(sorted(ENDED))}")
    return frozenset(State(name) for name in given)


def _line(purged: Purged) -> str:
    it = purged.execution
    files = "" if purged.files is None else f"  {purged.files:,} file{'' if purged.files == 1 else 's'}"
    return f"{it.id}  {it.namespace}.{it.flow_id}  {it.state}  {it.ended_at:%Y-%m-%d %H:%M}{files}"
