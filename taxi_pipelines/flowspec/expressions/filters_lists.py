"""Filters on lists and maps; those that also take text treat it as its characters."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from taxi_pipelines.flowspec.expressions.environment import Frame
from taxi_pipelines.flowspec.expressions.failures import Refused
from taxi_pipelines.flowspec.expressions.operations import Operation, pure
from taxi_pipelines.flowspec.expressions.values import kind, string, to_json, to_text, whole


def _list(value: object, name: str) -> list[object]:
    if not isinstance(value, list):
        raise Refused(f"`{name}` is for lists, not {kind(value)}")
    return value


def first(value: object) -> object:
    """Of a list or text; null where it is empty."""
    if value is not None and not isinstance(value, str | list):
        raise Refused(f"`first` is for lists and text, not {kind(value)}")
    return value[0] if value else None


def last(value: object) -> object:
    """Of a list or text; null where it is empty."""
    if value is not None and not isinstance(value, str | list):
        raise Refused(f"`last` is for lists and text, not {kind(value)}")
    return value[-1] if value else None


def length(value: object) -> int:
    """Of text, list or map; 0 of everything else, as in Pebble."""
    return len(value) if isinstance(value, str | list | dict) else 0


def keys(value: object) -> object:
    """Of a map; of a list its indexes."""
    match value:
        case None:
            return None
        case dict():
            return list(value)
        case list():
            return list(range(len(value)))
    raise Refused(f"`keys` is for maps and lists, not {kind(value)}")


def values(value: object) -> object:
    """Of a map."""
    if value is not None and not isinstance(value, dict):
        raise Refused(f"`values` is for maps, not {kind(value)}")
    return None if value is None else list(value.values())


def join(frame: Frame, value: object, separator: object) -> object:
    """The items as printed, with the separator between them."""
    if value is None:
        return None
    texts = [to_text(item, frame.budget) for item in _list(value, "join")]
    between = "" if separator is None else string(separator, "separator")
    frame.budget.text(sum(map(len, texts)) + len(texts) * len(between))
    return between.join(texts)


def slice_of(value: object, start: object, end: object) -> object:
    """From `fromIndex` up to, not including, `toIndex`."""
    if value is None:
        return None
    if not isinstance(value, str | list):
        raise Refused(f"`slice` is for lists and text, not {kind(value)}")
    first_index = 0 if start is None else whole(start, "fromIndex")
    last_index = len(value) if end is None else whole(end, "toIndex")
    if not 0 <= first_index <= last_index <= len(value):
        raise Refused(f"`slice` from {first_index} to {last_index} does not fit a length of {len(value)}")
    return value[first_index:last_index]


def sort(frame: Frame, value: object, *, reverse: bool = False) -> object:
    """Numbers with numbers, text with text, dates with dates."""
    if value is None:
        return None
    items = _list(value, "sort")
    frame.budget.spend(4 * len(items))
    groups = {_sortable(item) for item in items}
    if len(groups) > 1:
        raise Refused("`sort` needs items of one kind", f"these are {', '.join(sorted(groups))}")
    try:
        return sorted(items, reverse=reverse)  # type: ignore[type-var]  # of one kind, as just seen
    except TypeError:
        raise Refused("`sort` cannot compare times with and without a zone") from None


def rsort(frame: Frame, value: object) -> object:
    """The largest first."""
    return sort(frame, value, reverse=True)


def _sortable(item: object) -> str:
    if isinstance(item, int | float | Decimal) and not isinstance(item, bool):
        return "numbers"
    if isinstance(item, str):
        return "text"
    if isinstance(item, date):
        return type(item).__name__
    raise Refused(f"`sort` cannot order {kind(item)}")


def reverse(value: object) -> object:
    """The last item first."""
    return None if value is None else _list(value, "reverse")[::-1]


def flatten(frame: Frame, value: object) -> object:
    """One level of lists inside the list taken away."""
    if value is None:
        return None
    made: list[object] = []
    for item in _list(value, "flatten"):
        frame.budget.made(item)
        made.extend(item if isinstance(item, list) else [item])
    return made


def distinct(frame: Frame, value: object) -> object:
    """Each item once, in the order of its first place."""
    if value is None:
        return None
    seen: dict[object, object] = {}
    for item in _list(value, "distinct"):
        number = isinstance(item, int | float | Decimal) and not isinstance(item, bool)
        key = (None, item) if number else (type(item), to_json(item, frame.budget))
        seen.setdefault(key, item)
    return list(seen.values())


def chunk(value: object, size: object) -> object:
    """Lists of `size` items; the last may be shorter."""
    if value is None:
        return None
    items, width = _list(value, "chunk"), whole(size, "size")
    if width < 1:
        raise Refused("'size' must be 1 or more")
    return [items[start : start + width] for start in range(0, len(items), width)]


def merge(value: object, items: object) -> object:
    """A map with another's entries, or a list with another's items."""
    if value is None or items is None:
        return items if value is None else value
    if isinstance(value, dict) and isinstance(items, dict):
        return value | items
    if isinstance(value, list) and isinstance(items, list):
        return value + items
    raise Refused(f"{kind(value)} cannot be merged with {kind(items)}")


FILTERS = {
    "first": pure(first),
    "last": pure(last),
    "length": pure(length),
    "keys": pure(keys),
    "values": pure(values),
    "join": Operation(join, optional=("separator",)),
    "slice": pure(slice_of, optional=("fromIndex", "toIndex")),
    "sort": Operation(sort),
    "rsort": Operation(rsort),
    "reverse": pure(reverse),
    "flatten": Operation(flatten),
    "distinct": Operation(distinct),
    "chunk": pure(chunk, "size"),
    "merge": pure(merge, "items"),
}
