"""YAML text → `Document`, safely: bounded in size, depth and aliases, and of JSON's types only.

As Kestra reads YAML: `yes` and `on` are text, dates are text, `010` is ten; a key may stand only once. Values are made from
the parser's events, not by PyYAML's own composer: that one recurses in C, and deep nesting ends the process.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

from taxi_pipelines.flowspec.document import Document, Span
from taxi_pipelines.flowspec.problems import FlowInvalid, Path, Problem

MAX_CHARACTERS = 1_000_000
MAX_DEPTH = 60
MAX_VALUES = 200_000
"""Values after aliases are expanded: nine lines of YAML can ask for a billion."""

_Parser: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_TAG = "tag:yaml.org,2002:"
_MERGE = "<<"


def decode(data: bytes, file: str = "flow") -> str:
    """The text of a file: UTF-8, with or without a byte order mark. Raises FlowInvalid with the place of the first wrong byte."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        hint = "save the file as UTF-8"
        message = f"the byte 0x{data[error.start]:02x} is not UTF-8"
        raise FlowInvalid([Problem(message=message, hint=hint, line=line, column=column, file=file)]) from error


def read_document(text: str, file: str = "flow") -> Document:
    """Reads a text. What is wrong with its YAML is in `problems`; the rest is read nevertheless where that is possible."""
    text = text.removeprefix("\ufeff")
    document = Document(text=text, file=file)
    if len(text) > MAX_CHARACTERS:
        document.problem((), f"the text has {len(text):,} characters", f"at most {MAX_CHARACTERS:,} are read")
        return document
    try:
        document.value = _Reader(document).read_all()
    except yaml.YAMLError as error:
        document.problems.append(_syntax_problem(error, document))
    except UnicodeEncodeError as error:
        document.problems.append(_at_offset(document, "half of a character (a lone surrogate)", error.start))
    except _TooMuch as error:
        document.problem((), str(error), "split the flow, or move long lists into files")
    return document


class _TooMuch(Exception):
    """A limit is passed."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A value, how many values it is made of, and how deep it is nested."""

    value: Any
    count: int = 1
    depth: int = 0


class _Reader:
    """Events → values, counted."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._parser = _Parser(document.text)
        self._anchors: dict[str, _Read | None] = {}
        self._count = 0

    def read_all(self) -> Any:
        """The value of the one document there should be."""
        try:
            self._parser.get_event()
            if isinstance(self._parser.get_event(), yaml.StreamEndEvent):
                self._document.problem((), "the text is empty", "a flow has at least id, namespace and tasks")
                return None
            value = self._read((), 0).value
            self._parser.get_event()
            if not isinstance(following := self._parser.get_event(), yaml.StreamEndEvent):
                self._note(following, "a second document begins here", "a file holds one flow; remove the `---`")
            return value
        finally:
            self._parser.dispose()

    def _read(self, path: Path, depth: int) -> _Read:
        event = self._parser.get_event()
        self._document.spans[path] = _span(event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        if depth > MAX_DEPTH:
            raise _TooMuch(f"the text is nested more than {MAX_DEPTH} levels deep")
        if event.anchor:
            self._anchors[event.anchor] = None
        before = self._count
        self._spend(1)
        value, inner = self._content(event, path, depth)
        found = _Read(value, self._count - before, inner)
        if event.anchor:
            self._anchors[event.anchor] = found
        return found

    def _content(self, event: Any, path: Path, depth: int) -> tuple[Any, int]:
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path, depth)
        return self._scalar(event), 0

    def _alias(self, event: Any, depth: int) -> _Read:
        found = self._anchors.get(event.anchor)
        if found is None:
            inside = event.anchor in self._anchors
            self._note(event, f"*{event.anchor} " + ("stands inside itself" if inside else "is defined nowhere above"))
            return _Read(None)
        if depth + found.depth > MAX_DEPTH:
            raise _TooMuch(f"the text is nested more than {MAX_DEPTH} levels deep, aliases expanded")
        self._spend(found.count)
        return found

    def _spend(self, count: int) -> None:
        self._count += count
        if self._count > MAX_VALUES:
            raise _TooMuch(f"the text has more than {MAX_VALUES:,} values, aliases expanded")

    def _sequence(self, path: Path, depth: int) -> tuple[list[Any], int]:
        items: list[_Read] = []
        while not isinstance(self._parser.peek_event(), yaml.SequenceEndEvent):
            items.append(self._read((*path, len(items)), depth + 1))
        self._parser.get_event()
        return [item.value for item in items], 1 + max((item.depth for item in items), default=0)

    def _mapping(self, path: Path, depth: int) -> tuple[dict[str, Any], int]:
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        inner = 0
        while not isinstance(self._parser.peek_event(), yaml.MappingEndEvent):
            key_event = self._parser.peek_event()
            key = self._read((*path, _MERGE), depth + 1).value
            is_key = isinstance(key_event, yaml.ScalarEvent) or isinstance(key, str)
            name = key_event.value if isinstance(key_event, yaml.ScalarEvent) else str(key)
            here = (*path, name)
            self._document.key_spans[here] = _span(key_event)
            if not is_key:
                self._note(key_event, "a key must be text")
            elif name in found:
                self._document.problem(here, f"{name!r} stands here twice", "keep one of them", at_key=True)
            read = self._read(here, depth + 1)
            inner = max(inner, read.depth)
            if name == _MERGE:
                merged = self._merged(key_event, read.value)
            elif is_key:
                found[name] = read.value
        self._parser.get_event()
        return merged | found, 1 + inner

    def _merged(self, event: Any, value: Any) -> dict[str, Any]:
        """`<<: *a` or `<<: [*a, *b]`: the first wins."""
        result: dict[str, Any] = {}
        for part in value if isinstance(value, list) else [value]:
            if not isinstance(part, dict):
                self._note(event, "`<<` takes a map, or a list of maps")
                return {}
            result = part | result
        return result

    def _scalar(self, event: Any) -> Any:
        tag = event.tag
        if tag is None or tag == "!":
            return _plain(event.value) if event.implicit[0] and tag is None else event.value
        kind = tag.removeprefix(_TAG)
        if kind not in _TAGGED:
            self._note(event, f"the tag {tag} means nothing here", "remove it")
            return None
        try:
            return _TAGGED[kind](event.value)
        except ValueError:
            self._note(event, f"{event.value[:60]!r} is no {kind}")
            return None

    def _note(self, event: Any, message: str, hint: str = "") -> None:
        span = _span(event)
        self._document.problem((), message, hint, at=(span.line, span.column))


def _span(event: Any) -> Span:
    start, end = event.start_mark, event.end_mark
    is_block = getattr(event, "style", None) in ("|", ">")
    return Span(start.line + 1, start.column + 1, start.index, end.index, is_block)


_CONSTANTS = {"~": None, "": None} | {
    spelled: value
    for word, value in (("null", None), ("true", True), ("false", False))
    for spelled in (word, word.title(), word.upper())
}
_INT = re.compile(r"[-+]?[0-9]{1,300}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def _plain(text: str) -> Any:
    """A scalar without quotes."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text


def _constant(text: str) -> Any:
    if text not in _CONSTANTS:
        raise ValueError(text)
    return _CONSTANTS[text]


_TAGGED: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": _constant,
    "null": _constant,
}


def _syntax_problem(error: yaml.YAMLError, document: Document) -> Problem:
    if isinstance(error, yaml.reader.ReaderError):
        code = error.character if isinstance(error.character, int) else ord(str(error.character))
        return _at_offset(document, f"the character U+{code:04X}", error.position)
    mark = getattr(error, "problem_mark", None)
    said = getattr(error, "problem", None) or str(error).splitlines()[0]
    hint = getattr(error, "context", None) or ""
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    if mark and "\t" in document.text[: mark.index + 1].rpartition("\n")[2]:
        hint = "YAML is indented with spaces, not tabs"
    return Problem(message=f"not valid YAML: {said}", hint=hint, line=line, column=column, file=document.file)


def _at_offset(document: Document, what: str, offset: int) -> Problem:
    before = document.text[:offset]
    return Problem(
        message=f"not valid YAML: {what} cannot stand in a text",
        hint="remove it, or write it as an escape in double quotes",
        line=before.count("\n") + 1,
        column=offset - before.rfind("\n"),
        file=document.file,
    )
