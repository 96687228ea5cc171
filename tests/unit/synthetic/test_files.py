"""Generated files: written as the TLC wrote that month, in memory that does not grow with them."""

from __future__ import annotations

import csv
import gzip
import hashlib
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from taxi_pipelines.domain.manifest import FileFormat
from taxi_pipelines.domain.month import Month
from taxi_pipelines.errors import InvalidMonth
from taxi_pipelines.synthetic.csv_editions import EDITIONS, csv_edition
from taxi_pipelines.synthetic.epochs import published_schema
from taxi_pipelines.synthetic.files import write_month, write_zones

JANUARY = Month(2021, 1)
CSV_EPOCHS = [(kind, edition.since) for kind, editions in EDITIONS.items() for edition in editions]


def rows_of(path: Path) -> list[list[str]]:
    """The lines after the beginning, field by field."""
    kind, _, month = path.name.split(".")[0].split("_")
    body = path.read_bytes() if path.suffix == ".csv" else gzip.decompress(path.read_bytes())
    edition = csv_edition(kind, Month.parse(month))
    assert body.startswith(edition.beginning)
    lines = body[len(edition.beginning) :].decode("ascii").split("\r\n")
    assert lines.pop() == ""
    return list(csv.reader(lines))


@pytest.mark.parametrize(
    ("kind", "month", "compression", "version"),
    [("green", "2021-01", "GZIP", "1.0"), ("yellow", "2023-02", "ZSTD", "1.0"), ("fhvhv", "2025-01", "ZSTD", "2.6")],
)
def test_parquet_has_the_name_form_and_one_row_group_of_the_month(
    kind: str, month: str, compression: str, version: str, tmp_path: Path
) -> None:
    path = write_month(tmp_path / "new", kind, Month.parse(month), 70_000)
    assert path == tmp_path / "new" / f"{kind}_tripdata_{month}.parquet"
    with pq.ParquetFile(path) as file:
        metadata = file.metadata
        assert file.schema_arrow.equals(published_schema(kind, Month.parse(month)), check_metadata=True)
        assert (metadata.num_rows, metadata.num_row_groups, metadata.format_version) == (70_000, 1, version)
        assert metadata.row_group(0).column(0).compression == compression


def test_a_month_without_trips_is_a_whole_file(tmp_path: Path) -> None:
    assert pq.read_table(write_month(tmp_path, "green", JANUARY, 0)).num_rows == 0
    assert rows_of(write_month(tmp_path, "green", JANUARY, 0, format=FileFormat.CSV)) == []


@pytest.mark.parametrize("format", list(FileFormat))
def test_the_same_arguments_give_the_same_bytes(format: FileFormat, tmp_path: Path) -> None:
    paths = [write_month(tmp_path / str(turn), "green", JANUARY, 2_000, format=format, seed=3) for turn in range(2)]
    assert len({hashlib.sha256(path.read_bytes()).digest() for path in paths}) == 1


@pytest.mark.parametrize(("kind", "month"), CSV_EPOCHS, ids=[f"{kind}-{month}" for kind, month in CSV_EPOCHS])
def test_csv_rows_are_written_as_in_their_edition(kind: str, month: Month, tmp_path: Path) -> None:
    path = write_month(tmp_path, kind, month, 500, format=FileFormat.CSV, duplicates=5)
    edition, rows = csv_edition(kind, month), rows_of(path)
    assert {len(row) for row in rows} == {len(edition.names) + edition.padding}
    assert len(rows) == 500
    assert not edition.padding or {tuple(row[-edition.padding :]) for row in rows} == {("",) * edition.padding}
    quotes = path.read_bytes()[len(edition.beginning) :].count(b'"')
    assert quotes == (2 * 500 * len(edition.names) if edition.quoted else 0)


def test_distances_of_some_editions_lack_the_leading_zero(tmp_path: Path) -> None:
    new = write_month(tmp_path, "yellow", Month(2016, 8), 500, format=FileFormat.CSV)
    assert any(row[4].startswith(".") for row in rows_of(new))
    old = write_month(tmp_path, "yellow", Month(2009, 8), 500, format=FileFormat.CSV)
    assert not any(row[4].startswith(".") for row in rows_of(old))


def test_in_2018_the_base_stands_in_the_column_of_the_longer_name(tmp_path: Path) -> None:
    rows = rows_of(write_month(tmp_path, "fhv", Month(2018, 1), 500, format=FileFormat.CSV))
    assert all(row[-2] for row in rows)
    assert sum(row[-1] == "" for row in rows) > 400


def test_csv_and_gzipped_csv_tell_the_same_trips_as_parquet(tmp_path: Path) -> None:
    plain, zipped = (
        rows_of(write_month(tmp_path, "green", JANUARY, 1_000, format=format))
        for format in (FileFormat.CSV, FileFormat.CSV_GZ)
    )
    table = pq.read_table(write_month(tmp_path, "green", JANUARY, 1_000))
    totals, pickups = table["total_amount"].to_pylist(), table["lpep_pickup_datetime"].to_pylist()
    assert plain == zipped
    assert [float(row[16]) for row in plain] == totals
    assert [row[1] for row in plain] == [str(time) for time in pickups]
    assert [row[0] == "" for row in plain] == [count is None for count in table["passenger_count"].to_pylist()]


def test_a_month_that_never_was_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(InvalidMonth):
        write_month(tmp_path / "new", "green", Month(2013, 7), 10)
    assert not (tmp_path / "new").exists()


def test_zones_have_the_oddities_of_the_real_table(tmp_path: Path) -> None:
    path = write_zones(tmp_path)
    with path.open(newline="", encoding="ascii") as file:
        zones = list(csv.DictReader(file))
    assert path.name == "taxi_zone_lookup.csv"
    assert path.read_bytes().startswith(b'"LocationID","Borough","Zone","service_zone"\r\n1,"EWR"')
    assert [int(zone["LocationID"]) for zone in zones] == list(range(1, 266))
    assert len({zone["Zone"] for zone in zones[102:105]}) == 1
    assert [list(zone.values()) for zone in zones[263:]] == [
        ["264", "Unknown", "N/A", "N/A"],
        ["265", "N/A", "Outside of NYC", "N/A"],
    ]


def test_five_million_rows_are_written_in_little_memory(tmp_path: Path) -> None:
    program = f"""
import re
from pathlib import Path
from taxi_pipelines.domain.month import Month
from taxi_pipelines.synthetic.files import write_month
write_month(Path({str(tmp_path)!r}), "yellow", Month(2024, 1), 5_000_000)
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 500
    metadata = pq.read_metadata(tmp_path / "yellow_tripdata_2024-01.parquet")
    assert (metadata.num_rows, metadata.num_row_groups) == (5_000_000, 10)
