"""Made-up months as files, written as the TLC wrote that month: Parquet, CSV or gzipped CSV; and the table of zones."""

from __future__ import annotations

import gzip
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv

from taxi_pipelines.domain.manifest import FileFormat
from taxi_pipelines.domain.month import Month
from taxi_pipelines.synthetic.csv_editions import CsvEdition, csv_edition
from taxi_pipelines.synthetic.epochs import parquet_facts, published_schema
from taxi_pipelines.synthetic.parquet import write_parquet
from taxi_pipelines.synthetic.republish import RepublishedCounts, republish
from taxi_pipelines.synthetic.tables import KEY_OF, Recipe, cast_trips
from taxi_pipelines.taxi.types import ZONES, find_monthly

__all__ = ["RepublishedCounts", "republish", "write_month", "write_zones"]


def write_month(
    folder: Path,
    type: str,
    month: Month,
    rows: int,
    *,
    format: FileFormat = FileFormat.PARQUET,
    seed: int = 0,
    duplicates: int = 0,
) -> Path:
    """Writes the month into the folder under its published name; the same trips in every format.

    Raises UnknownType, UsageError or InvalidMonth for a month that never was.
    """
    recipe = Recipe(type=type, month=month, rows=rows, seed=seed, duplicates=duplicates)
    path = folder / f"{find_monthly(type).file_stem(month)}.{format}"
    folder.mkdir(parents=True, exist_ok=True)
    if format is FileFormat.PARQUET:
        schema = published_schema(type, month)
        write_parquet(path, schema, cast_trips(recipe, schema), rows, parquet_facts(month))
    else:
        _write_csv(path, recipe, zipped=format is FileFormat.CSV_GZ)
    return path


def _write_csv(path: Path, recipe: Recipe, *, zipped: bool) -> None:
    edition = csv_edition(recipe.type, recipe.month)
    schema = _csv_schema(recipe, edition)
    written = pa.schema([(str(place), pa.string()) for place in range(len(schema) + edition.padding)])
    style = "all_valid" if edition.quoted else "none"
    options = pc_csv.WriteOptions(include_header=False, eol="\r\n", quoting_style=style)
    with ExitStack() as stack:
        sink: BinaryIO = stack.enter_context(path.open("wb"))
        if zipped:
            plain = gzip.GzipFile(filename="", fileobj=sink, mode="wb", compresslevel=6, mtime=0)
            sink = cast("BinaryIO", stack.enter_context(plain))
        sink.write(edition.beginning)
        writer = stack.enter_context(pc_csv.CSVWriter(sink, written, write_options=options))
        for batch in cast_trips(recipe, schema):
            writer.write_batch(_as_text(batch, edition, written))


def _csv_schema(recipe: Recipe, edition: CsvEdition) -> pa.Schema:
    return pa.schema([(name, _csv_type(name, edition)) for name in edition.names])


_CSV_TYPES = {
    **dict.fromkeys(("fare", "extra", "mta", "tip", "tolls", "improvement", "total", "congestion"), pa.float64()),
    **dict.fromkeys(("pickup_lon", "pickup_lat", "dropoff_lon", "dropoff_lat", "ehail"), pa.float64()),
    **dict.fromkeys(("passengers", "rate", "pu_zone", "do_zone", "trip_type", "shared_ride"), pa.int64()),
}


def _csv_type(name: str, edition: CsvEdition) -> pa.DataType:
    """Texts for all but numbers. Vendor and payment were words as long as the vendor's column was not `VendorID`."""
    key = KEY_OF[name.lower()]
    if key == "distance":
        return pa.string() if edition.short_distances else pa.float64()
    if key in ("vendor", "payment"):
        return pa.int64() if "VendorID" in edition.names else pa.string()
    return _CSV_TYPES.get(key, pa.string())


def _as_text(batch: pa.RecordBatch, edition: CsvEdition, written: pa.Schema) -> pa.RecordBatch:
    """All columns as the file has them: 8.5 and 14, not 14.0, and nothing for null, in quotes where there are quotes."""
    columns = [column.cast(pa.string()) for column in batch.columns]
    columns += [pa.nulls(batch.num_rows, pa.string())] * edition.padding
    if edition.quoted:
        columns = [pc.fill_null(column, "") for column in columns]
    return pa.RecordBatch.from_arrays(columns, schema=written)


_REPEATED_ZONES = range(103, 106)
_BOROUGHS = ("Bronx", "Brooklyn", "Manhattan", "Queens", "Staten Island")


def write_zones(folder: Path) -> Path:
    """Writes taxi_zone_lookup.csv: 265 zones with made-up names, but the published file's oddities.

    Three zones share a name; 264 and 265 say `N/A`, which is text.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{ZONES.file_stem(ZONES.first)}.{FileFormat.CSV}"
    rows = ['"LocationID","Borough","Zone","service_zone"', '1,"EWR","Synthetic Airport","EWR"']
    for zone in range(2, 264):
        name = "Synthetic Islands" if zone in _REPEATED_ZONES else f"Synthetic Zone {zone}"
        borough = _BOROUGHS[zone % len(_BOROUGHS)]
        rows.append(f'{zone},"{borough}","{name}","{"Yellow Zone" if borough == "Manhattan" else "Boro Zone"}"')
    rows += ['264,"Unknown","N/A","N/A"', '265,"N/A","Outside of NYC","N/A"']
    path.write_bytes("".join(f"{row}\r\n" for row in rows).encode("ascii"))
    return path
