"""The receipt: what is known, and provable, of one published version of one month."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from taxi_pipelines.domain.month import Partition


class RunAction(StrEnum):
    """What a run did to a month."""

    LOADED = "loaded"
    RELOADED = "reloaded"
    UNCHANGED = "unchanged"
    ROLLED_BACK = "rolled_back"


class Severity(StrEnum):
    """What a check that does not pass means."""

    WARN = "warn"  #: said in summary and receipt; the month is published
    FAIL = "fail"  #: the month is not published; the old one stays


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckResult:
    """One check of one load. `value` is what was measured: a count, a share or a short text."""

    name: str
    severity: Severity
    passed: bool
    value: float | int | str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """What one run of one month did.

    `version` names the version of the month in the warehouse and sorts by time; `bytes` and `sha256` are of the published
    file; `added` and `removed` count rows against the version before (multiset difference over all published columns).
    """

    type: str
    month: Partition
    action: RunAction
    source_url: str
    etag: str | None
    sha256: str
    bytes: int
    rows: int
    rows_staged: int
    added: int
    removed: int
    columns_added: tuple[str, ...]
    checks: tuple[CheckResult, ...]
    schema_fingerprint: str
    target: str
    version: str
    started_at: datetime
    finished_at: datetime
    seconds: Mapping[str, float] = field(default_factory=dict)
    execution_id: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The receipt as `taxi run --json` prints it: plain values, times in ISO 8601."""
        plain = asdict(self)
        plain["month"] = str(self.month)
        plain["action"] = str(self.action)
        plain["columns_added"] = list(self.columns_added)
        plain["checks"] = [asdict(check) | {"severity": str(check.severity)} for check in self.checks]
        plain["started_at"] = self.started_at.isoformat()
        plain["finished_at"] = self.finished_at.isoformat()
        plain["seconds"] = dict(self.seconds)
        return plain
