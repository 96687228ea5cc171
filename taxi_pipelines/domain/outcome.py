"""What the verbs answer: the outcome of a backfill's month, the state of a month, a verification, a finding."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from taxi_pipelines.domain.month import Partition
from taxi_pipelines.domain.plan import PlannedMonth
from taxi_pipelines.domain.receipt import Receipt
from taxi_pipelines.errors import PipelineError


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How one planned month of a backfill ended: with a receipt, with an error, or with neither: it waits."""

    planned: PlannedMonth
    receipt: Receipt | None = None
    error: PipelineError | None = None

    def to_dict(self) -> dict[str, Any]:
        """The line `taxi backfill --json` prints."""
        if self.receipt:
            return self.receipt.to_dict()
        head = {"type": self.planned.type, "month": str(self.planned.month)}
        if self.error:
            return head | {"action": "failed", "error": {"code": self.error.code, "message": str(self.error)}}
        return head | {"action": str(self.planned.action), "reason": self.planned.reason}


class MonthState(StrEnum):
    """What `taxi status` says of a month."""

    LOADED = "loaded"
    FAILED = "failed"  #: never loaded, and the last attempt failed
    RUNNING = "running"  #: somebody is working on it now


@dataclass(frozen=True, kw_only=True, slots=True)
class MonthStatus:
    """One cell of the grid. `error` is why the last attempt failed, also where an older version is in place; `execution_id`
    is of the flow's execution that loaded it, if one did."""

    type: str
    month: Partition
    state: MonthState
    rows: int | None
    sha256: str | None
    loaded_at: datetime | None
    execution_id: str | None = None
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The line `taxi status --json` prints."""
        return asdict(self) | {
            "month": str(self.month),
            "state": str(self.state),
            "loaded_at": self.loaded_at.isoformat() if self.loaded_at else None,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One place where table and file disagree. `source_row` is None where the difference is not about one row."""

    what: str
    source_row: int | None = None
    column: str | None = None
    in_file: str | None = None
    in_table: str | None = None

    def __str__(self) -> str:
        """As a sentence."""
        if self.column is None:
            return self.what if self.source_row is None else f"row {self.source_row}: {self.what}"
        return f"row {self.source_row}, {self.column}: {self.in_file} in the file, {self.in_table} in the table"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verification:
    """Whether a month's table rows are the file's rows, address by address.

    `differences` lists the first of them; `differing_rows` counts all rows that are wrong, missing or too many. `unproven`
    says why nothing could be compared, or not to the end.
    """

    type: str
    month: Partition
    rows_source: int
    rows_target: int
    differing_rows: int
    differences: tuple[Difference, ...] = ()
    unproven: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the row contract holds."""
        equal = self.rows_source == self.rows_target and not self.differing_rows and not self.differences
        return equal and self.unproven is None

    def to_dict(self) -> dict[str, Any]:
        """The line `taxi verify --json` prints."""
        return {
            "type": self.type,
            "month": str(self.month),
            "ok": self.ok,
            "rows_source": self.rows_source,
            "rows_target": self.rows_target,
            "differing_rows": self.differing_rows,
            "differences": [asdict(difference) for difference in self.differences],
            "unproven": self.unproven,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing `taxi doctor` looked at. `fix` says what to do where it is not ok."""

    name: str
    ok: bool
    detail: str
    fix: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The line `taxi doctor --json` prints."""
        return asdict(self)
