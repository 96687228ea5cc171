"""The canonical schema of each table: the TLC's newest spelling, one type per column, old names, descriptions.

Drift over the years is declared here as data and nowhere else. A column is

- *always* there (null where a month's file lacks it), or
- `legacy`: published in some years only; the table gains it with the first such month.

Descriptions follow the TLC's data dictionaries (nyc.gov/tlc, "Trip Record Data").
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

INT = pa.int64()
DOUBLE = pa.float64()
TEXT = pa.string()
TIME = pa.timestamp("us")


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One published column. `old_names` are earlier spellings beyond case and underscores, which never matter."""

    name: str
    type: pa.DataType
    description: str
    old_names: tuple[str, ...] = ()
    required: bool = False
    legacy: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class TableSchema:
    """The published columns of one table, in order, and the roles some of them play.

    `text_editions`: where a file has the marker column, it publishes some columns as text, which go into others.
    """

    columns: tuple[Column, ...]
    pickup_time: str | None = None
    dropoff_time: str | None = None
    pickup_zone: str | None = None
    fare: str | None = None
    text_editions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


ADDRESS = (
    Column(name="source_month", type=pa.date32(), description="Month of the published file (its first day), not of the pick-up."),
    Column(name="source_row", type=INT, description="Place of the row in the published file, from 1. With source_month the row's address."),
    Column(name="source_file", type=TEXT, description="Name of the published file."),
)  # fmt: skip

SOURCE_MONTH, SOURCE_ROW, SOURCE_FILE = (column.name for column in ADDRESS)


def schema_fingerprint(columns: Iterable[tuple[str, str]]) -> str:
    """Twelve hex digits that change when a column's name, type (as text) or place does."""
    text = "\n".join(f"{name}:{kind}" for name, kind in columns)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _money(name: str, description: str, *old: str, required: bool = False) -> Column:
    return Column(name=name, type=DOUBLE, description=description, old_names=old, required=required)


_PICKUP = "Time when the meter was engaged (New York wall time)."
_DROPOFF = "Time when the meter was disengaged (New York wall time)."
_VENDOR = Column(
    name="VendorID",
    type=INT,
    description="Provider of the record: 1 Creative Mobile, 2 Curb (VeriFone), 6 Myle, 7 Helix.",
)
_PASSENGERS = Column(name="passenger_count", type=INT, description="Number of passengers, as the driver entered it.")
_DISTANCE = _money("trip_distance", "Miles by the taximeter.", required=True)
_RATE = Column(
    name="RatecodeID",
    type=INT,
    old_names=("Rate_Code",),
    description="Final rate: 1 standard, 2 JFK, 3 Newark, 4 Nassau or Westchester, 5 negotiated, 6 group, 99 unknown.",
)
_STORED = Column(
    name="store_and_fwd_flag",
    type=TEXT,
    description="Y: the record was held in the vehicle before it was sent; N: it was not.",
)
_PU_ZONE = Column(
    name="PULocationID", type=INT, description="Taxi zone of the pick-up; 264 unknown, 265 outside New York City."
)
_DO_ZONE = Column(
    name="DOLocationID", type=INT, description="Taxi zone of the drop-off; 264 unknown, 265 outside New York City."
)
_PAYMENT = Column(
    name="payment_type",
    type=INT,
    description="0 flex fare, 1 credit card, 2 cash, 3 no charge, 4 dispute, 5 unknown, 6 voided.",
)
_FARE = _money("fare_amount", "Fare by time and distance; negative for a refund. USD.", "Fare_Amt", required=True)
_EXTRA = _money("extra", "Rush hour, overnight and other extras. USD.", "surcharge")
_MTA = _money("mta_tax", "MTA tax. USD.")
_TIP = _money("tip_amount", "Tip paid by card; cash tips are not recorded. USD.", "Tip_Amt")
_TOLLS = _money("tolls_amount", "All tolls of the trip. USD.", "Tolls_Amt")
_IMPROVEMENT = _money("improvement_surcharge", "Improvement surcharge, from 2015. USD.")
_TOTAL = _money("total_amount", "Total charged, without cash tips. USD.", "Total_Amt", required=True)
_CONGESTION = _money("congestion_surcharge", "New York State congestion surcharge. USD.")
_CBD = _money("cbd_congestion_fee", "Charge of the MTA's Congestion Relief Zone, from January 2025. USD.")
_COORDINATES = tuple(
    Column(name=name, type=DOUBLE, old_names=(old,), legacy=True, description=f"{what} of the {where}, in years before zones. Degrees.")
    for name, old, what, where in (
        ("pickup_longitude", "Start_Lon", "Longitude", "pick-up"),
        ("pickup_latitude", "Start_Lat", "Latitude", "pick-up"),
        ("dropoff_longitude", "End_Lon", "Longitude", "drop-off"),
        ("dropoff_latitude", "End_Lat", "Latitude", "drop-off"),
    )
)  # fmt: skip

YELLOW = TableSchema(
    columns=(
        _VENDOR,
        Column(name="tpep_pickup_datetime", type=TIME, description=_PICKUP, required=True, old_names=("Trip_Pickup_DateTime", "pickup_datetime")),
        Column(name="tpep_dropoff_datetime", type=TIME, description=_DROPOFF, required=True, old_names=("Trip_Dropoff_DateTime", "dropoff_datetime")),
        _PASSENGERS, _DISTANCE, _RATE, _STORED, _PU_ZONE, _DO_ZONE, _PAYMENT, _FARE, _EXTRA, _MTA, _TIP, _TOLLS, _IMPROVEMENT, _TOTAL, _CONGESTION,
        _money("Airport_fee", "Pick-up at LaGuardia or JFK. USD."),
        _CBD,
        *_COORDINATES,
        Column(name="vendor_name", type=TEXT, old_names=("vendor_id",), legacy=True, description="Vendor as text, in 2009 to 2014: CMT, VTS, DDS."),
        Column(name="payment_type_name", type=TEXT, legacy=True, description="Payment as text, in 2009 to 2014: CASH, Credit, CRD, ..."),
        Column(name="store_and_forward", type=DOUBLE, legacy=True, description="Store-and-forward flag as a number, in 2009."),
    ),
    pickup_time="tpep_pickup_datetime", dropoff_time="tpep_dropoff_datetime", pickup_zone="PULocationID", fare="fare_amount",
    text_editions={"vendor_name": {"payment_type": "payment_type_name"}},
)  # fmt: skip

GREEN = TableSchema(
    columns=(
        _VENDOR,
        Column(name="lpep_pickup_datetime", type=TIME, description=_PICKUP, required=True),
        Column(name="lpep_dropoff_datetime", type=TIME, description=_DROPOFF, required=True),
        _STORED, _RATE, _PU_ZONE, _DO_ZONE, _PASSENGERS, _DISTANCE, _FARE, _EXTRA, _MTA, _TIP, _TOLLS,
        _money("ehail_fee", "E-hail fee; empty in the published files."),
        _IMPROVEMENT, _TOTAL, _PAYMENT,
        Column(name="trip_type", type=INT, description="1 street hail, 2 dispatch."),
        _CONGESTION, _CBD,
        *_COORDINATES,
    ),
    pickup_time="lpep_pickup_datetime", dropoff_time="lpep_dropoff_datetime", pickup_zone="PULocationID", fare="fare_amount",
)  # fmt: skip

FHV = TableSchema(
    columns=(
        Column(name="dispatching_base_num", type=TEXT, required=True, description="TLC licence of the base that dispatched the trip."),
        Column(name="pickup_datetime", type=TIME, required=True, old_names=("Pickup_date",), description="Time of the pick-up (New York wall time)."),
        Column(name="dropOff_datetime", type=TIME, description="Time of the drop-off (New York wall time)."),
        Column(name="PUlocationID", type=INT, old_names=("locationID",), description=_PU_ZONE.description),
        Column(name="DOlocationID", type=INT, description=_DO_ZONE.description),
        Column(name="SR_Flag", type=INT, description="1: part of a shared ride; empty: not."),
        Column(name="Affiliated_base_number", type=TEXT, description="Base the vehicle is affiliated with."),
        Column(name="dispatching_base_number", type=TEXT, legacy=True, description="Second column of the dispatching base, in the CSV files of 2018."),
    ),
    pickup_time="pickup_datetime", dropoff_time="dropOff_datetime", pickup_zone="PUlocationID",
)  # fmt: skip


def _flag(name: str, description: str) -> Column:
    return Column(name=name, type=TEXT, description=f"{description}: Y or N.")


FHVHV = TableSchema(
    columns=(
        Column(name="hvfhs_license_num", type=TEXT, required=True, description="Licence of the company: HV0002 Juno, HV0003 Uber, HV0004 Via, HV0005 Lyft."),
        Column(name="dispatching_base_num", type=TEXT, required=True, description="TLC licence of the base that dispatched the trip."),
        Column(name="originating_base_num", type=TEXT, description="Base that received the request."),
        Column(name="request_datetime", type=TIME, description="Time of the request (New York wall time)."),
        Column(name="on_scene_datetime", type=TIME, description="Time the driver arrived; accessible vehicles only (New York wall time)."),
        Column(name="pickup_datetime", type=TIME, required=True, description="Time of the pick-up (New York wall time)."),
        Column(name="dropoff_datetime", type=TIME, description="Time of the drop-off (New York wall time)."),
        _PU_ZONE, _DO_ZONE,
        _money("trip_miles", "Miles of the trip."),
        Column(name="trip_time", type=INT, description="Seconds of the trip."),
        _money("base_passenger_fare", "Fare before tolls, tips, taxes and fees. USD."),
        _money("tolls", "All tolls of the trip. USD."),
        _money("bcf", "Black Car Fund. USD."),
        _money("sales_tax", "New York State sales tax. USD."),
        _CONGESTION,
        _money("airport_fee", "Pick-up or drop-off at LaGuardia, Newark or JFK. USD."),
        _money("tips", "Tips. USD."),
        _money("driver_pay", "Pay of the driver, without tolls and tips. USD."),
        _flag("shared_request_flag", "The passenger agreed to share"),
        _flag("shared_match_flag", "The ride was shared"),
        _flag("access_a_ride_flag", "On behalf of the MTA; may be a blank"),
        _flag("wav_request_flag", "A wheelchair-accessible vehicle was asked for"),
        _flag("wav_match_flag", "The vehicle was wheelchair-accessible"),
        _CBD,
        Column(name="SR_Flag", type=INT, legacy=True, description="1: part of a shared ride, in the CSV files of 2019 to 2021."),
    ),
    pickup_time="pickup_datetime", dropoff_time="dropoff_datetime", pickup_zone="PULocationID", fare="base_passenger_fare",
)  # fmt: skip

ZONES = TableSchema(
    columns=(
        Column(name="LocationID", type=INT, required=True, description="Number of the taxi zone."),
        Column(name="Borough", type=TEXT, required=True, description="Borough, EWR, Unknown or N/A (which is text)."),
        Column(name="Zone", type=TEXT, required=True, description="Name of the zone; not unique."),
        Column(name="service_zone", type=TEXT, description="EWR, Airports, Boro Zone, Yellow Zone or N/A."),
    )
)
