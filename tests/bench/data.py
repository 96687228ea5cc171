"""The months to measure with: a full-size yellow month from real rows where they lie, and a generated 20 M-row fhvhv month."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from taxi_pipelines.domain.month import Month
from taxi_pipelines.synthetic.files import write_month
from tests.support.data import REAL_DATA

YELLOW_ROWS = 3_000_000
MONTH = Month(2021, 1)


def yellow_month(folder: Path) -> tuple[Path, str]:
    """A yellow month of 3 M rows, one row group as the TLC writes it; and where its rows come from."""
    path = folder / f"yellow_tripdata_{MONTH}.parquet"
    real = REAL_DATA / "samples" / "yellow_tripdata_2021-01_rebuilt_1244687.parquet"
    if not real.exists():
        write_month(folder, "yellow", MONTH, YELLOW_ROWS)
        return path, "generated rows"
    rows = pq.read_table(real)
    copies = [_shifted(rows, timedelta(minutes=7 * index)) for index in range(3)]
    month = pa.concat_tables(copies).slice(0, YELLOW_ROWS).sort_by("tpep_pickup_datetime")
    pq.write_table(month, path, compression="zstd", row_group_size=YELLOW_ROWS)
    return path, "real rows of 2021-01, repeated with shifted times"


def _shifted(rows: pa.Table, by: timedelta) -> pa.Table:
    for name in ("tpep_pickup_datetime", "tpep_dropoff_datetime"):
        index = rows.schema.get_field_index(name)
        rows = rows.set_column(index, name, pc.add(rows[name], pa.scalar(by, pa.duration("us"))))
    return rows


def fhvhv_month(folder: Path, month: Month, rows: int) -> Path:
    """A generated fhvhv month."""
    return write_month(folder, "fhvhv", month, rows)
