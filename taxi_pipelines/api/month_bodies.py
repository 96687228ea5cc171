"""Bodies of months, which are ours alone."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field

from taxi_pipelines.api.bodies import Body, with_example
from taxi_pipelines.domain.plan import PlannedAction


class MonthBody(Body):
    """One cell of the grid of taxi × month. `error` is why the last attempt failed."""

    model_config = with_example(
        type="green",
        month="2021-01",
        state="loaded",
        rows=76518,
        sha256="9f2c…",
        loadedAt="2024-03-01T09:00:00Z",
        error=None,
    )

    type: str
    month: str
    state: Literal["loaded", "failed", "running"]
    rows: int | None
    sha256: str | None
    loaded_at: datetime | None
    error: str | None


class ReceiptBody(Body):
    """What is known, and provable, of one published version of one month."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={"examples": [{"type": "green", "month": "2021-01", "action": "loaded", "rows": 76518}]},
    )

    type: str
    month: str
    action: str
    rows: int


class FileVersion(Body):
    """One version of a month's published file in the lake."""

    model_config = with_example(
        type="green", month="2021-01", sha256="9f2c…", bytes=1333519, path="raw/green/2021-01/…", fetchedAt=None
    )

    type: str
    month: str
    sha256: str
    bytes: int
    path: str
    fetched_at: datetime | None


class VerificationBody(Body):
    """Whether a month's rows in the table are those of its file."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"examples": [{"type": "green", "month": "2021-01", "ok": True}]}
    )

    type: str
    month: str
    ok: bool


class MonthsToLoad(Body):
    """Months of one type of taxi. `force`: those that are unchanged, too."""

    model_config = with_example(months=["2024-01", "2024-02"], force=False)

    months: list[str] = Field(min_length=1, max_length=600)
    force: bool = False


class LoadBegun(Body):
    """The execution that loads a month."""

    model_config = with_example(month="2024-01", executionId="k3v9q0c2m7x1a5b8d4fz")

    month: str
    execution_id: str


class OfferedMonth(Body):
    """A month at the source when that was asked. `action`: load, reload (it has changed), skip (unchanged), wait (not there)."""

    model_config = with_example(type="green", month="2024-01", action="load", bytes=1427002)

    type: str
    month: str
    action: PlannedAction
    bytes: int | None


class OutlookBody(Body):
    """What is known of the source. `asking`: it is being asked now; `trouble`: why it could not be asked the last time."""

    model_config = with_example(
        askedAt="2024-03-01T09:00:00Z",
        asking=False,
        trouble=None,
        months=[{"type": "green", "month": "2024-01", "action": "load", "bytes": 1427002}],
    )

    asked_at: datetime | None
    asking: bool
    trouble: str | None
    months: list[OfferedMonth]
