"""Month records: what is published of a month, and who is working on it. The truth about both.

A record is an empty table of the staging dataset whose friendly name holds it as JSON: a list of the dataset shows all of them at
once, `insert` refuses to make one twice, and an update that names the etag it has seen is a compare-and-set.
https://cloud.google.com/bigquery/docs/reference/rest/v2/tables/list
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from google.api_core import exceptions as api
from google.cloud import bigquery

from taxi_pipelines.errors import WarehouseCorrupt
from taxi_pipelines.interfaces import PublishedMonth
from taxi_pipelines.warehouses.bigquery_errors import bigquery_errors
from taxi_pipelines.warehouses.bigquery_jobs import RETRY, TIMEOUT
from taxi_pipelines.warehouses.bigquery_names import MonthKey, Names, VersionKey, parse_record, parse_staging

_KEPT_UNTIL = datetime(2200, 1, 1, tzinfo=UTC)
"""Tables of the staging dataset expire after a day unless they say otherwise."""

_DESCRIPTION = (
    "What taxi-pipelines knows of one month: its name says it. Do not edit; without it the month is loaded again."
)
_PAGE = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """Who is working on a month. `place`: the machine and folder whose file lock it holds too; `token`: this one hold's.

    `since`: when it was taken; by whoever takes a dead holder's place, when that one took it. `until`: the lease's end.
    """

    place: str
    token: str
    since: datetime
    until: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """What is known of a month."""

    published: PublishedMonth | None = None
    holder: Holder | None = None

    def to_text(self) -> str:
        """As it is kept."""
        plain: dict[str, Any] = {}
        if month := self.published:
            plain["published"] = {"version": month.version, "rows": month.rows, "bytes": month.bytes}
        if holder := self.holder:
            times = {"since": holder.since.isoformat(), "until": holder.until.isoformat()}
            plain["holder"] = {"place": holder.place, "token": holder.token} | times
        return json.dumps(plain, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> Record:
        """The inverse of `to_text`. Raises ValueError."""
        try:
            plain = json.loads(text)
            month, holder = plain.get("published"), plain.get("holder")
            return cls(
                published=PublishedMonth(**month) if month else None,
                holder=Holder(
                    place=holder["place"],
                    token=holder["token"],
                    since=datetime.fromisoformat(holder["since"]),
                    until=datetime.fromisoformat(holder["until"]),
                )
                if holder
                else None,
            )
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(str(error)) from error


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredRecord:
    """A record as it was seen; `table` has the etag that it must still have to be replaced."""

    record: Record
    table: bigquery.Table


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """Everything in the staging dataset that is ours. `unreadable`: records that somebody altered, and their tables."""

    records: Mapping[MonthKey, Record]
    staged: tuple[VersionKey, ...]
    unreadable: Mapping[MonthKey, str]

    @property
    def unfinished(self) -> set[MonthKey]:
        """Months that somebody holds, or held, or of which a version is staged."""
        return {version.month for version in self.staged} | {m for m, record in self.records.items() if record.holder}

    def staged_of(self, month: MonthKey) -> list[VersionKey]:
        """A month's staged versions, the oldest first."""
        return sorted((version for version in self.staged if version.month == month), key=lambda key: key.version)

    def with_record(self, month: MonthKey, record: Record) -> Listing:
        """With a record as it is now known to be."""
        return replace(self, records={**self.records, month: record})


class Records:
    """The records of one warehouse."""

    def __init__(self, client: Callable[[], bigquery.Client], names: Callable[[], Names]) -> None:
        self._client = client
        self._names = names

    def list(self) -> Listing:
        """One call per thousand tables."""
        names = self._names()
        records: dict[MonthKey, Record] = {}
        unreadable: dict[MonthKey, str] = {}
        staged: list[VersionKey] = []
        with bigquery_errors(names.place):
            for item in self._client().list_tables(names.staging, page_size=_PAGE, retry=RETRY, timeout=TIMEOUT):
                if month := parse_record(item.table_id):
                    try:
                        records[month] = Record.from_text(item.friendly_name or "")
                    except ValueError:
                        unreadable[month] = item.full_table_id
                elif version := parse_staging(item.table_id):
                    staged.append(version)
        return Listing(records=records, staged=tuple(staged), unreadable=unreadable)

    def read(self, month: MonthKey) -> StoredRecord | None:
        """None where the month has no record."""
        with bigquery_errors(str(month)):
            try:
                table = self._client().get_table(self._names().record(month), retry=RETRY, timeout=TIMEOUT)
            except api.NotFound as error:
                if "Dataset" in str(error):
                    raise
                return None
        return self._stored(month, table)

    def insert(self, month: MonthKey, record: Record) -> StoredRecord | None:
        """Makes the month's record; None where it has one."""
        table = bigquery.Table(self._names().record(month))
        table.friendly_name = record.to_text()
        table.description = _DESCRIPTION
        table.expires = _KEPT_UNTIL
        with bigquery_errors(str(month)):
            try:
                made = self._client().create_table(table, retry=RETRY, timeout=TIMEOUT)
            except api.Conflict:
                return self._if_ours(month, record)
        return self._stored(month, made)

    def replace(self, month: MonthKey, seen: StoredRecord, record: Record) -> StoredRecord | None:
        """Puts another record in its place; None where it is no longer the one that was seen."""
        table = bigquery.Table.from_api_repr(seen.table.to_api_repr())
        table.friendly_name = record.to_text()
        with bigquery_errors(str(month)):
            try:
                made = self._client().update_table(table, ["friendly_name"], retry=RETRY, timeout=TIMEOUT)
            except (api.PreconditionFailed, api.NotFound):
                return self._if_ours(month, record)
        return self._stored(month, made)

    def delete(self, month: MonthKey) -> None:
        """Forgets a month; it then counts as never published."""
        with bigquery_errors(str(month)):
            self._client().delete_table(self._names().record(month), not_found_ok=True, retry=RETRY, timeout=TIMEOUT)

    def drop_staged(self, version: VersionKey) -> bool:
        """Removes a staging table; whether it was there."""
        with bigquery_errors(str(version)):
            try:
                self._client().delete_table(self._names().staged(version), retry=RETRY, timeout=TIMEOUT)
            except api.NotFound:
                return False
        return True

    def _if_ours(self, month: MonthKey, record: Record) -> StoredRecord | None:
        """A write may be done and its answer lost; made again, it is refused, because of ourselves."""
        stored = self.read(month)
        return stored if stored and stored.record == record else None

    def _stored(self, month: MonthKey, table: bigquery.Table) -> StoredRecord:
        try:
            return StoredRecord(record=Record.from_text(table.friendly_name or ""), table=table)
        except ValueError as error:
            raise WarehouseCorrupt(
                f"the record of {month} was altered", f"run: bq rm {table.full_table_id}, and load the month again"
            ) from error
