"""`make bench`: speed and memory, as ratios against a floor or a peer measured in the same run; writes docs/benchmarks.md.

`python -m tests.bench google flows` measures those groups only, and prints them without writing the page.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

import duckdb

from tests.bench import data, engine, expressions, flows, jdbc, scheduler, scripts, service, ui
from tests.bench.embedded import Embedded
from tests.bench.google import Google
from tests.bench.measure import Figure
from tests.bench.postgres import Postgres
from tests.bench.store import Store
from tests.support.data import ROOT

GROUPS: dict[str, Callable[[Path, Path], Iterator[Figure]]] = {
    "embedded": lambda folder, yellow: Embedded(folder, yellow).figures(),
    "postgres": lambda folder, yellow: Postgres(folder, yellow).figures(),
    "google": lambda folder, yellow: Google(folder, yellow).figures(),
    "expressions": lambda folder, yellow: expressions.figures(),
    "flows": lambda folder, yellow: flows.figures(folder, yellow),
    "scripts": lambda folder, yellow: scripts.figures(),
    "jdbc": lambda folder, yellow: jdbc.figures(yellow),
    "engine": lambda folder, yellow: engine.figures(),
    "scheduler": lambda folder, yellow: scheduler.figures(),
    "service": lambda folder, yellow: service.figures(),
    "ui": lambda folder, yellow: ui.figures(),
    "store": lambda folder, yellow: Store(folder).figures(),
}
"""Each is given a folder to work in, and the yellow month's file."""


def report(figures: list[Figure], origin: str) -> str:
    """The page docs/benchmarks.md."""
    machine = f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, DuckDB {duckdb.__version__}"
    method = f"""\
The yellow month has {data.YELLOW_ROWS:,} rows ({origin}); the fhvhv months are generated. Commands are timed as whole processes by the kernel's
accounting, ours and the floor in turn, after one uncounted round; ratios are medians of the pairs. Queries run in one process, through
`warehouse.duckdb` and on a DuckDB table of the same rows, in turn. PostgreSQL 18 runs with default settings; CPU there is client and
server together. The limit is a COPY of the same rows and columns, address included, from a ready file on the server's disk into a logged table. pandas
appends; the course's and dlt's merges, like ours, go into a table that holds 12 other months as large; their rerun is the same month again, which
ours answers from its receipt. Google is the tests' own fake, in a process of its own: what Google itself takes is not measured.
Absolute times are of a shared, noisy machine: compare ratios."""
    lines = [
        "# Benchmarks",
        "",
        f"Written by `make bench` on {date.today()}: {machine}.",
        "",
        method,
        "",
        "| what | bound | measured | detail |",
        "|---|---|---:|---|",
        *map(row, figures),
        "",
    ]
    return "\n".join(lines)


def row(figure: Figure) -> str:
    """A line of the page's table."""
    return f"| {figure.what} | {figure.bound} | **{figure.found}** | {figure.detail} |"


def main(chosen: Sequence[str]) -> None:
    """Measures and prints; writes the page where nothing is left out."""
    if unknown := set(chosen) - set(GROUPS):
        sys.exit(f"no group {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    figures = []
    with tempfile.TemporaryDirectory(prefix="taxi-bench-") as folder:
        source = Path(folder) / "source"
        source.mkdir()
        yellow, origin = data.yellow_month(source)
        for name in chosen or GROUPS:
            for figure in GROUPS[name](Path(folder), yellow):
                print(row(figure), flush=True)
                figures.append(figure)
    if not chosen:
        (ROOT / "docs" / "benchmarks.md").write_text(report(figures, origin))


if __name__ == "__main__":
    main(sys.argv[1:])
