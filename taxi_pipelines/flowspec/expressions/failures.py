"""How the parts of the language say no: without a place, which only the caller knows.

Values, filters and functions raise `Refused`; the compiled expression around them adds expression, line and column and makes it
an `ExpressionFailed`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from taxi_pipelines.errors import ExpressionFailed

SHOWN = 120
LISTED = 12


class Refused(Exception):
    """This value, argument or amount is not accepted."""

    def __init__(self, what: str, hint: str = "", *, name: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.name = name


class Missing(Refused):
    """No such variable, key or index: what `??`, `default` and `is defined` catch."""


class UndefinedName(ExpressionFailed):
    """A `Missing` that has got its place."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Where:
    """A place in a template; `source` is the whole tag as written."""

    source: str
    line: int
    column: int

    def failed(self, error: Refused) -> ExpressionFailed:
        """The error to raise for a refusal at this place."""
        kind = UndefinedName if isinstance(error, Missing) else ExpressionFailed
        return kind(
            f"{shortened(self.source)} at line {self.line}, column {self.column}: {error.what}",
            error.hint,
            expression=self.source,
            line=self.line,
            column=self.column,
            name=error.name,
        )


def shortened(text: str) -> str:
    """On one line, at most `SHOWN` characters."""
    line = " ".join(text[: SHOWN * 4].split())
    return line if len(line) <= SHOWN else line[: SHOWN - 1] + "…"


def nearest(given: str, known: Iterable[str]) -> str:
    """A hint: what the name may have been meant to be, else what is valid there."""
    names = sorted(known)
    if near := get_close_matches(given, names, n=1):
        return f"did you mean {near[0]!r}?"
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"known here: {', '.join(names[:LISTED])}{more}" if names else ""
