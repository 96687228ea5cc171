"""Rules about text that tasks, flows and the engine share: how a value prints, what counts as true, labels, namespaces."""

from __future__ import annotations

import json
from collections.abc import Mapping


def plain_text(value: object) -> str:
    """As a template prints it (S3): text as it is, nothing for null, everything else in compact JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)


def is_true(rendered: object) -> bool:
    """What a rendered condition says (S4): false only when its text is empty, `false`, `0` or `-0`."""
    return plain_text(rendered).strip() not in ("", "false", "0", "-0")


def label_map(labels: object) -> dict[str, str]:
    """Labels as a map, written as a map or as a list of {key, value}. Raises ValueError where they are neither."""
    if isinstance(labels, Mapping):
        return {str(key): plain_text(value) for key, value in labels.items()}
    if isinstance(labels, list) and all(isinstance(one, Mapping) and one.keys() == {"key", "value"} for one in labels):
        return {plain_text(one["key"]): plain_text(one["value"]) for one in labels}
    raise ValueError("labels are a map, or a list of {key, value}")


def reserved_labels(labels: Mapping[str, str]) -> list[str]:
    """Those whose names only we may set."""
    return sorted(key for key in labels if key.startswith("system."))


def namespace_chain(namespace: str) -> list[str]:
    """`a.b.c`, `a.b`, `a`: where keys and secrets are looked for (S10, S11)."""
    parts = namespace.split(".")
    return [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
