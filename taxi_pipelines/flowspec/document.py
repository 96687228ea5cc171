"""A flow's text as plain values that know their places, and the problems found in them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from taxi_pipelines.flowspec.problems import Path, Problem, path_text

_WORD = re.compile(r"\w+|\S")


@dataclass(frozen=True, slots=True)
class Span:
    """Where a value stands: line and column from 1, begin and end as offsets in the text."""

    line: int
    column: int
    begin: int
    end: int
    is_block: bool = False
    """Whether it is a block scalar, whose text begins on the line below."""


@dataclass(slots=True)
class Document:
    """Plain values, and where each of them stands. Values brought by an alias or a merge stand where that is written."""

    text: str = ""
    file: str = "flow"
    value: Any = None
    problems: list[Problem] = field(default_factory=list)
    spans: dict[Path, Span] = field(default_factory=dict)
    key_spans: dict[Path, Span] = field(default_factory=dict)

    def place(self, path: Path) -> tuple[int, int]:
        """Line and column of a value, or of the nearest value around it."""
        span = self._span(path)
        return (span.line, span.column) if span else (1, 1)

    def place_inside(self, path: Path, value: str, line: int, column: int) -> tuple[int, int]:
        """Line and column in the file of a line and column in a scalar's value, however the scalar is written.

        Quotes, folding and indentation move what a value says, but never break a word of it: the word there is looked for, as
        often as it stands in the value before.
        """
        span = self.spans.get(path)
        span = self.spans.get(path)
        word = _WORD.search(value, _offset(value, line, column))
        if span is None or word is None:
            return self.place(path)
        found = self.text.find("\n", span.begin) if span.is_block else span.begin
        for _ in range(value.count(word[0], 0, word.start())):
            found = self.text.find(word[0], found, span.end) + len(word[0])
        found = self.text.find(word[0], found, span.end)
        return _line_and_column(self.text, found) if found >= 0 else self.place(path)

    def problem(
        self, path: Path, message: str, hint: str = "", *, at_key: bool = False, at: tuple[int, int] | None = None
    ) -> None:
        """Notes a problem of the value there, of its key, or at a line and column."""
        key = self.key_spans.get(path) if at_key else None
        line, column = at or ((key.line, key.column) if key else self.place(path))
        self.problems.append(
            Problem(message=message, hint=hint, path=path_text(path), line=line, column=column, file=self.file)
        )

    def _span(self, path: Path) -> Span | None:
        while path and path not in self.spans:
            path = path[:-1]
        return self.spans.get(path)


def _offset(text: str, line: int, column: int) -> int:
    start = 0
    for _ in range(line - 1):
        start = text.find("\n", start) + 1
    return start + column - 1


def _line_and_column(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
