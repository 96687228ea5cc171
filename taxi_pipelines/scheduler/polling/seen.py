"""Which files of a listing are new or changed since the last look, for whatever lists files."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from taxi_pipelines.errors import UsageError
from taxi_pipelines.scheduler.polling.look import Look

T = TypeVar("T")


def matching(pattern: str | None, items: Sequence[T], names: Callable[[T], tuple[str, ...]]) -> list[T]:
    """Those one of whose names the whole pattern matches."""
    if pattern is None:
        return list(items)
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"regExp {pattern!r} is not a regular expression: {error}", "mend it") from error
    return [item for item in items if any(compiled.fullmatch(name) for name in names(item))]


def split_by_memory(look: Look, items: Sequence[T], key: Callable[[T], tuple[str, str]]) -> tuple[list[T], list[T]]:
    """(new or changed, seen already); `key` is (what it is called, what changes when it does)."""
    seen = look.memory.get("seen", {})
    new = [item for item in items if seen.get(key(item)[0]) != key(item)[1]]
    known = [item for item in items if seen.get(key(item)[0]) == key(item)[1]]
    return new, known


def remembered(items: Sequence[T], key: Callable[[T], tuple[str, str]]) -> Mapping[str, Any]:
    """The memory of a look that saw these: what is no longer there is forgotten."""
    return {"seen": dict(key(item) for item in items)}
