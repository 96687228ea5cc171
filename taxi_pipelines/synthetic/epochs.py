"""What the TLC published when, as data: the Arrow schema of every month's Parquet file, and how each CSV edition began.

The schemas are told as the TLC's own history: a layout, then what each later month added, took away or retyped. Types
from 2019 on follow the footers of the published files; those before, the schemas people printed of them. The CSV
beginnings are the published bytes, header quirks included.

This is told apart from `taxi.schemas` on purpose: tests hold what the pipeline knows against what the files were.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from typing import Any

import pyarrow as pa

from taxi_pipelines.domain.month import Month
from taxi_pipelines.errors import InvalidMonth
from taxi_pipelines.taxi.types import find_monthly

LONG = pa.int64()
INT = pa.int32()
DOUBLE = pa.float64()
TEXT = pa.string()
LARGE = pa.large_string()
TIME = pa.timestamp("us")
EMPTY = pa.null()  #: a column of nothing but nulls, as pandas wrote it

Columns = dict[str, pa.DataType]


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """A month from which on the files of a type look different. In `columns`, None takes a column away."""

    since: Month
    columns: dict[str, pa.DataType | None]
    anew: bool = False  #: the columns before are all gone


def _turn(since: str, *groups: dict[str, pa.DataType | None], anew: bool = False) -> Turn:
    return Turn(
        since=Month.parse(since), columns={name: kind for group in groups for name, kind in group.items()}, anew=anew
    )


def _all(kind: pa.DataType | None, names: str) -> dict[str, pa.DataType | None]:
    return dict.fromkeys(names.split(), kind)


_YELLOW = (
    _turn(
        "2009-01",
        _all(TEXT, "vendor_name Trip_Pickup_DateTime Trip_Dropoff_DateTime"),
        _all(LONG, "Passenger_Count"),
        _all(DOUBLE, "Trip_Distance Start_Lon Start_Lat Rate_Code store_and_forward End_Lon End_Lat"),
        _all(TEXT, "Payment_Type"),
        _all(DOUBLE, "Fare_Amt surcharge mta_tax Tip_Amt Tolls_Amt Total_Amt"),
        anew=True,
    ),
    _turn(
        "2010-01",
        _all(TEXT, "vendor_id pickup_datetime dropoff_datetime"),
        _all(LONG, "passenger_count"),
        _all(DOUBLE, "trip_distance pickup_longitude pickup_latitude"),
        _all(TEXT, "rate_code store_and_fwd_flag"),
        _all(DOUBLE, "dropoff_longitude dropoff_latitude"),
        _all(TEXT, "payment_type"),
        _all(DOUBLE, "fare_amount surcharge mta_tax tip_amount tolls_amount total_amount"),
        anew=True,
    ),
    _turn("2010-02", _all(LONG, "__index_level_0__")),
    _turn("2010-04", _all(None, "__index_level_0__")),
    _turn(
        "2011-01",
        _all(LONG, "VendorID"),
        _all(TIME, "tpep_pickup_datetime tpep_dropoff_datetime"),
        _all(LONG, "passenger_count"),
        _all(DOUBLE, "trip_distance"),
        _all(LONG, "RatecodeID"),
        _all(TEXT, "store_and_fwd_flag"),
        _all(LONG, "PULocationID DOLocationID payment_type"),
        _all(DOUBLE, "fare_amount extra mta_tax tip_amount tolls_amount improvement_surcharge total_amount"),
        _all(EMPTY, "congestion_surcharge airport_fee"),
        anew=True,
    ),
    _turn("2019-01", _all(DOUBLE, "passenger_count RatecodeID congestion_surcharge")),
    _turn("2020-08", _all(DOUBLE, "airport_fee")),
    _turn("2020-10", _all(EMPTY, "airport_fee")),
    _turn("2020-11", _all(DOUBLE, "airport_fee")),
    _turn(
        "2023-02",
        _all(INT, "VendorID PULocationID DOLocationID"),
        _all(LONG, "passenger_count RatecodeID"),
        _all(LARGE, "store_and_fwd_flag"),
        _all(None, "airport_fee"),
        _all(DOUBLE, "Airport_fee"),
    ),
    _turn("2025-01", _all(DOUBLE, "cbd_congestion_fee")),
)

_GREEN = (
    _turn(
        "2013-08",
        _all(LONG, "VendorID"),
        _all(TIME, "lpep_pickup_datetime lpep_dropoff_datetime"),
        _all(TEXT, "store_and_fwd_flag"),
        _all(LONG, "RatecodeID PULocationID DOLocationID passenger_count"),
        _all(DOUBLE, "trip_distance fare_amount extra mta_tax tip_amount tolls_amount"),
        _all(EMPTY, "ehail_fee"),
        _all(DOUBLE, "improvement_surcharge total_amount"),
        _all(LONG, "payment_type trip_type"),
        _all(EMPTY, "congestion_surcharge"),
        anew=True,
    ),
    _turn("2019-01", _all(DOUBLE, "RatecodeID passenger_count ehail_fee payment_type trip_type congestion_surcharge")),
    _turn("2019-09", _all(EMPTY, "ehail_fee")),
    _turn(
        "2023-02",
        _all(INT, "VendorID PULocationID DOLocationID"),
        _all(LARGE, "store_and_fwd_flag"),
        _all(LONG, "RatecodeID passenger_count payment_type trip_type"),
        _all(DOUBLE, "ehail_fee"),
    ),
    _turn("2025-01", _all(DOUBLE, "cbd_congestion_fee")),
)

_FHV = (
    _turn(
        "2015-01",
        _all(TEXT, "dispatching_base_num"),
        _all(TIME, "pickup_datetime dropOff_datetime"),
        _all(DOUBLE, "PUlocationID DOlocationID"),
        _all(EMPTY, "SR_Flag"),
        _all(TEXT, "Affiliated_base_number"),
        anew=True,
    ),
    _turn("2017-07", _all(DOUBLE, "SR_Flag")),
    _turn("2019-03", _all(EMPTY, "SR_Flag")),
    _turn("2019-05", _all(LONG, "PUlocationID DOlocationID")),
    _turn("2019-07", _all(DOUBLE, "PUlocationID DOlocationID")),
    _turn("2020-07", _all(LONG, "DOlocationID")),
    _turn("2020-08", _all(DOUBLE, "DOlocationID")),
    _turn(
        "2023-02",
        _all(LARGE, "dispatching_base_num Affiliated_base_number"),
        _all(LONG, "PUlocationID DOlocationID SR_Flag"),
    ),
)

_FHVHV = (
    _turn(
        "2019-02",
        _all(TEXT, "hvfhs_license_num dispatching_base_num originating_base_num"),
        _all(TIME, "request_datetime on_scene_datetime pickup_datetime dropoff_datetime"),
        _all(LONG, "PULocationID DOLocationID"),
        _all(DOUBLE, "trip_miles"),
        _all(LONG, "trip_time"),
        _all(DOUBLE, "base_passenger_fare tolls bcf sales_tax congestion_surcharge"),
        _all(EMPTY, "airport_fee"),
        _all(DOUBLE, "tips driver_pay"),
        _all(TEXT, "shared_request_flag shared_match_flag access_a_ride_flag wav_request_flag"),
        _all(EMPTY, "wav_match_flag"),
        anew=True,
    ),
    _turn("2019-04", _all(TEXT, "wav_match_flag")),
    _turn("2019-07", _all(DOUBLE, "airport_fee")),
    _turn("2020-04", _all(EMPTY, "airport_fee")),
    _turn("2020-05", _all(DOUBLE, "airport_fee")),
    _turn("2020-10", _all(EMPTY, "airport_fee")),
    _turn("2020-11", _all(DOUBLE, "airport_fee")),
    _turn(
        "2023-02",
        _all(LARGE, "hvfhs_license_num dispatching_base_num originating_base_num"),
        _all(INT, "PULocationID DOLocationID"),
        _all(LARGE, "shared_request_flag shared_match_flag access_a_ride_flag wav_request_flag wav_match_flag"),
    ),
    _turn("2025-01", _all(DOUBLE, "cbd_congestion_fee")),
)

TURNS = {"yellow": _YELLOW, "green": _GREEN, "fhv": _FHV, "fhvhv": _FHVHV}
LAST_WITH_PANDAS = Month(2023, 1)
"""Until here the files were written by pandas, with gzip; from then on by Arrow alone, with zstd."""
LAST_OF_FORMAT_1 = Month(2023, 2)


@dataclass(frozen=True, kw_only=True, slots=True)
class ParquetFacts:
    """How the file of a month is written, as the arguments of `pyarrow.parquet.ParquetWriter`."""

    compression: str
    version: str

    @property
    def compression_level(self) -> int | None:
        """Quick rather than small: who reads a file cannot tell, and gzip's own choice takes ten times as long."""
        return 1 if self.compression == "gzip" else None


def parquet_facts(month: Month) -> ParquetFacts:
    """How the TLC wrote that month."""
    return ParquetFacts(
        compression="gzip" if month <= LAST_WITH_PANDAS else "zstd",
        version="1.0" if month <= LAST_OF_FORMAT_1 else "2.6",
    )


@cache
def published_schema(type: str, month: Month) -> pa.Schema:
    """The schema of that month's Parquet file, pandas' metadata included. Raises UnknownType, InvalidMonth.

    Green 2013-08 to 2013-12 exists as CSV only; asked for, it looks like 2014-01.
    """
    check_published(type, month)
    columns: Columns = {}
    for turn in takewhile(lambda turn: turn.since <= month, TURNS[type]):
        merged = turn.columns if turn.anew else columns | turn.columns
        columns = {name: kind for name, kind in merged.items() if kind is not None}
    metadata = {"pandas": json.dumps(_pandas(columns))} if month <= LAST_WITH_PANDAS else None
    return pa.schema(list(columns.items()), metadata=metadata)


def check_published(type: str, month: Month) -> None:
    """Raises UnknownType, UsageError or InvalidMonth where no such file ever was."""
    kind = find_monthly(type)
    if isinstance(kind.first, Month) and month < kind.first:
        raise InvalidMonth(f"{type} {month} was never published", f"the first month of {type} is {kind.first}")


_PANDAS_TYPES = {
    LONG: ("int64", "int64"),
    DOUBLE: ("float64", "float64"),
    TEXT: ("unicode", "object"),
    TIME: ("datetime", "datetime64[ns]"),
    EMPTY: ("empty", "object"),
}


def _pandas(columns: Columns) -> dict[str, Any]:
    index = [name for name in columns if name.startswith("__index_level_")]
    labels = {"name": None, "field_name": None, "pandas_type": "unicode", "numpy_type": "object"}
    return {
        "index_columns": index,
        "column_indexes": [labels | {"metadata": {"encoding": "UTF-8"}}] if index else [],
        "columns": [
            {"name": None if name in index else name, "field_name": name}
            | dict(zip(("pandas_type", "numpy_type"), _PANDAS_TYPES[kind], strict=True))
            | {"metadata": None}
            for name, kind in columns.items()
        ],
        "creator": {"library": "pyarrow", "version": "7.0.0"},
        "pandas_version": "1.2.4",
    }
