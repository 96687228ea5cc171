"""The command `taxi`: its parts, the options before the command, and the one shape of every error.

Exit codes: 0 done, 1 work failed, 2 wrong usage, 130 and 143 stopped by a signal. Whatever goes wrong is one line on
stderr, `error[code]: what happened; what to do`.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from taxi_pipelines import __version__
from taxi_pipelines.cli import (
    alert,
    data,
    db,
    demo,
    doctor,
    execution,
    flow,
    gcp,
    kv,
    months,
    purge,
    secret,
    task,
    token,
    trigger,
    up,
)
from taxi_pipelines.cli.options import Globals
from taxi_pipelines.cli.output import one_line, talk
from taxi_pipelines.cli.signals import LINE, Signals, Stopped, listening
from taxi_pipelines.errors import PipelineError, from_os_error

app = typer.Typer(
    name="taxi",
    help="NYC taxi trips, month by month, into a lake and a warehouse: every published row exactly once.",
    invoke_without_command=True,
    rich_markup_mode=None,  # plain help is faster, and reads the same in a pipe
)
lake = typer.Typer(help="The published files as they were, every version.", rich_markup_mode=None)
for command in (months.run, months.backfill, months.plan, months.status, months.verify, data.query, doctor.doctor):
    app.command()(command)
app.command()(months.rollback)
app.add_typer(lake, name="lake")
lake.command("ls")(data.lake_ls)
lake.command("prune")(data.lake_prune)
app.add_typer(flow.app, name="flow")
app.add_typer(execution.app, name="execution")
app.add_typer(task.app, name="task")
app.add_typer(trigger.app, name="trigger")
app.command()(purge.purge)
app.add_typer(kv.app, name="kv")
app.add_typer(secret.app, name="secret")
app.add_typer(alert.app, name="alert")
app.command()(up.up)
app.add_typer(token.app, name="token")
app.add_typer(db.app, name="db")
app.add_typer(gcp.app, name="gcp")
app.command()(demo.demo)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"taxi {__version__}")
        raise typer.Exit


@app.callback()
def options(
    ctx: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(
            "--home",
            metavar="DIR",
            help="Folder of lake, warehouse and metadata. [default: TAXI_HOME, else .taxi]",
            show_default=False,
        ),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Print the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Keeps the options before the command; without a command prints the help."""
    chosen: Globals = ctx.obj
    chosen.home = home
    chosen.debug = debug
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The entry point of the console script."""
    os.putenv("OPENBLAS_NUM_THREADS", "1")  # read when numpy is loaded: a thread per core, idle, costs 0.1 s of CPU
    gc.set_threshold(50_000)  # modules stay: looking through them again and again while they load costs 0.1 s of CPU
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without ✓ gets a question mark, not a crash
    with listening() as signals:
        code = _perform(arguments, signals)
    sys.exit(code)


def _open_closed_streams() -> None:
    """A stream that the shell closed becomes one to nowhere; else the next file that is opened would take its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(nowhere, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - stays open


def _perform(arguments: Sequence[str] | None, signals: Signals) -> int:
    chosen = Globals()
    try:
        code = typer.main.get_command(app).main(arguments, prog_name="taxi", standalone_mode=False, obj=chosen)
        sys.stdout.flush()
        return code or 0
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the flush at exit is quiet, too
        return 1
    except (Exception, Stopped) as error:
        if chosen.debug:
            traceback.print_exc()
        code, line = (signals.exit_code, LINE) if signals.caught else _explain(error)
        talk(line)
        return code


def _explain(error: BaseException) -> tuple[int, str]:
    """Exit code and line of an error."""
    match error:
        case OSError() if known := from_os_error(error, error.filename or "the output"):
            return known.exit_code, one_line(known.code, str(known))
        case PipelineError():
            return error.exit_code, one_line(error.code, str(error))
        case typer.TyperException():
            return error.exit_code, one_line("usage", _wrong_usage(error))
    return 1, one_line("internal", f"{type(error).__name__}: {error}; run again with --debug")


def _wrong_usage(error: Any) -> str:
    """Typer's sentence in our shape, with where to read on."""
    said = error.format_message().strip().rstrip(".").replace(". Did", ", did").replace("Value error, ", "")
    context = getattr(error, "ctx", None)
    return f"{said[:1].lower()}{said[1:]}; try '{context.command_path if context else 'taxi'} --help'"
