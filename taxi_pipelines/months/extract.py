"""Extract: the published file → the lake, hashed and proven whole while it streams."""

from __future__ import annotations

from typing import BinaryIO, cast

from taxi_pipelines.domain.manifest import FileFormat, Offer
from taxi_pipelines.domain.month import Month, Partition
from taxi_pipelines.errors import LakeCorrupt, SourceCorrupt, SourceMissing
from taxi_pipelines.interfaces import LakeObject
from taxi_pipelines.months.resources import Resources
from taxi_pipelines.taxi.types import TaxiType

_MAGIC = {FileFormat.PARQUET: b"PAR1", FileFormat.CSV_GZ: b"\x1f\x8b"}
_ENDS = 16


def find_offer(res: Resources, kind: TaxiType, partition: Partition) -> Offer:
    """What is published of the partition. Raises SourceMissing, naming the latest month there is."""
    offer = res.source.find(kind, partition, res.prefer)
    if offer is not None:
        return offer
    what = f"{kind.name} {partition} is not published at {res.source.address}"
    if not isinstance(partition, Month):
        raise SourceMissing(what, "check the source")
    latest = res.source.latest(kind, Month.of(res.clock().date()), res.prefer)
    known = f"the latest published is {latest}" if latest else f"nothing of {kind.name} is there in the last year"
    raise SourceMissing(what, f"{known}; the TLC publishes about two months late")


def extract(res: Resources, kind: TaxiType, partition: Partition, offer: Offer, *, anew: bool = False) -> LakeObject:
    """The file on offer, in the lake: taken from there where it surely is the same (unless wanted `anew`), else fetched.

    Raises SourceUnavailable, SourceMissing, SourceCorrupt, DiskFull; the lake then is as before.
    """
    if not anew and (item := _in_lake(res, kind, partition, offer)):
        return item
    advance = res.progress.step(kind.name, partition, "extract", "bytes")

    def fetch(target: BinaryIO) -> Offer:
        watch = EndsWatch(target)
        served = res.source.fetch(offer, cast("BinaryIO", watch), advance)
        watch.prove_whole(offer.format, offer.file_name)
        return served

    return res.lake.put(offer, fetch, res.clock())


def _in_lake(res: Resources, kind: TaxiType, partition: Partition, offer: Offer) -> LakeObject | None:
    """The lake's own copy of the file on offer, if it is there and sound; a damaged one is replaced by fetching."""
    for item in res.lake.versions(kind.name, partition):
        if item.manifest.answers(offer):
            try:
                res.lake.check(item)
            except LakeCorrupt as error:
                res.progress.say(f"{error.what}; fetching it again")
                return None
            return item
    return None


class EndsWatch:
    """A writer that remembers the first and last bytes that went through, so that a file is proven before it is kept."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._restart()

    def _restart(self) -> None:
        self._head = b""
        self._tail = b""
        self._size = 0

    def write(self, data: bytes) -> int:
        """Passes the data on."""
        if len(self._head) < _ENDS:
            self._head = (self._head + data[:_ENDS])[:_ENDS]
        self._tail = (self._tail + data[-_ENDS:])[-_ENDS:]
        self._size += len(data)
        return self._target.write(data)

    def tell(self) -> int:
        """Bytes written so far."""
        return self._size

    def seek(self, position: int) -> int:
        """Only to the start, to begin again."""
        return self._target.seek(position)

    def truncate(self, size: int) -> int:
        """Only to nothing, to begin again."""
        self._restart()
        return self._target.truncate(size)

    def prove_whole(self, kind: FileFormat, name: str) -> None:
        """Raises SourceCorrupt unless the bytes begin, and for Parquet end, as the format must."""
        magic = _MAGIC.get(kind, b"")
        if self._size == 0:
            raise SourceCorrupt(f"{name} is empty", "the source sent no bytes; run again later")
        if self._head.lstrip().startswith((b"<", b"{")):
            raise SourceCorrupt(
                f"{name} is not {kind} but a page or message", f"it starts with {self._head[:12]!r}; check the source"
            )
        if not self._head.startswith(magic):
            raise SourceCorrupt(f"{name} is not {kind}: it starts with {self._head[:4]!r}", "check the source")
        if kind is FileFormat.PARQUET:
            footer = int.from_bytes(self._tail[-8:-4], "little")
            if not self._tail.endswith(magic) or footer + 12 > self._size:
                raise SourceCorrupt(
                    f"{name} is cut off: {self._size:,} bytes without the footer a whole Parquet file ends with",
                    "run again; if it stays, the publisher's file is cut off",
                )
