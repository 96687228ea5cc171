"""Doctor: looks at everything a run needs, says what is wrong and how to mend it, and mends what it can."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable
from importlib.metadata import version
from os import SEEK_END
from pathlib import Path

from taxi_pipelines.domain.month import Month
from taxi_pipelines.domain.outcome import Finding
from taxi_pipelines.errors import LakeCorrupt, PipelineError, from_os_error
from taxi_pipelines.months.resources import Resources
from taxi_pipelines.taxi.types import ALL, newest_due

LOW_SPACE = 2 << 30
"""Bytes: a big fhvhv month needs about 1.5 GB while it is loaded."""


def examine(res: Resources, home: Path, *, fix: bool = False) -> list[Finding]:
    """Every finding, in the order of the path of the data. With `fix`, mends first."""
    before: list[tuple[str, Callable[[], Finding]]] = [
        ("home", lambda: _home(home)),
        ("disk space", lambda: _disk_space(home)),
        ("source", lambda: _source(res)),
    ]
    after: list[tuple[str, Callable[[], Finding]]] = [
        ("lake", lambda: _lake(res, fix=fix)),
        ("warehouse", lambda: _warehouse(res, fix=fix)),
        ("metadata", lambda: _metadata(res)),
        ("versions", _versions),
    ]
    asked = [finding for examiner in res.examiners for finding in examiner()]
    return [*(_look(name, look) for name, look in before), *asked, *(_look(name, look) for name, look in after)]


def _look(name: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except PipelineError as error:
        return Finding(name=name, ok=False, detail=error.what, fix=error.hint)


def _existing(home: Path) -> Path:
    return next(folder for folder in (home, *home.parents) if folder.exists())


def _home(home: Path) -> Finding:
    place = _existing(home)
    probe = place / ".taxi-doctor-probe"
    try:
        probe.write_bytes(b"taxi")
        probe.unlink()
    except OSError as error:
        raise from_os_error(error, place) or error from error
    detail = str(home) if home.exists() else f"{home} (made by the first run)"
    return Finding(name="home", ok=True, detail=detail)


def _disk_space(home: Path) -> Finding:
    free = shutil.disk_usage(_existing(home)).free
    return Finding(
        name="disk space",
        ok=free >= LOW_SPACE,
        detail=f"{free / 2**30:.1f} GiB free",
        fix="free some space: a big month needs 2 GiB while it is loaded",
    )


def _source(res: Resources) -> Finding:
    today = Month.of(res.clock().date())
    latest = res.source.latest(ALL["green"], newest_due(today), res.prefer) or res.source.latest(
        ALL["yellow"], today, res.prefer
    )
    detail = f"{res.source.address}, " + (
        f"newest month found {latest}" if latest else "no month of the last year found"
    )
    fix = "give --source a URL or folder laid out like the TLC's CDN, with green_tripdata_2024-01.parquet in it"
    return Finding(name="source", ok=latest is not None, detail=detail, fix=fix)


def _lake(res: Resources, *, fix: bool) -> Finding:
    """Whether every file is there in its length; `verify` looks at the content."""
    if fix:
        res.lake.sweep()
    items = 0
    problems: list[str] = []
    for name, partition in res.lake.partitions():
        try:
            for item in res.lake.versions(name, partition):
                items += 1
                with res.lake.open(item) as file:
                    if file.seek(0, SEEK_END) != item.manifest.bytes:
                        problems.append(f"{item.location} is not {item.manifest.bytes:,} bytes long")
        except LakeCorrupt as error:
            problems.append(error.what)
    detail = "; ".join(problems[:5]) or f"{items} files at {res.lake.address}"
    return Finding(
        name="lake", ok=not problems, detail=detail, fix="run: taxi run TYPE MONTH --force, which fetches it again"
    )


def _warehouse(res: Resources, *, fix: bool) -> Finding:
    if fix:
        res.warehouse.repair()
    problems = res.warehouse.problems()
    months = sum(len(res.warehouse.published(kind.table)) for kind in ALL.values())
    return Finding(
        name="warehouse",
        ok=not problems,
        detail="; ".join(problems) or f"{res.warehouse.target}, {months} months",
        fix="run: taxi doctor --fix; months that stay broken: taxi run TYPE MONTH --force",
    )


def _metadata(res: Resources) -> Finding:
    receipts = res.receipts.current(res.warehouse.target)
    without = [
        f"{kind.name} {partition}"
        for kind in ALL.values()
        for partition, month in res.warehouse.published(kind.table).items()
        if not ((receipt := receipts.get((kind.name, partition))) and receipt.version == month.version)
    ]
    return Finding(
        name="metadata",
        ok=not without,
        detail=f"no receipt for {', '.join(without[:5])}" if without else f"{len(receipts)} receipts",
        fix="run those months again: taxi run TYPE MONTH",
    )


def _versions() -> Finding:
    packages = ", ".join(
        f"{name} {version(name)}" for name in ("taxi-pipelines", "duckdb", "pyarrow", "pandas", "sqlalchemy")
    )
    return Finding(name="versions", ok=True, detail=f"python {platform.python_version()}, {packages}")
