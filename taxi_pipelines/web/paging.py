"""Lists that are shown a page at a time: which page an address asks for, and the addresses of those around it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import Query

PageNumber = Annotated[int, Query(alias="page", ge=1, le=1_000_000)]


def url_of(path: str, given: Iterable[tuple[str, object]]) -> str:
    """An address with these parameters; those that are empty are left out."""
    query = urlencode([(name, str(value)) for name, value in given if value], quote_via=quote)
    return f"{path}?{query}" if query else path


def turning(path: str, given: Iterable[tuple[str, object]], number: int, size: int, found: int) -> dict[str, object]:
    """What a list's template needs: its first row's number, and the addresses of its live parts and of the pages around it.

    `given` are the parameters of its address but `page`; `found` is how many rows there are, or any number above those shown
    where there are more.
    """
    same = list(given)

    def page(path: str, number: int) -> str:
        return url_of(path, [*same, ("page", number if number > 1 else "")])

    return {
        "first": (number - 1) * size + 1,
        "live_url": page(f"{path}/live", number),
        "before": page(path, number - 1) if number > 1 else "",
        "after": page(path, number + 1) if number * size < found else "",
    }
