"""What the pipeline needs of the world, in one file. Adapters implement these; nothing above them sees a driver.

A conformance suite per interface (tests/conformance) says what an adapter must do; the docstrings here are its summary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO, Protocol

from taxi_pipelines.domain.asking import Asking
from taxi_pipelines.domain.manifest import FileFormat, Manifest, Offer
from taxi_pipelines.domain.month import Month, Partition
from taxi_pipelines.domain.receipt import Receipt

if TYPE_CHECKING:  # pyarrow costs 0.2 s and 50 MB, which whoever only wants a receipt can do without
    import pyarrow as pa

    from taxi_pipelines.taxi.types import TaxiType

Advance = Callable[[int, int | None], None]
"""Called while bytes or rows go by, with how many are done and how many there are in all (None: unknown).
It may raise to break the work off; whatever calls it leaves nothing half-done behind."""


class Source(Protocol):
    """Where months are published."""

    @property
    def address(self) -> str:
        """Base URL or folder, for messages."""
        ...

    def find(self, kind: TaxiType, partition: Partition, prefer: FileFormat) -> Offer | None:
        """What is published of the partition, best format first; None if nothing. Raises SourceUnavailable."""
        ...

    def fetch(self, offer: Offer, target: BinaryIO, advance: Advance) -> Offer:
        """Writes the whole file to `target`, resuming after broken connections; the offer as it was really served.

        Raises SourceUnavailable, SourceMissing, SourceCorrupt (more or fewer bytes than announced)."""
        ...

    def latest(self, kind: TaxiType, not_after: Month, prefer: FileFormat) -> Month | None:
        """The newest month published, looking back from `not_after` (over HTTP a year at most); None if none is found."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class LakeObject:
    """A raw file in the lake, committed and immutable."""

    manifest: Manifest
    location: str


class Lake(Protocol):
    """Published files as they were, versioned by content."""

    @property
    def address(self) -> str:
        """Folder or bucket URL, for messages."""
        ...

    def put(self, offer: Offer, fetch: Callable[[BinaryIO], Offer], now: datetime) -> LakeObject:
        """Commits what `fetch` writes, with its manifest; hashes while writing. Either all of it is visible or nothing.

        The same content again is the same version; its manifest then names the newer offer. Raises DiskFull."""
        ...

    def versions(self, kind: str, partition: Partition) -> list[LakeObject]:
        """All versions of a partition, the one fetched last first."""
        ...

    def find(self, kind: str, partition: Partition, sha256: str) -> LakeObject | None:
        """The version of that content."""
        ...

    def open(self, item: LakeObject) -> BinaryIO:
        """The file's bytes, seekable, read as needed. Raises LakeCorrupt if it is gone."""
        ...

    def check(self, item: LakeObject) -> None:
        """Hashes the file again. Raises LakeCorrupt if it is not what its manifest says."""
        ...

    def partitions(self) -> list[tuple[str, Partition]]:
        """Every (type, partition) of which the lake has a version, in order."""
        ...

    def list_changed(self, since: datetime) -> list[LakeObject]:
        """Versions whose manifest was committed at that time or later, the oldest first."""
        ...

    def remove(self, item: LakeObject) -> None:
        """Takes one version away."""
        ...

    def sweep(self) -> int:
        """Removes what dead processes left half-written, never what a living one is writing; how many."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Addresses:
    """Measured on what was staged: how many rows and distinct addresses there are, the first and the last."""

    rows: int
    distinct: int
    first: int | None
    last: int | None

    @property
    def gapless(self) -> bool:
        """Whether the addresses are exactly 1…rows."""
        ends = (self.first, self.last)
        return self.rows == self.distinct and (ends == (1, self.rows) if self.rows else ends == (None, None))


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedMonth:
    """The version of a partition that readers see."""

    version: str
    rows: int
    bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The result of a statement; what was billed for it, None where nothing ever is."""

    reader: pa.RecordBatchReader
    bytes_billed: int | None = None


class Warehouse(Protocol):
    """Target tables, published one partition at a time. All verbs may be called from several threads and processes."""

    @property
    def target(self) -> str:
        """The target's name: duckdb, postgres, bigquery."""
        ...

    @property
    def place(self) -> str:
        """Where it is, for people: a file, a server and its database, a dataset; never a password."""
        ...

    def lock(self, table: str, partition: Partition) -> AbstractContextManager[None]:
        """Holds the partition against every other process and thread; waits. Released when the process dies."""
        ...

    def locked(self, table: str, partitions: Iterable[Partition]) -> set[Partition]:
        """Those of the partitions that somebody is working on now."""
        ...

    def stage(
        self, kind: TaxiType, partition: Partition, version: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]
    ) -> None:
        """Writes cleaned rows (address columns included) as a version that readers do not see yet, in constant memory."""
        ...

    def addresses(self, table: str, partition: Partition, version: str) -> Addresses:
        """Measures a staged or published version where it lies."""
        ...

    def publish(self, kind: TaxiType, partition: Partition, version: str) -> None:
        """Makes a version the one readers see, in one atomic step; the table gains columns it lacks."""
        ...

    def published(self, table: str) -> Mapping[Partition, PublishedMonth]:
        """What readers see of a table, partition by partition."""
        ...

    def columns(self, table: str) -> Sequence[str]:
        """The table's columns as readers see them; empty where nothing is published."""
        ...

    def column_types(self, table: str) -> Mapping[str, str]:
        """Those columns with their SQL types, without a look at the rows."""
        ...

    def versions(self, table: str, partition: Partition) -> list[str]:
        """The versions still held, oldest first, the published one among them."""
        ...

    def discard(self, table: str, partition: Partition, version: str) -> None:
        """Removes a version; nothing happens where it is gone, or is the published one."""
        ...

    def read(self, table: str, partition: Partition, version: str) -> Iterator[pa.RecordBatch]:
        """A held version's rows in the order of their addresses, in constant memory."""
        ...

    def query(self, sql: str) -> AbstractContextManager[pa.RecordBatchReader]:
        """Runs one statement over the published tables, whose names need no schema. Raises QueryFailed."""
        ...

    def ask(self, sql: str, asking: Asking) -> AbstractContextManager[Answer]:
        """As `query`, for who is not trusted: the statement reads the published tables and nothing else, calls nothing that has
        an effect, and takes bounded memory. Whoever stops `asking` ends it, on a server too. Raises QueryFailed."""
        ...

    def price(self, sql: str) -> int | None:
        """Bytes that `ask` would be billed for; None where the target bills nothing. Raises QueryFailed."""
        ...

    def estimate(self, kind: TaxiType, partition: Partition, file_bytes: int | None) -> int:
        """Bytes that loading a file of that size into the partition would be billed for; 0 where the target bills nothing."""
        ...

    def sweep(self, only: tuple[str, Partition] | None = None) -> int:
        """Removes staging of dead processes, of all partitions or of one (table, partition), and their temporary files, and
        brings the catalog up to date; how many files."""
        ...

    def problems(self) -> list[str]:
        """What is wrong with the warehouse's own files, one sentence each; empty if nothing."""
        ...

    def repair(self) -> None:
        """Mends what `problems` finds and can be mended from the files there are."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Why the last attempt at a month failed."""

    type: str
    month: Partition
    code: str
    message: str
    failed_at: datetime


class Receipts(Protocol):
    """Receipts and failures, per target. A receipt is first staged, and settled when its version is published."""

    def stage(self, receipt: Receipt) -> None:
        """Keeps a receipt whose version is about to be published."""
        ...

    def settle(self, target: str, kind: str, partition: Partition, published_version: str | None) -> None:
        """Brings receipts in step with the warehouse: that of the published version counts, other staged ones go.

        No write where nothing is out of step."""
        ...

    def of_version(self, target: str, kind: str, partition: Partition, version: str) -> Receipt | None:
        """The latest settled receipt of a version."""
        ...

    def of_month(self, target: str, kind: str, partition: Partition) -> Sequence[Receipt]:
        """All settled receipts of a partition, the newest first."""
        ...

    def current(self, target: str) -> Mapping[tuple[str, Partition], Receipt]:
        """The latest settled receipt of every partition."""
        ...

    def touch(self, receipt: Receipt, etag: str | None, source_url: str) -> None:
        """Notes that the same content is now offered under another mark or address."""
        ...

    def fail(self, target: str, failure: Failure) -> None:
        """Keeps why a month failed, instead of what was known before."""
        ...

    def forget(self, target: str, kind: str, partition: Partition) -> None:
        """Drops a partition's failure, because it has succeeded since. No write where there is none."""
        ...

    def failures(self, target: str) -> Mapping[tuple[str, Partition], Failure]:
        """The last failure of every partition that has not succeeded since."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """Multiset difference of two versions' rows."""

    added: int
    removed: int


class Comparer(Protocol):
    """Counts changed rows, the same for every target."""

    def changes(self, old: pa.RecordBatchReader, new: pa.RecordBatchReader) -> Changes:
        """Compares over all columns of either side; a column one side lacks counts as null. Bounded memory."""
        ...


class Progress(Protocol):
    """Told what goes on; on a terminal it draws bars, elsewhere it prints lines."""

    def step(self, kind: str, partition: Partition, name: str, unit: str) -> Advance:
        """A step of a month begins (extract: bytes, load: rows, …); call the result as it advances."""
        ...

    def done(self, kind: str, partition: Partition, message: str) -> None:
        """The month is through, with this one line to say."""
        ...

    def say(self, message: str) -> None:
        """A line that is not about one month."""
        ...


Clock = Callable[[], datetime]
"""The time now, aware, in UTC."""

__all__ = [
    "Addresses", "Advance", "Answer", "Changes", "Clock", "Comparer", "Failure", "Lake", "LakeObject", "Progress",
    "PublishedMonth", "Receipts", "Source", "Warehouse",
]  # fmt: skip
