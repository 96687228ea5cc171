"""Records for tests: sensible defaults, and what a test is about by keyword."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from taxi_pipelines.domain.manifest import FileFormat, Manifest, Offer
from taxi_pipelines.domain.month import Month
from taxi_pipelines.domain.receipt import CheckResult, Receipt, RunAction, Severity

JANUARY = Month(2021, 1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
URL = "https://example.test/trip-data/green_tripdata_2021-01.parquet"


def an_offer(**changes: Any) -> Offer:
    """Green 2021-01 as a CDN announces it."""
    values: dict[str, Any] = {
        "type": "green",
        "month": JANUARY,
        "format": FileFormat.PARQUET,
        "url": URL,
        "file_name": "green_tripdata_2021-01.parquet",
        "etag": '"abc"',
        "bytes": 1000,
    }
    return Offer(**values | changes)


def a_manifest(**changes: Any) -> Manifest:
    """Green 2021-01 as the lake keeps it."""
    values: dict[str, Any] = {
        "type": "green",
        "month": JANUARY,
        "format": FileFormat.PARQUET,
        "source_url": URL,
        "file_name": "green_tripdata_2021-01.parquet",
        "etag": '"abc"',
        "last_modified": None,
        "sha256": "ab" * 32,
        "bytes": 1000,
        "fetched_at": NOON,
    }
    return Manifest(**values | changes)


def a_receipt(**changes: Any) -> Receipt:
    """Green 2021-01, loaded for the first time."""
    values: dict[str, Any] = {
        "type": "green",
        "month": JANUARY,
        "action": RunAction.LOADED,
        "source_url": URL,
        "etag": '"abc"',
        "sha256": "ab" * 32,
        "bytes": 1000,
        "rows": 76518,
        "rows_staged": 76518,
        "added": 76518,
        "removed": 0,
        "columns_added": (),
        "checks": (CheckResult(name="not_empty", severity=Severity.FAIL, passed=True, value=76518),),
        "schema_fingerprint": "0123456789ab",
        "target": "duckdb",
        "version": "20260301T120000000000-abababab",
        "started_at": NOON,
        "finished_at": NOON,
        "seconds": {"extract": 0.1, "load": 0.2, "merge": 0.1, "check": 0.05},
    }
    return Receipt(**values | changes)
