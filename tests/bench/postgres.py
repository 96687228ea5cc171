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
import pyarrow.parquet as pq

from taxi_pipelines.domain.month import Month
from taxi_pipelines.synthetic.files import write_month
from taxi_pipelines.warehouses.postgres_server import EmbeddedPostgres
from tests.bench import data
from tests.bench.measure import Cost, Figure, median, run, taxi

PEER_ROWS = 1_000_000
PEER_MONTH = Month(2021, 6)
TICKS = os.sysconf("SC_CLK_TCK")

PANDAS = """
import sys, pandas, sqlalchemy
engine = sqlalchemy.create_engine(sys.argv[2])
frame = pandas.read_parquet(sys.argv[1])
for start in range(0, len(frame), 100_000):
    frame.iloc[start : start + 100_000].to_sql("peer_pandas", engine, index=False, if_exists="replace" if start == 0 else "append")
"""

COURSE = """
import sys, psycopg, pyarrow.parquet as pq, pyarrow.csv as csv
table = pq.read_table(sys.argv[1])
csv.write_csv(table, sys.argv[3])
kinds = {"int64": "bigint", "double": "double precision", "string": "text", "timestamp[us]": "timestamp"}
columns = ", ".join(f'"{f.name}" {kinds[str(f.type)]}' for f in table.schema)
names = ", ".join(f'"{n}"' for n in table.schema.names)
key = "md5(" + " || ".join(f"coalesce(cast(\\"{n}\\" as text), '')" for n in ("VendorID", "tpep_pickup_datetime", "tpep_dropoff_datetime", "PULocationID", "DOLocationID", "fare_amount", "trip_distance")) + ")"
with psycopg.connect(sys.argv[2]) as connection:
    for name in ("peer_course", "peer_staging"):
        connection.execute(f"create table if not exists {name} (unique_row_id text, filename text, {columns})")
    connection.execute("truncate peer_staging")
    with connection.cursor() as cursor, cursor.copy(f"copy peer_staging ({names}) from stdin with (format csv, header)") as copy, open(sys.argv[3], "rb") as file:
        while data := file.read(1 << 20):
            copy.write(data)
    connection.execute(f"update peer_staging set unique_row_id = {key}, filename = 'x'")
    connection.execute(f"merge into peer_course t using (select distinct on (unique_row_id) * from peer_staging) s on t.unique_row_id = s.unique_row_id when not matched then insert (unique_row_id, filename, {names}) values (s.unique_row_id, s.filename, {', '.join(f's.' + chr(34) + n + chr(34) for n in table.schema.names)})")
"""

DLT = """
import sys, dlt, pyarrow.parquet as pq
@dlt.resource(name="peer_dlt", primary_key="row", write_disposition="merge")
def month():
    for batch in pq.ParquetFile(sys.argv[1]).iter_batches(100_000):
        import pyarrow as pa
        month.rows = getattr(month, "rows", 0)
        yield pa.Table.from_batches([batch]).append_column("row", pa.array(range(month.rows, month.rows + batch.num_rows)))
        month.rows += batch.num_rows
pipeline = dlt.pipeline("peer", pipelines_dir=sys.argv[3], destination=dlt.destinations.postgres(sys.argv[2]), dataset_name="peer_dlt")
pipeline.run(month(), loader_file_format="parquet")
"""


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
            yield from self.peers()
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
        before = self._server_cpu()
        cost = work()
        return replace(cost, cpu=cost.cpu + self._server_cpu() - before)

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
        """A whole process from a local file, against the limit."""
        self._taxi("yellow", data.MONTH)
        self.binary = self.home / "postgres" / "data" / "floor.bin"
        self._sql(f"COPY taxi.yellow_tripdata_2021_01 TO '{self.binary}' (FORMAT BINARY)")
        pairs = [(self._taxi("yellow", data.MONTH, "--force"), self._copy()) for _ in range(5)]
        self.binary.unlink()
        self._sql("DROP TABLE floor")
        loads = [self._first_load() for _ in range(3)]
        for what, bound, of in (
            ("wall", "≤ 1.8 × a server-side COPY, target 1.5", "wall"),
            ("CPU", "≤ 2.2 × a server-side COPY", "cpu"),
        ):
            floor = median([getattr(pair[1], of) for pair in pairs])
            ours = median([getattr(cost, of) for cost in loads])
            yield Figure(
                f"PostgreSQL: `taxi run` of 3 M rows, {what}",
                bound,
                f"{ours / floor:.2f} ×",
                f"{ours:.2f} against {floor:.2f} s",
            )
        again = median([pair[0].cpu for pair in pairs])
        peak = max(cost.peak_mb for cost in loads)
        yield Figure(
            "PostgreSQL: client's peak memory, 3 M rows",
            "≤ 300 MB",
            f"{peak:.0f} MB",
            f"a forced reload with counted changes: {again:.1f} CPU s",
        )

    def _first_load(self) -> Cost:
        self._sql(
            "DROP TABLE taxi.yellow_tripdata_2021_01; DELETE FROM taxi.loaded_months WHERE table_name = 'yellow_tripdata'"
        )
        return self._taxi("yellow", data.MONTH)

    def unchanged(self) -> Figure:
        """The same again."""
        walls = [self._taxi("yellow", data.MONTH).wall for _ in range(5)]
        return Figure(
            "PostgreSQL: unchanged rerun",
            "≤ 1.0 s",
            f"{median(walls):.2f} s",
            f"{min(walls):.2f} to {max(walls):.2f} s of 5",
        )

    def other_months(self) -> Figure:
        """The cost of a month does not depend on how many others there are."""
        months = [Month(2022, number) for number in range(1, 13)]
        for month in months:
            write_month(self.source, "yellow", month, 250_000)
        costs = []
        for others in (months[:2], months[2:]):
            for month in others:
                self._taxi("yellow", month)
            costs.append(median([self._first_load_beside() for _ in range(3)]))
        few, many = costs
        return Figure(
            "PostgreSQL: with 12 other months against 2",
            "within 10 %",
            f"{many / few:.2f} ×",
            f"{many:.2f} against {few:.2f} CPU s",
        )

    def _first_load_beside(self) -> float:
        self._sql(
            "DROP TABLE taxi.yellow_tripdata_2021_01; DELETE FROM taxi.loaded_months WHERE source_month = '2021-01'"
        )
        return self._taxi("yellow", data.MONTH).cpu

    def peers(self) -> Iterator[Figure]:
        """What people use, on a part of the month."""
        part = self.source / f"yellow_tripdata_{PEER_MONTH}.parquet"
        pq.write_table(pq.read_table(self.yellow).slice(0, PEER_ROWS), part)
        ours = self._taxi("yellow", PEER_MONTH)
        rows = f"{PEER_ROWS:,} rows"
        for name, bound, work in (
            (
                "pandas.to_sql",
                15,
                lambda: run(
                    [sys.executable, "-c", PANDAS, str(part), self.url.replace("postgresql:", "postgresql+psycopg:")]
                ),
            ),
            (
                "the course's COPY + UPDATE + MERGE",
                10,
                lambda: run([sys.executable, "-c", COURSE, str(part), self.url, str(self.folder / "x.csv")]),
            ),
            ("dlt with ADBC and merge", 3, lambda: self._dlt(part)),
        ):
            peer = self._with_server(work)
            detail = f"{peer.cpu:.1f} against our {ours.cpu:.1f} CPU s for {rows} into an empty table; {peer.wall:.1f} against {ours.wall:.1f} s wall"
            yield Figure(f"PostgreSQL: CPU of {name}", f"≥ {bound} × ours", f"{peer.cpu / ours.cpu:.1f} ×", detail)

    def _dlt(self, part: Path) -> Cost:
        venv = self.folder / "dlt-venv"
        if not venv.exists():
            subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
            packages = ["dlt[postgres]", "pyarrow", "adbc-driver-postgresql", "adbc-driver-manager"]
            subprocess.run([str(venv / "bin" / "python"), "-m", "pip", "install", "-q", *packages], check=True)
        state = self.folder / "dlt-state"
        shutil.rmtree(state, ignore_errors=True)
        return run(
            [str(venv / "bin" / "python"), "-c", DLT, str(part), self.url, str(state)],
            {"RUNTIME__DLTHUB_TELEMETRY": "false"},
        )

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
