"""What is wrong with a flow's text: every problem with its place, so that an editor can jump there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from taxi_pipelines.errors import UsageError

Path = tuple[str | int, ...]
"""Where something stands in a document: `("tasks", 2, "retry", "interval")`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing that is wrong. Lines and columns count from 1."""

    message: str
    hint: str = ""
    path: str = ""
    line: int = 1
    column: int = 1
    file: str = "flow"

    def __str__(self) -> str:
        """As compilers print it: `file:line:column: path: message; hint`."""
        place = f"{self.file}:{self.line}:{self.column}: "
        path = f"{self.path}: " if self.path else ""
        return f"{place}{path}{self.message}" + (f"; {self.hint}" if self.hint else "")

    def to_dict(self) -> dict[str, Any]:
        """As `taxi flow validate --json` prints it."""
        return {name: getattr(self, name) for name in ("file", "line", "column", "path", "message", "hint")}


class FlowInvalid(UsageError):
    """A flow's text is wrong; carries every problem."""

    code = "flow-invalid"

    def __init__(self, problems: Sequence[Problem]) -> None:
        more = f" (and {len(problems) - 1} more problems)" if len(problems) > 1 else ""
        super().__init__(f"{problems[0]}{more}", "see all of them with: taxi flow validate")
        self.problems = tuple(problems)


def path_text(path: Path) -> str:
    """`tasks[2].retry.interval`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def nearest(given: str, known: Iterable[str], *, show: int = 12) -> str:
    """A hint that names the nearest valid word, or the valid words where none is near."""
    words = sorted(known)
    near = get_close_matches(given, words, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    listed = ", ".join(words[:show]) + (", …" if len(words) > show else "")
    return f"valid are {listed}" if words else "nothing is valid here"
