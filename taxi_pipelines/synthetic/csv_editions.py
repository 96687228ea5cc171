"""The CSV editions of the trip files, as data: the very bytes each began with, and how its rows were written.

All rows ended in CRLF. What differed: the header's own line end, blank lines after it, blanks within it, quotes, rows
with more fields than the header names, and distances without their leading zero (`.50`). The editions after 2020-06
(to 2021-07, gzipped) look like the last ones here.
"""

from __future__ import annotations

from dataclasses import dataclass

from taxi_pipelines.domain.month import Month
from taxi_pipelines.synthetic.epochs import check_published


@dataclass(frozen=True, kw_only=True, slots=True)
class CsvEdition:
    """How the CSV files of a type looked from a month on. `beginning` is everything before the first row."""

    since: Month
    beginning: bytes
    quoted: bool = False
    padding: int = 0  #: empty fields at the end of each row that the header does not name
    short_distances: bool = False  #: `.50` and `3.30`

    @property
    def names(self) -> list[str]:
        """The columns the header names, without the quotes and blanks around them."""
        header = self.beginning.split(b"\n", 1)[0].decode("ascii")
        return [name.strip().strip('"') for name in header.split(",")]


_LF_BLANK = b"\n\r\n"
_CRLF = b"\r\n"

_YELLOW_2009 = (
    b"vendor_name,Trip_Pickup_DateTime,Trip_Dropoff_DateTime,Passenger_Count,Trip_Distance,Start_Lon,Start_Lat,Rate_Code,"
    b"store_and_forward,End_Lon,End_Lat,Payment_Type,Fare_Amt,surcharge,mta_tax,Tip_Amt,Tolls_Amt,Total_Amt"
)
_YELLOW_2010 = (
    b"vendor_id,pickup_datetime,dropoff_datetime,passenger_count,trip_distance,pickup_longitude,pickup_latitude,rate_code,"
    b"store_and_fwd_flag,dropoff_longitude,dropoff_latitude,payment_type,fare_amount,surcharge,mta_tax,tip_amount,"
    b"tolls_amount,total_amount"
)
_YELLOW_2015 = (
    b"VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,passenger_count,trip_distance,pickup_longitude,pickup_latitude,"
    b"RateCodeID,store_and_fwd_flag,dropoff_longitude,dropoff_latitude,payment_type,fare_amount,extra,mta_tax,tip_amount,"
    b"tolls_amount,improvement_surcharge,total_amount"
)
_YELLOW_2016 = (
    b"VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,passenger_count,trip_distance,RatecodeID,store_and_fwd_flag,"
    b"PULocationID,DOLocationID,payment_type,fare_amount,extra,mta_tax,tip_amount,tolls_amount,improvement_surcharge,"
    b"total_amount"
)
_GREEN_2013 = (
    b"VendorID,lpep_pickup_datetime,Lpep_dropoff_datetime,Store_and_fwd_flag,RateCodeID,Pickup_longitude,Pickup_latitude,"
    b"Dropoff_longitude,Dropoff_latitude,Passenger_count,Trip_distance,Fare_amount,Extra,MTA_tax,Tip_amount,Tolls_amount,"
    b"Ehail_fee,Total_amount,Payment_type,Trip_type "
)
_GREEN_2015 = _GREEN_2013.replace(b"Ehail_fee,", b"Ehail_fee,improvement_surcharge,")
_GREEN_2016 = (
    b"VendorID,lpep_pickup_datetime,lpep_dropoff_datetime,store_and_fwd_flag,RatecodeID,PULocationID,DOLocationID,"
    b"passenger_count,trip_distance,fare_amount,extra,mta_tax,tip_amount,tolls_amount,ehail_fee,improvement_surcharge,"
    b"total_amount,payment_type,trip_type"
)
_FHV_2015 = b"Dispatching_base_num,Pickup_date,locationID"
_FHV_2017 = b"Dispatching_base_num,Pickup_DateTime,DropOff_datetime,PUlocationID,DOlocationID"
_FHV_2017_07 = b'"Dispatching_base_num","Pickup_DateTime","DropOff_datetime","PUlocationID","DOlocationID","SR_Flag"'
_FHV_2018 = (
    b'"Pickup_DateTime","DropOff_datetime","PUlocationID","DOlocationID","SR_Flag","Dispatching_base_number",'
    b'"Dispatching_base_num"'
)
_FHV_2019 = b"dispatching_base_num,pickup_datetime,dropoff_datetime,PULocationID,DOLocationID,SR_Flag"
_FHVHV_2019 = (
    b"hvfhs_license_num,dispatching_base_num,pickup_datetime,dropoff_datetime,PULocationID,DOLocationID,SR_Flag"
)


def _edition(
    since: str, header: bytes, ending: bytes, *, quoted: bool = False, padding: int = 0, short: bool = False
) -> CsvEdition:
    return CsvEdition(
        since=Month.parse(since), beginning=header + ending, quoted=quoted, padding=padding, short_distances=short
    )


EDITIONS = {
    "yellow": (
        _edition("2009-01", _YELLOW_2009, _LF_BLANK),
        _edition("2010-01", _YELLOW_2010, _LF_BLANK),
        _edition("2014-01", _YELLOW_2010.replace(b",", b", "), _LF_BLANK),
        _edition("2015-01", _YELLOW_2015, _CRLF, short=True),
        _edition("2015-07", _YELLOW_2015.replace(b"RateCodeID", b"RatecodeID"), _CRLF, short=True),
        _edition("2016-07", _YELLOW_2016, _CRLF, short=True, padding=2),
        _edition("2017-01", _YELLOW_2016, _LF_BLANK, short=True),
        _edition("2019-01", _YELLOW_2016 + b",congestion_surcharge", _CRLF, short=True),
    ),
    "green": (
        _edition("2013-08", _GREEN_2013, _LF_BLANK, short=True, padding=2),
        _edition("2014-01", _GREEN_2013, b"\n" + _LF_BLANK, short=True, padding=2),
        _edition("2015-01", _GREEN_2015, _CRLF, short=True, padding=2),
        _edition("2015-07", _GREEN_2015, _CRLF, short=True),
        _edition("2016-01", _GREEN_2015, _LF_BLANK, short=True),
        _edition("2016-07", _GREEN_2016, _LF_BLANK, short=True, padding=2),
        _edition("2017-01", _GREEN_2016, _LF_BLANK, short=True),
        _edition("2019-01", _GREEN_2016 + b",congestion_surcharge", _CRLF, short=True),
    ),
    "fhv": (
        _edition("2015-01", _FHV_2015, _CRLF),
        _edition("2017-01", _FHV_2017, _CRLF),
        _edition("2017-07", _FHV_2017_07, _CRLF, quoted=True),
        _edition("2018-01", _FHV_2018, _CRLF, quoted=True),
        _edition("2019-01", _FHV_2019, _CRLF),
    ),
    "fhvhv": (_edition("2019-02", _FHVHV_2019, _CRLF),),
}


def csv_edition(type: str, month: Month) -> CsvEdition:
    """How that month's CSV file looks. Raises UnknownType, UsageError, InvalidMonth."""
    check_published(type, month)
    return [edition for edition in EDITIONS[type] if edition.since <= month][-1]
