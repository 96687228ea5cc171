"""Every real file there is, of all types: what the table holds is what the file holds, counted without our code."""

from __future__ import annotations

import csv
import gzip
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from taxi_pipelines import Pipeline
from taxi_pipelines.errors import PipelineError
from taxi_pipelines.taxi.types import find_type
from tests.support.data import needs_real_data, real

pytestmark = needs_real_data

SAMPLES = {
    "yellow_tripdata_2021-01_rebuilt_1244687.parquet": "yellow_tripdata_2021-01.parquet",
    "yellow_2021-2022_sample24k.parquet": "yellow_tripdata_2022-02.parquet",
    "yellow_2025-01_val.parquet": "yellow_tripdata_2025-01.parquet",
    "yellow_2009-06_dlt_10k.parquet": "yellow_tripdata_2009-06.parquet",
    "yellow_tripdatasample_2020-04.csv": "yellow_tripdata_2020-04.csv",
    "green_tripdatasample_2020-04.csv": "green_tripdata_2020-04.csv",
    "fhv_tripdatasample_2020-04.csv": "fhv_tripdata_2020-04.csv",
    "fhvhv_tripdatasample_2020-04.csv": "fhvhv_tripdata_2020-04.csv",
    "fhvhv_2021-01_head.csv": "fhvhv_tripdata_2021-01.csv",
}
"""Real rows that are not originals, under the name they would be published with."""


def name_parts(path: Path) -> tuple[str, str]:
    kind, _, month = path.name.split(".")[0].split("_")
    return kind, month


def numbers_in(path: Path) -> tuple[int, dict[str, float]]:
    """Rows, and the sum of every number column by lower-case name; read with nothing of ours."""
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        columns = {name: table[name] for name in table.schema.names if str(table.schema.field(name).type) in NUMBERS}
        return table.num_rows, {name.lower(): float(np.nansum(column.to_numpy())) for name, column in columns.items()}
    opened = gzip.open(path, "rt") if path.suffix == ".gz" else path.open()
    with opened as file:
        rows = list(csv.DictReader(file))
    sums: dict[str, float] = {}
    for name in rows[0]:
        values = [row[name] for row in rows if row[name]]
        if values and all(value.replace(".", "", 1).replace("-", "", 1).isdigit() for value in values):
            sums[name.lower()] = sum(map(float, values))
    return len(rows), sums


NUMBERS = {"int32", "int64", "float", "double"}


def files() -> Iterator[tuple[str, Path, str]]:
    """(published name, file, format to prefer)"""
    for path in sorted(real("trip-data").glob("*.parquet")):
        yield path.name, path, "parquet"
    for path in sorted(real("csv-editions").glob("*.csv.gz")):
        yield path.name, path, "csv"
    for sample, name in SAMPLES.items():
        yield name, real("samples") / sample, "parquet"


@pytest.mark.parametrize(("name", "path", "prefer"), [pytest.param(*item, id=f"{item[0]}") for item in files()])
def test_counts_and_sums_are_the_files(name: str, path: Path, prefer: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    shutil.copy(path, source / name)
    kind, month = name_parts(source / name)
    rows, sums = numbers_in(path)
    with Pipeline(home=tmp_path / "home", source=source, format=prefer) as taxi:
        receipt = taxi.run(kind, month)
        assert (receipt.rows, receipt.rows_staged, receipt.added, receipt.removed) == (rows, rows, rows, 0)
        table = find_type(kind).table
        columns = {column.lower() for column in taxi.query(f"select * from {table} limit 0").columns}
        assert sums.keys() - columns <= set(RENAMED), "every published number column is there, or known by a newer name"
        wanted = {RENAMED.get(column, column): total for column, total in sums.items()}
        select = ", ".join(f'sum("{column}"::double)' for column in wanted)
        found = taxi.query_arrow(f"select count(*), {select} from {table} where source_month = '{month}-01'")
        values = [column[0].as_py() or 0.0 for column in found.columns]
        assert values[0] == rows
        assert dict(zip(wanted, values[1:], strict=True)) == pytest.approx(wanted, rel=1e-9, abs=1e-6)
        assert [result.ok for result in taxi.verify(kind, [month])] == [True]


RENAMED = {
    "fare_amt": "fare_amount",
    "tip_amt": "tip_amount",
    "tolls_amt": "tolls_amount",
    "total_amt": "total_amount",
    "surcharge": "extra",
    "start_lon": "pickup_longitude",
    "start_lat": "pickup_latitude",
    "end_lon": "dropoff_longitude",
    "end_lat": "dropoff_latitude",
}


def test_all_green_months_of_three_schemas_make_one_table(tmp_path: Path) -> None:
    source = real("trip-data")
    months = [name_parts(path)[1] for path in sorted(source.glob("green*.parquet"))]
    with Pipeline(home=tmp_path, source=source) as taxi:
        for month in months:
            taxi.run("green", month)
        found = taxi.query(
            "select strftime(source_month, '%Y-%m') m, count(*) n, count(distinct source_row) d, max(source_row) last,"
            " count(cbd_congestion_fee) cbd from green_tripdata group by 1 order by 1"
        )
        expected = [pq.read_metadata(source / f"green_tripdata_{month}.parquet").num_rows for month in months]
        assert found["m"].tolist() == months
        assert found["n"].tolist() == found["d"].tolist() == found["last"].tolist() == expected
        assert [month for month, cbd in zip(found["m"], found["cbd"], strict=True) if cbd] == ["2025-01"]
        assert all(result.ok for result in taxi.verify("green"))


@pytest.mark.parametrize("edition", ["taxi_zone_lookup.csv", "taxi_zone_lookup_2024.csv"])
def test_both_editions_of_the_zones_keep_na_as_text(edition: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    shutil.copy(real("lookups") / edition, source / "taxi_zone_lookup.csv")
    with Pipeline(home=tmp_path / "home", source=source) as taxi:
        assert taxi.run("zones").rows == 265
        found = taxi.query('select "LocationID", service_zone from taxi_zones where "LocationID" >= 264 order by 1')
        assert found["service_zone"].tolist() == ["N/A", "N/A"]
        assert taxi.verify("zones")[0].ok


@pytest.mark.parametrize(
    ("broken", "name", "code"),
    [
        ("MutwiriFrank_yellow_tripdata_2021-01.parquet", "yellow_tripdata_2021-01.parquet", "source-corrupt"),
        ("esamtronics_yellow_tripdata_2024-01.parquet", "yellow_tripdata_2024-01.parquet", "source-corrupt"),
        ("yellow_tripdata_2019-01_saved_by_excel.csv", "yellow_tripdata_2019-01.csv", "schema-mismatch"),
    ],
)
def test_the_real_broken_files_are_refused_in_one_clear_line(broken: str, name: str, code: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    shutil.copy(real("broken") / broken, source / name)
    kind, month = name_parts(source / name)
    with Pipeline(home=tmp_path / "home", source=source) as taxi:
        with pytest.raises(PipelineError) as raised:
            taxi.run(kind, month)
        assert raised.value.code == code
        assert "\n" not in str(raised.value)
        assert [cell.state for cell in taxi.status()] == ["failed"]
        assert taxi.query(f"select count(*) n from {kind}_tripdata")["n"].tolist() == [0]
