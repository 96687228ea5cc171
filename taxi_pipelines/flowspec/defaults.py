"""pluginDefaults (S9): values for everything whose type equals, or begins with, a given one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from taxi_pipelines.flowspec.common import PluginDefault

_KESTRA = "io.kestra."


def apply_defaults(
    written: Mapping[str, Any], names: Iterable[str], defaults: Sequence[PluginDefault], known: Iterable[str]
) -> dict[str, Any]:
    """Merges the defaults that fit any of the type's names; what is written wins, then earlier defaults, unless one is forced.

    What a default brings and the type does not know is ignored.
    """
    names, known = tuple(names), frozenset(known)
    fitting = [default for default in defaults if any(fits(name, default.type) for name in names)]
    values = dict(written)
    for default in fitting:
        if not default.forced:
            values = merged(_useful(default, known), values)
    for default in reversed(fitting):
        if default.forced:
            values = merged(values, _useful(default, known))
    return values


def _useful(default: PluginDefault, known: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in default.values.items() if key in known}


def fits(name: str, prefix: str) -> bool:
    """Whether a type's name equals or begins with that of a default; a short name only up to a dot."""
    return name == prefix or name.startswith(prefix if prefix.startswith(_KESTRA) else f"{prefix}.")


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both, deeply; `above` wins where it says anything."""
    result = dict(below)
    for key, value in above.items():
        under = result.get(key)
        if isinstance(under, Mapping) and isinstance(value, Mapping):
            result[key] = merged(under, value)
        elif value is not None or key not in result:
            result[key] = value
    return result
