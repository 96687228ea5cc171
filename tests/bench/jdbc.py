"""SQL tasks: CopyIn of a large CSV, run by an engine, against `psql` doing the same."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb

from tests.bench.measure import Figure, median
from tests.support.engines import Bench, running
from tests.support.postgres import PASSWORD, USER, Server, execute, server

ROUNDS = 5
ROWS = 1_300_000
URI = "kestra:///bench/trips.csv"
COLUMNS = {
    "VendorID": "text",
    "tpep_pickup_datetime": "timestamp",
    "tpep_dropoff_datetime": "timestamp",
    "passenger_count": "double precision",
    "trip_distance": "double precision",
    "RatecodeID": "text",
    "store_and_fwd_flag": "text",
    "PULocationID": "text",
    "DOLocationID": "text",
    "payment_type": "integer",
    "fare_amount": "double precision",
    "extra": "double precision",
    "mta_tax": "double precision",
    "tip_amount": "double precision",
    "tolls_amount": "double precision",
    "improvement_surcharge": "double precision",
    "total_amount": "double precision",
    "congestion_surcharge": "double precision",
}
"""The course's staging table, but for what it computes."""


def figures(yellow: Path) -> Iterator[Figure]:
    """Every figure, measured as it is asked for."""
    started = server()
    execute(started.url(), f"CREATE TABLE trips ({', '.join(' '.join(pair) for pair in COLUMNS.items())})")
    with tempfile.TemporaryDirectory(prefix="taxi-bench-") as folder, running(Path(folder)) as bench:
        csv = Path(folder) / "trips.csv"
        duckdb.sql(f"COPY (SELECT {', '.join(COLUMNS)} FROM '{yellow}' LIMIT {ROWS}) TO '{csv}' (HEADER)")
        with csv.open("rb") as file:
            bench.parts.files.put(URI, file)
        yield copy_in(bench, started, csv)


def copy_in(bench: Bench, started: Server, csv: Path) -> Figure:
    """From submitting the flow to the end of its execution; the worker is warm."""

    def ours() -> None:
        ran = bench.finish(bench.submit(_flow(started)).id, 300)
        assert ran.runs[0].outputs == {"rowCount": ROWS}, ran.lines

    def theirs() -> None:
        command = rf"\copy trips ({', '.join(COLUMNS)}) FROM '{csv}' WITH (FORMAT csv, HEADER true)"
        subprocess.run([str(started.cluster.bin_path / "psql"), "-qX", "-c", command, started.url()], check=True)

    _timed(started, ours), _timed(started, theirs)
    pairs = [(_timed(started, ours), _timed(started, theirs)) for _ in range(ROUNDS)]
    ratio = median([pair[0] / pair[1] for pair in pairs])
    detail = f"{median([pair[0] for pair in pairs]):.2f} s against {median([pair[1] for pair in pairs]):.2f} s"
    size = csv.stat().st_size / 1e6
    return Figure(f"CopyIn of a CSV of {size:.0f} MB, whole execution / psql", "≤ 1.1", f"{ratio:.2f}", detail)


def _timed(started: Server, work: Callable[[], None]) -> float:
    execute(started.url(), "TRUNCATE trips")
    execute(started.url(), "CHECKPOINT")
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _flow(started: Server) -> str:
    task = {
        "id": "copy",
        "type": "io.kestra.plugin.jdbc.postgresql.CopyIn",
        "url": f"jdbc:postgresql://127.0.0.1:{started.port}/postgres",
        "username": USER,
        "password": PASSWORD,
        "from": URI,
        "table": "trips",
        "columns": list(COLUMNS),
        "format": "CSV",
        "header": True,
    }
    return json.dumps({"id": "copy", "namespace": "bench", "tasks": [task]})
