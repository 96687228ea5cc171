"""Months of made-up trips as Arrow record batches, with the names and types that were published in that month.

Nothing here is random: the same type, month, number of rows, seed and duplicates give the same rows. Each batch draws
from a generator of its own, so memory does not grow with the file. Apart from the `duplicates` asked for, no two rows
are equal in every column, but for fhv, whose few columns make that happen by chance in large files, as in the real ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxi_pipelines.domain.month import Month
from taxi_pipelines.errors import UsageError
from taxi_pipelines.synthetic import drafts
from taxi_pipelines.synthetic.drafts import DEGREES, METERED, MONEY, TIMES, Draft, Flags, Numbers, Span
from taxi_pipelines.synthetic.epochs import TURNS, check_published, published_schema

BATCH_ROWS = 65_536

KEYS = {
    "vendor": "vendorid vendor_id vendor_name",
    "pickup": "tpep_pickup_datetime lpep_pickup_datetime trip_pickup_datetime pickup_datetime pickup_date",
    "dropoff": "tpep_dropoff_datetime lpep_dropoff_datetime trip_dropoff_datetime dropoff_datetime",
    "passengers": "passenger_count",
    "distance": "trip_distance trip_miles",
    "rate": "ratecodeid rate_code",
    "stored": "store_and_fwd_flag store_and_forward",
    "pu_zone": "pulocationid locationid",
    "do_zone": "dolocationid",
    "pickup_lon": "pickup_longitude start_lon",
    "pickup_lat": "pickup_latitude start_lat",
    "dropoff_lon": "dropoff_longitude end_lon",
    "dropoff_lat": "dropoff_latitude end_lat",
    "payment": "payment_type",
    "fare": "fare_amount fare_amt base_passenger_fare",
    "extra": "extra surcharge",
    "mta": "mta_tax",
    "tip": "tip_amount tip_amt tips",
    "tolls": "tolls_amount tolls_amt tolls",
    "ehail": "ehail_fee",
    "improvement": "improvement_surcharge",
    "total": "total_amount total_amt",
    "trip_type": "trip_type",
    "congestion": "congestion_surcharge",
    "airport": "airport_fee",
    "cbd": "cbd_congestion_fee",
    "place": "__index_level_0__",
    "base": "dispatching_base_num",
    "second_base": "dispatching_base_number",
    "affiliated": "affiliated_base_number",
    "shared_ride": "sr_flag",
    "company": "hvfhs_license_num",
    "origin_base": "originating_base_num",
    "request": "request_datetime",
    "on_scene": "on_scene_datetime",
    "seconds": "trip_time",
    "bcf": "bcf",
    "tax": "sales_tax",
    "pay": "driver_pay",
    "shared_asked": "shared_request_flag",
    "shared_met": "shared_match_flag",
    "access": "access_a_ride_flag",
    "wav_asked": "wav_request_flag",
    "wav_met": "wav_match_flag",
}
KEY_OF = {name: key for key, names in KEYS.items() for name in names.split()}
"""What a published column tells, by its name in lower case."""

_BASES = (*(f"B{2500 + number:05d}" for number in range(399)), "B00021         ")
_NO_YES = ("N", "Y", " ")
_WORDS = {
    "vendor": ("", "CMT", "VTS", "", "", "DDS", "DDS"),
    "stored": _NO_YES,
    "base": _BASES,
    "second_base": _BASES,
    "affiliated": _BASES,
    "origin_base": _BASES,
    "company": ("HV0002", "HV0003", "HV0004", "HV0005"),
    **dict.fromkeys(("shared_asked", "shared_met", "access", "wav_asked", "wav_met"), _NO_YES),
}
_PAYMENTS = (
    (Month(2009, 1), ("", "Credit", "CASH", "No Charge", "Dispute", "Dispute")),
    (Month(2010, 1), ("", "CRE", "CAS", "NOC", "DIS", "UNK")),
    (Month(2010, 8), ("", "CRD", "CSH", "NOC", "DIS", "UNK")),
)


def _words(key: str, month: Month) -> tuple[str, ...] | None:
    """The words a text column chooses from; None for numbers written as text."""
    if key == "payment":
        return [words for since, words in _PAYMENTS if since <= month][-1]
    return _WORDS.get(key)


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """All that a made-up month depends on. `duplicates` of its rows equal another in every column."""

    type: str
    month: Month
    rows: int
    seed: int = 0
    duplicates: int = 0

    def __post_init__(self) -> None:
        check_published(self.type, self.month)
        if not 0 <= self.duplicates <= self.rows // 2:
            raise UsageError(
                f"{self.rows} rows cannot hold {self.duplicates} duplicates", "ask for at most one in two rows"
            )

    def spans(self) -> Iterator[tuple[Span, int]]:
        """The file in batches, each with its share of the duplicates: pairs of rows are dealt out evenly."""
        blank = round(drafts.blank_share(self.type, self.month) * self.rows)
        pairs = max(self.rows // 2, 1)
        for first in range(0, self.rows, BATCH_ROWS):
            count = min(BATCH_ROWS, self.rows - first)
            begin, end = first // 2, first // 2 + count // 2
            share = self.duplicates * end // pairs - self.duplicates * begin // pairs
            span = Span(type=self.type, month=self.month, rows=self.rows, first=first, count=count, blank=blank)
            yield span, share

    def generator(self, span: Span) -> np.random.Generator:
        """The source of chance of one batch."""
        kind = list(TURNS).index(self.type)
        entropy = [kind, self.month.year, self.month.month, self.seed, span.first // BATCH_ROWS]
        return np.random.Generator(np.random.SFC64(entropy))


def generate(type: str, month: Month, rows: int, *, seed: int = 0, duplicates: int = 0) -> Iterator[pa.RecordBatch]:
    """The month's rows with its Parquet file's schema, in batches of at most 65,536."""
    recipe = Recipe(type=type, month=month, rows=rows, seed=seed, duplicates=duplicates)
    return cast_trips(recipe, published_schema(type, month))


def cast_trips(recipe: Recipe, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The recipe's rows with the columns of `schema`, whose names must be published ones (see KEY_OF)."""
    for span, duplicates in recipe.spans():
        rng = recipe.generator(span)
        draft = _draft(rng, span)
        draft.values["place"] = np.arange(span.first, span.first + span.count)
        drafts.add_twins(rng, span, draft, duplicates)
        columns = [_column(draft, field, span, schema) for field in schema]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _draft(rng: np.random.Generator, span: Span) -> Draft:
    if span.type in METERED:
        return drafts.metered(rng, span)
    return drafts.fhv(rng, span) if span.type == "fhv" else drafts.fhvhv(rng, span)


def _key(name: str, schema: pa.Schema) -> str:
    """In the CSV files of 2018 the base stands in `Dispatching_base_number`; `Dispatching_base_num` is nearly empty."""
    key = KEY_OF[name.lower()]
    if "Dispatching_base_number" in schema.names:
        return {"base": "second_base", "second_base": "base"}.get(key, key)
    return key


def _column(draft: Draft, field: pa.Field, span: Span, schema: pa.Schema) -> pa.Array:
    key = _key(field.name, schema)
    values = draft.values.get(key)
    if values is None or pa.types.is_null(field.type):
        return pa.nulls(span.count, field.type)
    by_pandas = schema.metadata is not None and b"pandas" in schema.metadata
    never_null = by_pandas and pa.types.is_integer(field.type)
    nulls = None if never_null else draft.nulls.get(key)
    if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
        return _text(key, values, nulls, span.month).cast(field.type)
    return _number(key, values, nulls, field.type)


def _number(key: str, values: Numbers, nulls: Flags | None, kind: pa.DataType) -> pa.Array:
    if key in TIMES:
        return pa.array(values.view("M8[s]"), mask=nulls).cast(kind)
    if key in MONEY or key == "distance":
        return pa.array(values / 100.0, mask=nulls)
    if key in DEGREES:
        return pa.array(values / 1_000_000.0, mask=nulls)
    return pa.array(values.astype(kind.to_pandas_dtype()), mask=nulls)


def _text(key: str, values: Numbers, nulls: Flags | None, month: Month) -> pa.Array:
    """Times as `2009-01-04 02:52:00`, distances as `.50`, words by their place, other numbers as they are."""
    if key in TIMES:
        return pa.array(values.view("M8[s]"), mask=nulls).cast(pa.string())
    if key == "distance":
        miles = pa.array(values // 100).cast(pa.string())
        hundredths = pc.utf8_lpad(pa.array(values % 100).cast(pa.string()), 2, "0")
        return pc.binary_join_element_wise(pc.if_else(pc.equal(miles, "0"), "", miles), hundredths, ".")
    words = _words(key, month)
    if words is None:
        return pa.array(values, mask=nulls).cast(pa.string())
    return pa.array(words).take(pa.array(values, mask=nulls))
