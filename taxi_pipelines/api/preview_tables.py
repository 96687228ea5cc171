"""The beginning of a file as a table, or as text: CSV, JSON, JSON lines; bounded in rows and in bytes.

At most `MOST_BYTES` are read. What cannot be read is told in words.
"""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from taxi_pipelines.errors import UsageError

MOST_BYTES = 1 << 20
"""Bytes of a text that are read."""

MOST_COLUMNS = 200
LONGEST_CELL = 1_000
_BUFFER = 1 << 16
_SEPARATORS = ",;\t|"
HINT = "download it, and look at it there"
_ANOTHER = "give another encoding, latin-1 say, or download it"
_OF_NAMES = ("idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape")
"""Encodings that no file is written in; some need minutes for a megabyte."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """A table (`rows` as long as `columns`, cells plain JSON), or a text. `truncated`: there is more of it."""

    columns: tuple[str, ...] = ()
    rows: Sequence[Sequence[Any]] = ()
    text: str | None = None
    truncated: bool = False


def extension_of(name: str) -> str:
    """`a/b.CSV` → `csv`."""
    return PurePosixPath(name).suffix.lstrip(".").lower()


def read_preview(file: BinaryIO, name: str, max_rows: int, encoding: str = "utf-8") -> Preview:
    """The first rows of a file, by the ending of its name. Raises UsageError where it is not what its name says."""
    text, is_whole = _text(file, name, encoding)
    try:
        return _of_text(text, name, max_rows, is_whole=is_whole)
    except RecursionError as error:  # what could be read, just, need not be writable again
        raise UsageError(f"{name} is nested too deep", HINT) from error


def _of_text(text: str, name: str, max_rows: int, *, is_whole: bool) -> Preview:
    kind = extension_of(name)
    if kind in ("csv", "tsv"):
        return _csv(text, name, max_rows, is_whole=is_whole)
    if kind == "json":
        return _json(text, name, max_rows, is_whole=is_whole)
    if kind in ("jsonl", "ndjson", "ion") and (found := _json_lines(text, name, max_rows, is_whole=is_whole)):
        return found
    return Preview(text=text, truncated=not is_whole)


def _text(file: BinaryIO, name: str, encoding: str) -> tuple[str, bool]:
    """What is read of it, whole lines if it goes on; and whether that is all."""
    data = file.read(MOST_BYTES + 1)
    is_whole = len(data) <= MOST_BYTES
    if b"\0" in data[:_BUFFER] and encoding.replace("-", "").lower() in ("utf8", "ascii"):
        raise UsageError(f"{name} is no text, and no kind of table that is known by its name", HINT)
    try:
        " ".encode(encoding)  # refuses codecs that are none of texts: zlib's would make gigabytes of a megabyte
        if codecs.lookup(encoding).name in _OF_NAMES:
            raise LookupError(encoding)
        text = codecs.getincrementaldecoder(encoding)().decode(data[:MOST_BYTES], final=is_whole)
    except LookupError as error:
        raise UsageError(f"there is no encoding {encoding!r}", "utf-8, latin-1 and cp1252 are frequent") from error
    except UnicodeDecodeError as error:
        what = f"{name} is not {encoding.upper()}: its byte {error.start:,} is {data[error.start]:#04x}"
        raise UsageError(what, _ANOTHER) from error
    except UnicodeError as error:
        raise UsageError(f"{name} is not {encoding.upper()}: {error}", _ANOTHER) from error
    text = text.removeprefix("\ufeff")
    return (text if is_whole else text[: text.rfind("\n") + 1] or text), is_whole


def _csv(text: str, name: str, max_rows: int, *, is_whole: bool) -> Preview:
    first = text.partition("\n")[0]
    separator = max(_SEPARATORS, key=first.count)
    try:
        rows = list(islice(csv.reader(text.splitlines(keepends=True), delimiter=separator), max_rows + 2))
    except csv.Error as error:
        raise UsageError(f"{name} cannot be read as CSV: {error}", HINT) from error
    if not rows:
        return Preview(text="")
    return table_of(_distinct(rows[0]), rows[1:], max_rows, is_whole=is_whole)


def _json(text: str, name: str, max_rows: int, *, is_whole: bool) -> Preview:
    if not is_whole:
        items = list(islice(_items(text), max_rows))
        return _of_items(items, max_rows, is_whole=False) if items else Preview(text=text, truncated=True)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        if found := _json_lines(text, name, max_rows, is_whole=True):
            return found
        raise UsageError(f"{name} is not JSON: {error}", HINT) from error
    if isinstance(value, list) and value:
        return _of_items(value, max_rows, is_whole=True)
    return Preview(text=_written(json.dumps(value, indent=2, ensure_ascii=False)))


def _items(text: str) -> Iterator[Any]:
    """Those of a list whose end was not read."""
    decoder, at = json.JSONDecoder(), text.find("[") + 1
    if text[: at - 1].strip() or not at:
        return
    while at < len(text):
        at += len(text[at:]) - len(text[at:].lstrip(" \t\r\n,"))
        try:
            item, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return
        yield item


def _json_lines(text: str, name: str, max_rows: int, *, is_whole: bool) -> Preview | None:
    """None where its first line is no JSON: Amazon's Ion looks much the same."""
    lines = [line for line in text.splitlines() if line.strip()]
    items: list[Any] = []
    for number, line in enumerate(lines[: max_rows + 1], 1):
        try:
            items.append(json.loads(line))
        except (ValueError, RecursionError) as error:
            if number == 1:
                return None
            raise UsageError(f"line {number} of {name} is not JSON: {error}", HINT) from error
    return _of_items(items, max_rows, is_whole=is_whole) if items else None


def _of_items(items: Sequence[Any], max_rows: int, *, is_whole: bool) -> Preview:
    shown = items[: max_rows + 1]
    if not all(isinstance(item, dict) for item in shown):
        return table_of(["value"], ([item] for item in shown), max_rows, is_whole=is_whole)
    names = list(dict.fromkeys(str(name) for item in shown for name in item))
    rows = ([item.get(name) for name in names] for item in shown)
    return table_of(names, rows, max_rows, is_whole=is_whole)


def table_of(columns: Sequence[str], rows: Iterable[Sequence[Any]], max_rows: int, *, is_whole: bool) -> Preview:
    names = tuple(_written(name) for name in columns[:MOST_COLUMNS])
    kept: list[list[Any]] = []
    length = 0
    for row in rows:
        cells = [_cell(value) for value in row[: len(names)]]
        length += sum(len(cell) for cell in cells if isinstance(cell, str))
        if len(kept) == max_rows or length > MOST_BYTES:
            is_whole = False
            break
        kept.append([*cells, *[None] * (len(names) - len(cells))])
    return Preview(columns=names, rows=kept, truncated=not is_whole)


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, bytes):
        return f"({len(value):,} bytes)"
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    if not isinstance(value, str | list | dict):
        text = str(value)
    return _written(text if len(text) <= LONGEST_CELL else f"{text[:LONGEST_CELL]}…")


def _written(text: str) -> str:
    """Without halves of surrogate pairs, which JSON can name and nobody can write."""
    return text.encode("utf-8", "replace").decode()


def _distinct(names: Sequence[str]) -> list[str]:
    """Names of columns, none of them twice and none empty."""
    found: dict[str, None] = {}
    for place, name in enumerate(names, 1):
        wanted = name.strip() or f"column {place}"
        found[wanted if wanted not in found else f"{wanted} ({place})"] = None
    return list(found)
