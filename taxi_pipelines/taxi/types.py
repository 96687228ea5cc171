"""The taxi types: what is published, since when, under which name, and when the next month is due."""

from __future__ import annotations

from dataclasses import dataclass

from taxi_pipelines.domain.manifest import FileFormat
from taxi_pipelines.domain.month import WHOLE, Month, Partition, Whole
from taxi_pipelines.errors import InvalidMonth, UnknownType, UsageError
from taxi_pipelines.taxi import schemas

PUBLISHED_AFTER_MONTHS = 2
"""The TLC publishes a month about two months after its end."""

OVERDUE_AFTER_MONTHS = 4
"""A month that is missing so long after its end is not late but missing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaxiType:
    """One published series of files and the table it becomes."""

    name: str
    title: str
    table: str
    first: Partition
    schema: schemas.TableSchema

    def partition(self, text: str | None) -> Partition:
        """The partition a user names. Raises InvalidMonth before the first month, UsageError where none fits."""
        if isinstance(self.first, Whole):
            if text is not None and text != str(WHOLE):
                raise UsageError(f"{self.name} are published as a whole, not by month", f"run: taxi run {self.name}")
            return WHOLE
        if text is None:
            raise UsageError(
                f"{self.name} is published by month", f"give one, for example: taxi run {self.name} 2024-01"
            )
        month = Month.parse(text)
        if month < self.first:
            raise InvalidMonth(
                f"{self.name} {month} was never published", f"the first month of {self.name} is {self.first}"
            )
        return month

    def file_stem(self, partition: Partition) -> str:
        """The published file's name without its ending."""
        return "taxi_zone_lookup" if isinstance(partition, Whole) else f"{self.name}_tripdata_{partition}"

    def file_names(self, partition: Partition, prefer: FileFormat) -> list[tuple[FileFormat, str]]:
        """The names a source may publish the partition under, best first."""
        order = [FileFormat.PARQUET, FileFormat.CSV, FileFormat.CSV_GZ]
        if prefer is not FileFormat.PARQUET:
            order = [*order[1:], order[0]]
        if isinstance(partition, Whole):
            order = [FileFormat.CSV]
        return [(kind, f"{self.file_stem(partition)}.{kind}") for kind in order]

    def column_comments(self) -> dict[str, str]:
        """Column name → description, for every column the table can have."""
        return {column.name: column.description for column in (*self.schema.columns, *schemas.ADDRESS)}


YELLOW = TaxiType(
    name="yellow", title="Yellow taxi trips", table="yellow_tripdata", first=Month(2009, 1), schema=schemas.YELLOW
)
GREEN = TaxiType(
    name="green", title="Green taxi trips", table="green_tripdata", first=Month(2013, 8), schema=schemas.GREEN
)
FHV = TaxiType(
    name="fhv", title="For-hire vehicle trips", table="fhv_tripdata", first=Month(2015, 1), schema=schemas.FHV
)
FHVHV = TaxiType(
    name="fhvhv",
    title="High-volume for-hire vehicle trips",
    table="fhvhv_tripdata",
    first=Month(2019, 2),
    schema=schemas.FHVHV,
)
ZONES = TaxiType(name="zones", title="Taxi zones", table="taxi_zones", first=WHOLE, schema=schemas.ZONES)

ALL = {kind.name: kind for kind in (YELLOW, GREEN, FHV, FHVHV, ZONES)}
MONTHLY = {name: kind for name, kind in ALL.items() if isinstance(kind.first, Month)}


def find_type(name: str) -> TaxiType:
    """The type of that name. Raises UnknownType, naming the nearest."""
    if name not in ALL:
        raise UnknownType(name, ALL)
    return ALL[name]


def find_monthly(name: str) -> TaxiType:
    """The type of that name, published by month. Raises UnknownType or UsageError."""
    kind = find_type(name)
    if name not in MONTHLY:
        raise UsageError(f"{name} are published as a whole, not by month", f"run: taxi run {name}")
    return kind


def is_overdue(month: Month, today: Month) -> bool:
    """Whether a month that is not at the source ought to have been there for long."""
    return month.plus(OVERDUE_AFTER_MONTHS) < today


def newest_due(today: Month) -> Month:
    """The newest month that can be expected at the source."""
    return today.plus(-PUBLISHED_AFTER_MONTHS - 1)
