"""`make bench`: speed and memory, as ratios against a floor or a peer measured in the same run; writes docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from datetime import date
from pathlib import Path

import duckdb

from tests.bench import data
from tests.bench.embedded import Embedded
from tests.bench.measure import Figure
from tests.bench.postgres import Postgres
from tests.support.data import ROOT


def report(figures: list[Figure], origin: str) -> str:
    """The page docs/benchmarks.md."""
    machine = f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, DuckDB {duckdb.__version__}"
    method = f"""\
The yellow month has {data.YELLOW_ROWS:,} rows ({origin}); the fhvhv months are generated. Commands are timed as whole processes by the kernel's
accounting, ours and the floor in turn, after one uncounted round; ratios are medians of the pairs. Queries run in one process, through
`warehouse.duckdb` and on a DuckDB table of the same rows, in turn. PostgreSQL 18 runs with default settings; CPU there is client and
server together; peers load a part of the month, against ours on the same part. Absolute times are of a shared, noisy machine: compare ratios."""
    lines = [
        "# Benchmarks",
        "",
        f"Written by `make bench` on {date.today()}: {machine}.",
        "",
        method,
        "",
        "| what | bound | measured | detail |",
        "|---|---|---:|---|",
        *(f"| {figure.what} | {figure.bound} | **{figure.found}** | {figure.detail} |" for figure in figures),
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measures, prints, writes the page."""
    figures = []
    with tempfile.TemporaryDirectory(prefix="taxi-bench-") as folder:
        source = Path(folder) / "source"
        source.mkdir()
        yellow, origin = data.yellow_month(source)
        for part in (Embedded(Path(folder), yellow), Postgres(Path(folder), yellow)):
            for figure in part.figures():
                print(f"{figure.what}: {figure.found} ({figure.bound}) {figure.detail}", file=sys.stderr, flush=True)
                figures.append(figure)
    (ROOT / "docs" / "benchmarks.md").write_text(report(figures, origin))


if __name__ == "__main__":
    main()
