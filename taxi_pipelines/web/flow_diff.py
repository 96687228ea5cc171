"""What differs between two texts, line by line, with a few lines around. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

AROUND = 3


class LineKind(StrEnum):
    """What became of a line. GAP stands for lines that are the same and left out."""

    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"
    GAP = "gap"


@dataclass(frozen=True, kw_only=True, slots=True)
class DiffLine:
    """One line with its numbers, from 1, in both texts where it is there. Of a GAP, `text` says how many lines it stands for."""

    kind: LineKind
    text: str
    before: int | None = None
    after: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Changed:
    """How many lines came and went."""

    added: int
    removed: int


def diff_lines(before: str, after: str) -> list[DiffLine]:
    """Nothing where both are the same."""
    old, new = before.splitlines(), after.splitlines()
    groups = list(SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(AROUND))
    found: list[DiffLine] = []
    seen = 0
    for group in groups:
        found += _gap(group[0][1] - seen)
        for operation in group:
            found += _lines(operation, old, new)
        seen = group[-1][2]
    return found + _gap(len(old) - seen) if groups else []


def changed_lines(before: str, after: str) -> Changed:
    """How much differs."""
    added = removed = 0
    matcher = SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False)
    for kind, start, end, new_start, new_end in matcher.get_opcodes():
        if kind != "equal":
            removed += end - start
            added += new_end - new_start
    return Changed(added=added, removed=removed)


def _lines(operation: tuple[str, int, int, int, int], old: Sequence[str], new: Sequence[str]) -> Iterator[DiffLine]:
    kind, start, end, new_start, new_end = operation
    if kind == "equal":
        for offset in range(end - start):
            text = old[start + offset]
            yield DiffLine(kind=LineKind.SAME, text=text, before=start + offset + 1, after=new_start + offset + 1)
        return
    for number in range(start, end):
        yield DiffLine(kind=LineKind.REMOVED, text=old[number], before=number + 1)
    for number in range(new_start, new_end):
        yield DiffLine(kind=LineKind.ADDED, text=new[number], after=number + 1)


def _gap(lines: int) -> list[DiffLine]:
    return [DiffLine(kind=LineKind.GAP, text=f"{lines} the same")] if lines > 0 else []
