"""The embedded warehouse against bare DuckDB."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb

from taxi_pipelines.domain.month import Month
from tests.bench import data
from tests.bench.measure import Cost, Figure, median, paired, python, run, taxi

CREATE_TABLE = """
import duckdb, sys
duckdb.connect(sys.argv[2]).execute(f"create table t as select * from read_parquet('{sys.argv[1]}')")
"""

QUERIES = {
    "trips and revenue per day": "select date_trunc('day', tpep_pickup_datetime) d, count(*), sum(total_amount) from {t} group by 1 order by 1",
    "tip share per pick-up zone": 'select "PULocationID", avg(tip_amount / nullif(fare_amount, 0)) from {t} group by 1 order by 2 desc limit 10',
    "payment types of middling trips": "select payment_type, count(*), avg(trip_distance) from {t} where trip_distance between 1 and 5 group by 1",
    "trips per hour and weekday": "select hour(tpep_pickup_datetime), dayofweek(tpep_pickup_datetime), count(*) from {t} group by all",
    "one day's revenue per zone": (
        "select \"PULocationID\", sum(total_amount) from {t} where tpep_pickup_datetime >= '2021-01-15'"
        " and tpep_pickup_datetime < '2021-01-16' group by 1 order by 2 desc"
    ),
}


class Embedded:
    """Measures in a folder of its own."""

    def __init__(self, folder: Path, yellow: Path) -> None:
        self.folder = folder
        self.yellow = yellow
        self.source = yellow.parent

    def figures(self) -> Iterator[Figure]:
        """Every figure, measured as it is asked for."""
        yield self.whole_run()
        yield from self.queries()
        yield self.unchanged()
        yield self.help()
        yield self.memory()

    def _run_month(self, name: str, kind: str, month: Month, *, fresh: bool = True) -> Cost:
        home = self.folder / name
        if fresh:
            shutil.rmtree(home, ignore_errors=True)
        return run(taxi("--home", str(home), "run", kind, str(month), "--source", str(self.source)))

    def _create_table(self) -> Cost:
        target = self.folder / "floor.duckdb"
        target.unlink(missing_ok=True)
        return run(python(CREATE_TABLE, str(self.yellow), str(target)))

    def whole_run(self) -> Figure:
        """A first `taxi run`, whole process, against a bare CREATE TABLE AS."""
        ours, floor = paired(lambda: self._run_month("home", "yellow", data.MONTH), self._create_table, rounds=5)
        ratios = sorted(a.cpu / b.cpu for a, b in zip(ours, floor, strict=True))
        cpu, floor_cpu = median([cost.cpu for cost in ours]), median([cost.cpu for cost in floor])
        wall, peak = median([cost.wall for cost in ours]), max(cost.peak_mb for cost in ours)
        detail = f"{cpu:.2f} against {floor_cpu:.2f} CPU s, {wall:.2f} s wall, {peak:.0f} MB peak; pairs {ratios[0]:.2f} to {ratios[-1]:.2f}"
        return Figure(
            f"`taxi run` of {data.YELLOW_ROWS:,} rows, CPU",
            "≤ 1.6 × CREATE TABLE AS, target 1.2",
            f"{median(ratios):.2f} ×",
            detail,
        )

    def queries(self) -> Iterator[Figure]:
        """Typical queries through the catalog that clients open, against the same on a DuckDB table."""
        with duckdb.connect(self.folder / "home" / "warehouse.duckdb", read_only=True) as view:
            with duckdb.connect(self.folder / "floor.duckdb", read_only=True) as table:
                together = [0.0, 0.0]
                for name, sql in QUERIES.items():
                    ours, floor = _paired_queries(view, sql.format(t="taxi.yellow_tripdata"), table, sql.format(t="t"))
                    together = [together[0] + ours, together[1] + floor]
                    yield Figure(
                        f"query: {name}",
                        "≤ 2 × a DuckDB table",
                        f"{ours / floor:.2f} ×",
                        f"{ours * 1e3:.1f} against {floor * 1e3:.1f} ms",
                    )
                ours, floor = together
                yield Figure(
                    "all five queries",
                    "≤ 2 × a DuckDB table",
                    f"{ours / floor:.2f} ×",
                    f"{ours * 1e3:.1f} against {floor * 1e3:.1f} ms",
                )

    def unchanged(self) -> Figure:
        """The same run again."""
        walls = [self._run_month("home", "yellow", data.MONTH, fresh=False).wall for _ in range(7)]
        return Figure(
            "unchanged rerun, whole process",
            "≤ 1.0 s",
            f"{median(walls):.2f} s",
            f"{min(walls):.2f} to {max(walls):.2f} s of 7",
        )

    def help(self) -> Figure:
        """`taxi --help`."""
        walls = [run(taxi("--help")).wall for _ in range(9)]
        return Figure(
            "`taxi --help`, whole process",
            "≤ 0.3 s",
            f"{median(walls):.2f} s",
            f"{min(walls):.2f} to {max(walls):.2f} s of 9",
        )

    def memory(self) -> Figure:
        """A big month against a quarter of it."""
        peaks = {}
        for month, rows in ((Month(2024, 1), 5_000_000), (Month(2024, 2), 20_000_000)):
            path = data.fhvhv_month(self.source, month, rows)
            cost = self._run_month("big", "fhvhv", month)
            peaks[rows] = cost
            path.unlink()
        small, big = peaks.values()
        detail = f"5 M rows: {small.peak_mb:.0f} MB; 20 M rows: {big.cpu:.0f} CPU s, {big.wall:.0f} s wall"
        return Figure(
            "fhvhv, 20 M rows, peak memory", "≤ 400 MB, not growing with the file", f"{big.peak_mb:.0f} MB", detail
        )


def _paired_queries(
    view: duckdb.DuckDBPyConnection, ours: str, table: duckdb.DuckDBPyConnection, floor: str, rounds: int = 15
) -> tuple[float, float]:
    pairs = [
        (_timed(lambda: view.execute(ours).fetchall()), _timed(lambda: table.execute(floor).fetchall()))
        for _ in range(rounds)
    ]
    return median([pair[0] for pair in pairs[1:]]), median([pair[1] for pair in pairs[1:]])


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
