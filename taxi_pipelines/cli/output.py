"""The two streams of a command: results on stdout, talk on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

UNBOUNDED = 10_000
"""Columns where nobody looks: a line in a pipe is never wrapped or cut."""


def show(*results: RenderableType) -> None:
    """Prints results on stdout: within the terminal's width, or unwrapped and without padding into a pipe."""
    console = _console()
    if sys.stdout.isatty():
        console.print(*results, sep="\n", crop=False)
        return
    with console.capture() as captured:
        console.print(*results, sep="\n", crop=False)
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def hint(command: str) -> None:
    """Says what one could do next, to people only."""
    if sys.stdout.isatty():
        talk(f"\ntry: {command}")


def talk(message: str) -> None:
    """Prints a line that is no result on stderr."""
    sys.stdout.flush()
    typer.echo(message, err=True)


def show_json(data: Any) -> None:
    """Prints one JSON value on one line, at once."""
    sys.stdout.write(json.dumps(data, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def show_json_list(items: Sequence[dict[str, Any] | str]) -> None:
    """Prints a JSON list with one item per line, so that it is good to read and to compare."""
    lines = ",\n".join("  " + json.dumps(item, ensure_ascii=False) for item in items)
    sys.stdout.write(f"[\n{lines}\n]\n" if items else "[]\n")


def one_line(code: str, what: str) -> str:
    """An error as every command says it."""
    return f"error[{code}]: {' '.join(what.split())}"


def _console() -> Console:
    from rich.console import Console

    width = None if sys.stdout.isatty() else UNBOUNDED
    return Console(width=width, highlight=False, markup=False, emoji=False)


def terminal_width() -> int | None:
    """Columns of the terminal on stdout, None in a pipe."""
    return _console().width if sys.stdout.isatty() else None
