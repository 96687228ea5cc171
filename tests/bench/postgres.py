"""PostgreSQL as target: against the server's own limit, and against what people load it with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pyarrow.csv
import pyarrow.parquet as pq

from taxi_pipelines.domain.month import Month
from taxi_pipelines.warehouses.postgres_server import EmbeddedPostgres
from tests.bench import data, peers
from tests.bench.measure import Cost, Figure, median, paired, python, run, taxi

OTHER_MONTHS = [Month(2022, number) for number in range(1, 13)]
TICKS = os.sysconf("SC_CLK_TCK")
SETTLING_SECONDS = 0.5
DLT_ENVIRONMENT = {"RUNTIME__DLTHUB_TELEMETRY": "false"}


class Postgres:
    """Measures on an embedded server with default settings."""

    def __init__(self, folder: Path, yellow: Path) -> None:
        self.folder = folder
        self.yellow = yellow
        self.source = yellow.parent
        self.home = folder / "postgres-home"
        self.server = EmbeddedPostgres(self.home / "postgres")

    def figures(self) -> Iterator[Figure]:
        """Every figure, measured as it is asked for."""
        self.url = self.server.start()
        try:
            yield from self.whole_run()
            yield self.unchanged()
            yield self.other_months()
            yield self.pandas()
            yield from self.course()
            yield from self.dlt()
            yield self.memory()
        finally:
            self.server.stop()

    def _sql(self, text: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(text.encode())
            return cursor.fetchall() if cursor.description else []

    def _server_cpu(self) -> float:
        """CPU seconds of the server and all its processes, ended ones included."""
        pid = int((self.home / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        own = _ticks(pid, slice(13, 17))
        return (own + sum(_ticks(int(child), slice(13, 15)) for child in children)) / TICKS

    def _with_server(self, work: Callable[[], Cost]) -> Cost:
        """The work's cost with the server's part of it."""
        self._sql("CHECKPOINT")
        before = self._settled_server_cpu()
        cost = work()
        return replace(cost, cpu=cost.cpu + self._settled_server_cpu() - before)

    def _settled_server_cpu(self) -> float:
        """A backend that is ending is counted neither as a child nor among the ended ones: wait for it."""
        time.sleep(SETTLING_SECONDS)
        return self._server_cpu()

    def _taxi(self, kind: str, month: Month, *flags: str) -> Cost:
        arguments = [
            "--home",
            str(self.home),
            "run",
            kind,
            str(month),
            "--target",
            "postgres",
            "--source",
            str(self.source),
        ]
        return self._with_server(lambda: run(taxi(*arguments, *flags)))

    def _copy(self) -> Cost:
        """The server's own limit: a binary COPY of a ready file on its disk."""
        self._sql("DROP TABLE IF EXISTS floor; CREATE TABLE floor (LIKE taxi.yellow_tripdata_2021_01)")

        def work() -> Cost:
            start = time.perf_counter()
            self._sql(f"COPY floor FROM '{self.binary}' (FORMAT BINARY)")
            return Cost(wall=time.perf_counter() - start, cpu=0.0, peak_mb=0.0)

        return self._with_server(work)

    def whole_run(self) -> Iterator[Figure]:
        """A whole process from a local file, against the limit; in turn, after one uncounted round."""
        self._taxi("yellow", data.MONTH)
        self.binary = self.home / "postgres" / "data" / "floor.bin"
        self._sql(f"COPY taxi.yellow_tripdata_2021_01 TO '{self.binary}' (FORMAT BINARY)")
        ours, floor = paired(self._first_load, self._copy, rounds=5)
        self.binary.unlink()
        self._sql("DROP TABLE floor")
        for what, bound, of in (
            ("wall", "≤ 1.8 × a server-side COPY, target 1.5", "wall"),
            ("CPU", "≤ 2.2 × a server-side COPY", "cpu"),
        ):
            pairs = [(getattr(a, of), getattr(b, of)) for a, b in zip(ours, floor, strict=True)]
            ratios = sorted(a / b for a, b in pairs)
            yield Figure(
                f"PostgreSQL: `taxi run` of 3 M rows, {what}",
                bound,
                f"{median(ratios):.2f} ×",
                f"{median([a for a, _ in pairs]):.2f} against {median([b for _, b in pairs]):.2f} s; pairs {ratios[0]:.2f} to {ratios[-1]:.2f}",
            )
        again = self._taxi("yellow", data.MONTH, "--force")
        yield Figure(
            "PostgreSQL: client's peak memory, 3 M rows",
            "≤ 300 MB",
            f"{max(cost.peak_mb for cost in ours):.0f} MB",
            f"a forced reload with counted changes: {again.cpu:.1f} CPU s",
        )

    def _first_load(self) -> Cost:
        """Of a month that neither the lake nor the server has."""
        self._sql(
            "DROP TABLE taxi.yellow_tripdata_2021_01; DELETE FROM taxi.loaded_months WHERE source_month = '2021-01'"
        )
        shutil.rmtree(self.home / "lake")
        return self._taxi("yellow", data.MONTH)

    def unchanged(self) -> Figure:
        """The same again."""
        costs = [self._taxi("yellow", data.MONTH) for _ in range(5)]
        walls = [cost.wall for cost in costs]
        self.rerun_cpu = median([cost.cpu for cost in costs])
        return Figure(
            "PostgreSQL: unchanged rerun",
            "≤ 1.0 s",
            f"{median(walls):.2f} s",
            f"{min(walls):.2f} to {max(walls):.2f} s of 5; {self.rerun_cpu:.2f} CPU s",
        )

    def other_months(self) -> Figure:
        """The cost of a month does not depend on how many others there are."""
        costs = []
        for others in (OTHER_MONTHS[:2], OTHER_MONTHS[2:]):
            for month in others:
                path = self.source / f"yellow_tripdata_{month}.parquet"
                path.hardlink_to(self.yellow)
                self._taxi("yellow", month)
                path.unlink()
            costs.append(median([self._first_load().cpu for _ in range(3)]))
        few, self.ours_cpu = costs
        return Figure(
            "PostgreSQL: with 12 other months against 2",
            "within 10 %",
            f"{self.ours_cpu / few:.2f} ×",
            f"{self.ours_cpu:.2f} against {few:.2f} CPU s; each of them as large",
        )

    def pandas(self) -> Figure:
        """Appends, whatever is there: an empty table will do."""
        cost = self._with_server(lambda: run(python(peers.PANDAS, self.url, str(self.yellow))))
        self._sql("DROP TABLE peer_pandas")
        return self._against("pandas.to_sql, first load", 15, cost, self.ours_cpu)

    def course(self) -> Iterator[Figure]:
        """From a ready CSV file, beside the other months; then the same month again."""
        table = pq.read_table(self.yellow)
        text = self.folder / "yellow.csv"
        pyarrow.csv.write_csv(table, text)
        names = table.schema.names
        self._sql(peers.course_tables(table.schema))
        self._sql(peers.course_others(names, self._others(names)))
        self._sql(f"VACUUM ANALYZE {peers.COURSE_TABLE}")
        command = python(peers.COURSE, self.url, str(text), *peers.course_statements(names))
        yield from self._twice("the course's COPY + UPDATE + MERGE", 10, command)
        self._sql(f"DROP TABLE {peers.COURSE_TABLE}, {peers.COURSE_STAGING}")
        text.unlink()

    def dlt(self) -> Iterator[Figure]:
        """dlt makes its table with a few rows, then the other months join them; the rest as for the course."""
        sample = self.folder / "sample.parquet"
        table = pq.read_table(self.yellow)
        pq.write_table(table.slice(0, 1_000), sample)
        state = str(self.folder / "dlt-state")
        interpreter = self._dlt_interpreter()
        run([interpreter, "-c", peers.DLT, self.url, str(sample), state], DLT_ENVIRONMENT)
        names = table.schema.names
        theirs = self._sql(
            f"SELECT attname FROM pg_attribute WHERE attrelid = '{peers.DLT_TABLE}'::regclass AND attnum > 0 ORDER BY attnum"
        )
        columns = [str(name) for (name,) in theirs if not str(name).startswith("_dlt")]
        self._sql(peers.dlt_others(columns, names, self._others(names)))
        self._sql(f"VACUUM ANALYZE {peers.DLT_TABLE}")
        command = [interpreter, "-c", peers.DLT, self.url, str(self.yellow), state]
        yield from self._twice("dlt with ADBC and merge", 3, command, DLT_ENVIRONMENT)
        self._sql("DROP SCHEMA peer_dlt CASCADE")

    def _others(self, names: list[str]) -> str:
        """A query for the rows of 12 other months as large as this one, numbered by month and row."""
        return (
            f"SELECT number, source_row, {peers.quoted(names)} FROM taxi.yellow_tripdata_2021_01,"
            f" generate_series(1, {len(OTHER_MONTHS)}) AS number"
        )

    def _twice(self, name: str, bound: int, command: list[str], env: dict[str, str] | None = None) -> Iterator[Figure]:
        for what, ours in (("first load", self.ours_cpu), ("rerun", self.rerun_cpu)):
            cost = self._with_server(lambda: run(command, env))
            yield self._against(f"{name}, {what}", bound, cost, ours)

    def _against(self, name: str, bound: int, peer: Cost, ours: float) -> Figure:
        return Figure(
            f"PostgreSQL: CPU of {name}",
            f"≥ {bound} × ours",
            f"{peer.cpu / ours:.1f} ×",
            f"{peer.cpu:.1f} against our {ours:.1f} CPU s, {peer.wall:.0f} s wall",
        )

    def _dlt_interpreter(self) -> str:
        """The Python of an environment with dlt, which is none of our dependencies."""
        venv = self.folder / "dlt-venv"
        interpreter = str(venv / "bin" / "python")
        if not venv.exists():
            packages = ["dlt[postgres]", "pyarrow", "adbc-driver-postgresql", "adbc-driver-manager"]
            subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
            subprocess.run([interpreter, "-m", "pip", "install", "-q", *packages], check=True)
        return interpreter

    def memory(self) -> Figure:
        """A big month."""
        path = data.fhvhv_month(self.source, Month(2024, 2), 20_000_000)
        cost = self._taxi("fhvhv", Month(2024, 2))
        path.unlink()
        return Figure(
            "PostgreSQL: client's peak memory, 20 M rows",
            "≤ 300 MB",
            f"{cost.peak_mb:.0f} MB",
            f"{cost.cpu:.0f} CPU s, {cost.wall:.0f} s wall",
        )


def _ticks(pid: int, fields: slice) -> int:
    try:
        return sum(
            int(number)
            for number in Path(f"/proc/{pid}/stat")
            .read_text()
            .rpartition(")")[2]
            .split()[fields.start - 2 : fields.stop - 2]
        )
    except FileNotFoundError:
        return 0
