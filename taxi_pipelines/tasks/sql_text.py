"""SQL as text: which of it is quoted or commented, where its statements end, where its parameters stand.

Only as much as is needed to find `;` and `:name`; whatever is not understood is left to the database, which says it better.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
      (?P<quoted>
          [eE]'(?:[^'\\]|\\.|'')*'
        | '(?:[^']|'')*'
        | "(?:[^"]|"")*"
        | \$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$
        | --[^\n]*
        | ::                                     # a cast, not a parameter
      )
    | (?P<comment>/\*)
    | :(?P<parameter>[^\W\d]\w*)
    | (?P<end>;)
    | (?P<word>[^\W\d][\w$]*)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_MARK = re.compile(r"/\*|\*/")
_ROUTINE = re.compile(r"\s*create\s+(or\s+replace\s+)?(function|procedure)\b", re.IGNORECASE)


class _Token(NamedTuple):
    kind: str
    value: str
    start: int
    end: int


def with_parameters(text: str, replace: Callable[[str], str | None]) -> str:
    """The text with every `:name` outside quotes and comments replaced; where `replace` says None it stays."""
    pieces, done = [], 0
    for token in _tokens(text):
        if token.kind == "parameter" and (new := replace(token.value)) is not None:
            pieces += [text[done : token.start], new]
            done = token.end
    return "".join([*pieces, text[done:]])


def statements(text: str) -> list[str]:
    """PostgreSQL's statements, one by one, without those that are empty. The body of a routine in SQL has `;` of its own."""
    found, start, depth = [], 0, 0
    has_words = False
    for token in _tokens(text):
        if token.kind == "word":
            has_words = True
            depth = _depth(depth, token.value.lower(), text[start : token.start])
        if token.kind == "end" and not depth:
            if has_words:
                found.append(text[start : token.start].strip())
            start, has_words = token.end, False
    return [*found, text[start:].strip()] if has_words else found


def _depth(depth: int, word: str, before: str) -> int:
    """How many BEGIN … END and CASE … END of a routine's body are open after this word, as psql counts."""
    if word == "begin" and (depth or _ROUTINE.match(before)):
        return depth + 1
    if depth and word in ("case", "end"):
        return depth + (1 if word == "case" else -1)
    return depth


def _tokens(text: str) -> Iterator[_Token]:
    place = 0
    while match := _TOKEN.search(text, place):
        kind = match.lastgroup or ""
        if kind == "comment":
            place = _end_of_comment(text, match.end())
            continue
        if kind != "quoted":
            yield _Token(kind, match[kind], match.start(), match.end())
        place = match.end()


def _end_of_comment(text: str, place: int) -> int:
    """Comments may be nested."""
    depth = 1
    for mark in _COMMENT_MARK.finditer(text, place):
        depth += 1 if mark[0] == "/*" else -1
        if not depth:
            return mark.end()
    return len(text)
