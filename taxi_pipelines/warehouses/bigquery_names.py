"""Names in BigQuery: datasets, tables, partitions, staged versions, month records, jobs. Pure.

A staged version and a month's record are tables of the staging dataset whose ids say what they are of; so one list of that
dataset says everything about what is published, locked and left over. Ids have letters, digits and underscores only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from google.cloud.bigquery import DatasetReference, TableReference

from taxi_pipelines.domain.month import WHOLE, Month, Partition, Whole
from taxi_pipelines.errors import UsageError
from taxi_pipelines.gcp.names import staging_dataset
from taxi_pipelines.taxi.types import ALL

KINDS = {kind.table: kind for kind in ALL.values()}
"""Every target table."""

_TABLES = "|".join(KINDS)
_MONTH = r"\d{4}_\d{2}|all"
_STAGED = re.compile(rf"({_TABLES})_({_MONTH})_([A-Za-z0-9_]+)")
_RECORD = re.compile(rf"month_({_TABLES})_({_MONTH})")
_VERSION = re.compile(r"[A-Za-z0-9-]{1,200}")


@dataclass(frozen=True, kw_only=True, slots=True)
class MonthKey:
    """One partition of one table."""

    table: str
    partition: Partition

    def __str__(self) -> str:
        return f"{self.table} {self.partition}"

    @property
    def id_part(self) -> str:
        """As it stands in ids: `green_tripdata_2021_01`."""
        return f"{self.table}_{str(self.partition).replace('-', '_')}"


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionKey:
    """One version of one partition. Raises UsageError for a version that cannot be part of an id."""

    month: MonthKey
    version: str

    def __post_init__(self) -> None:
        if not _VERSION.fullmatch(self.version):
            raise UsageError(f"{self.version!r} is not a version", "versions are letters, digits and dashes")

    def __str__(self) -> str:
        return f"{self.month} version {self.version}"

    @property
    def staging_id(self) -> str:
        """The staging table's id."""
        return f"{self.month.id_part}_{self.version.replace('-', '_')}"

    @property
    def labels(self) -> dict[str, str]:
        """What a job or table of this version is labelled with: https://cloud.google.com/bigquery/docs/labels-intro"""
        kind = KINDS[self.month.table]
        labels = {"flow": "taxi_run", "type": kind.name, "month": str(self.month.partition)}
        return labels | {"execution": self.version.lower()[:63]}


def parse_staging(table_id: str) -> VersionKey | None:
    """The version a table of the staging dataset holds; None where it is not one of ours."""
    found = _STAGED.fullmatch(table_id)
    return VersionKey(month=_key(found), version=found[3].replace("_", "-")) if found else None


def parse_record(table_id: str) -> MonthKey | None:
    """The month a table of the staging dataset is the record of; None where it is none."""
    found = _RECORD.fullmatch(table_id)
    return _key(found) if found else None


def _key(found: re.Match[str]) -> MonthKey:
    month = WHOLE if found[2] == str(WHOLE) else Month.parse(found[2].replace("_", "-"))
    return MonthKey(table=found[1], partition=month)


def quoted(*parts: str) -> str:
    """An identifier of several parts in GoogleSQL."""
    return ".".join("`" + part.replace("\\", "\\\\").replace("`", "\\`") + "`" for part in parts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """The places of one warehouse."""

    project: str
    dataset: str

    @property
    def place(self) -> str:
        """For messages."""
        return f"BigQuery dataset {self.project}.{self.dataset}"

    @property
    def main(self) -> DatasetReference:
        """Where the target tables lie."""
        return DatasetReference(self.project, self.dataset)

    @property
    def staging(self) -> DatasetReference:
        """Where staged versions and month records lie."""
        return DatasetReference(self.project, staging_dataset(self.dataset))

    def target(self, table: str) -> TableReference:
        """A target table."""
        return self.main.table(table)

    def published(self, month: MonthKey) -> TableReference:
        """A month's part of the target table."""
        return self.main.table(f"{month.table}{_decorator(month.partition)}")

    def staged(self, version: VersionKey) -> TableReference:
        """A version's staging table."""
        return self.staging.table(version.staging_id)

    def staged_part(self, version: VersionKey) -> TableReference:
        """The one partition of a version's staging table."""
        return self.staging.table(f"{version.staging_id}{_decorator(version.month.partition)}")

    def record(self, month: MonthKey) -> TableReference:
        """A month's record."""
        return self.staging.table(f"month_{month.id_part}")

    def lock_name(self, month: MonthKey) -> str:
        """The month's lock on this machine."""
        return f"{self.project}.{self.dataset}-{month.table}-{month.partition}"

    def job_id(self, step: str, version: VersionKey, attempt: int) -> str:
        """The same for the same work, so that it is found again and never done twice; ids are the project's."""
        return f"taxi_{step}_{self.dataset}_{version.staging_id}_{attempt}"


def quoted_table(table: TableReference) -> str:
    """A table in GoogleSQL."""
    return quoted(table.project, table.dataset_id, table.table_id)


def _decorator(partition: Partition) -> str:
    """https://cloud.google.com/bigquery/docs/managing-partitioned-tables"""
    return "" if isinstance(partition, Whole) else f"${partition.year:04d}{partition.month:02d}"
