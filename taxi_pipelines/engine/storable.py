"""Values on their way into the store: secrets hidden, and nothing in them that a database refuses."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from typing import Any

MASK = "******"

LONGEST_LINE = 100_000
"""Characters of a log line that are kept."""

_SHORTEST_PART = 8


def forms_of(secret: str) -> set[str]:
    """The texts by which a secret is known: itself, as it stands in JSON, and, of several lines, each long enough one."""
    lines = {line for line in secret.splitlines() if len(line) >= _SHORTEST_PART}
    quoted = {json.dumps(secret, ensure_ascii=ascii)[1:-1] for ascii in (True, False)}
    return {form for form in {secret, *quoted, *lines} if form}


def storable(value: Any, secrets: Iterable[str] = ()) -> Any:
    """The value as plain JSON, with every secret in any of its texts hidden (S11). Times become ISO 8601 text."""
    return _storable(value, in_order(secrets))


def in_order(secrets: Iterable[str]) -> tuple[str, ...]:
    """The longest first: a secret may be part of another."""
    return tuple(sorted(secrets, key=len, reverse=True))


def masked(value: Any, secrets: Iterable[str]) -> Any:
    """The value with every secret in any of its texts hidden; what is no JSON stays as it is."""
    hidden = in_order(secret for secret in secrets if secret)
    return _masked(value, hidden) if hidden else value


def line_text(message: str, secrets: Iterable[str] = ()) -> str:
    """A log line's text: secrets hidden, not longer than a line may be."""
    for secret in in_order(secrets):
        message = message.replace(secret, MASK)
    if len(message) > LONGEST_LINE:
        message = f"{message[:LONGEST_LINE]}… ({len(message) - LONGEST_LINE:,} characters more)"
    return _clean(message)


def _storable(value: Any, hidden: tuple[str, ...]) -> Any:
    match value:
        case str():
            for secret in hidden:
                value = value.replace(secret, MASK)
            return _clean(value)
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case Mapping():
            return {_storable(str(key), hidden): _storable(part, hidden) for key, part in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_storable(part, hidden) for part in value]
        case datetime() | date() | time():
            return value.isoformat().replace("+00:00", "Z")
        case _:
            return _storable(str(value), hidden)


def _masked(value: Any, hidden: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        for secret in hidden:
            value = value.replace(secret, MASK)
        return value
    if isinstance(value, Mapping):
        return {_masked(key, hidden): _masked(part, hidden) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(part, hidden) for part in value]
    return value


def _clean(text: str) -> str:
    """Without what no database keeps in a text: zeros (PostgreSQL), and halves of surrogate pairs (none)."""
    if text.isascii():
        return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
