"""What every task that runs SQL may say of the rows it gets, wherever the SQL runs."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from taxi_pipelines.task_types import Properties


class FetchType(StrEnum):
    """What becomes of a statement's rows."""

    NONE = "NONE"
    FETCH = "FETCH"
    FETCH_ONE = "FETCH_ONE"
    STORE = "STORE"


class Fetching(Properties):
    """Properties of a statement that may give rows."""

    fetch_type: FetchType = Field(
        default=FetchType.NONE,
        description="What becomes of the rows: FETCH puts all out, FETCH_ONE the first, STORE stores them, NONE drops them.",
    )
    fetch: bool = Field(default=False, description="The old way to write `fetchType: FETCH`.")
    fetch_one: bool = Field(default=False, description="The old way to write `fetchType: FETCH_ONE`.")
    store: bool = Field(default=False, description="The old way to write `fetchType: STORE`.")

    @property
    def fetching(self) -> FetchType:
        """Either way of writing it; the old one goes first, as in Kestra."""
        if self.fetch:
            return FetchType.FETCH
        if self.fetch_one:
            return FetchType.FETCH_ONE
        return FetchType.STORE if self.store else self.fetch_type


ROWS = {
    "row": "The first row: column → value; null where there is none (FETCH_ONE).",
    "rows": "All rows (FETCH).",
    "uri": "The stored rows, a JSON map on each line (STORE).",
    "size": "How many rows were fetched or stored.",
}
"""Outputs of a statement that gives rows."""
