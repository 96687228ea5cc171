"""What a source offers, and what the lake holds of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from taxi_pipelines.domain.month import Partition, parse_partition


class FileFormat(StrEnum):
    """The formats months are published in; the value is the file's ending."""

    PARQUET = "parquet"
    CSV = "csv"
    CSV_GZ = "csv.gz"


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A month's file as the source announces it, before a byte of it is read.

    `bytes` is None where the source does not say. `etag` is the source's own version mark; where it gives none, one made
    of length and time of last change; None where it gives nothing: then only the content can tell a change.
    """

    type: str
    month: Partition
    format: FileFormat
    url: str
    file_name: str
    etag: str | None
    bytes: int | None
    last_modified: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """What stands beside a raw file in the lake: where it came from and what it must be. `sha256` is of the whole file."""

    type: str
    month: Partition
    format: FileFormat
    source_url: str
    file_name: str
    etag: str | None
    last_modified: str | None
    sha256: str
    bytes: int
    fetched_at: datetime

    def answers(self, offer: Offer) -> bool:
        """Whether this is surely the very file on offer, so that it need not be fetched again."""
        same_place = (self.source_url, self.format) == (offer.url, offer.format)
        return same_place and offer.etag is not None and self.etag == offer.etag

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = asdict(self)
        return plain | {
            "month": str(self.month),
            "format": str(self.format),
            "fetched_at": self.fetched_at.isoformat(),
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Manifest:
        """The inverse of `to_dict`."""
        return cls(
            **plain
            | {
                "month": parse_partition(plain["month"]),
                "format": FileFormat(plain["format"]),
                "fetched_at": datetime.fromisoformat(plain["fetched_at"]),
            }
        )
