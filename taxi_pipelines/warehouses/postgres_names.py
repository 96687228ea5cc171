"""Names and keys of what lies in the schema: tables, partitions, staging tables, advisory locks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from taxi_pipelines.domain.month import Month, Partition
from taxi_pipelines.warehouses.statements import quoted_name

STAGING = "_staging_"
MONTHS_TABLE = "loaded_months"


@dataclass(frozen=True, slots=True)
class Names:
    """The names in one schema. What a method returns is quoted and qualified unless it says `plain`."""

    schema: str

    @property
    def quoted_schema(self) -> str:
        """The schema itself."""
        return quoted_name(self.schema)

    @property
    def months(self) -> str:
        """The table that says what is published."""
        return self.qualified(MONTHS_TABLE)

    def qualified(self, plain: str) -> str:
        """A relation of the schema."""
        return f"{self.quoted_schema}.{quoted_name(plain)}"

    def lock_key(self, table: str, partition: Partition | None) -> int:
        """The advisory lock of a partition; with None that of everybody who changes the root table."""
        place = f"{self.schema}\0{table}\0{'' if partition is None else partition}"
        return int.from_bytes(hashlib.sha256(place.encode()).digest()[:8], "big", signed=True)


def plain_partition(table: str, partition: Partition) -> str:
    """The name of a month's table, `green_tripdata_2021_01`."""
    suffix = f"{partition.year:04d}_{partition.month:02d}" if isinstance(partition, Month) else str(partition)
    return f"{table}_{suffix}"


def plain_staging(table: str, partition: Partition, version: str) -> str:
    """The name of a version's table until it is published."""
    return f"{STAGING}{plain_partition(table, partition)}_{short(version)}"


def plain_index(table: str, partition: Partition, version: str) -> str:
    """The name of the index of a version's table, which it keeps."""
    return f"{plain_partition(table, partition)}_order_{short(version)}"


def short(version: str) -> str:
    """Ten hex digits for a version of any length."""
    return hashlib.sha256(version.encode()).hexdigest()[:10]
