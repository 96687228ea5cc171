"""Where the embedded warehouse keeps its files, and what their names say.

{home}/warehouse/{table}/{partition}.{version}.parquet             published now or before; immutable
{home}/warehouse/{table}/.staging-{partition}.{version}.parquet    not published yet
{home}/warehouse/catalog.json                                      what is published
{home}/warehouse.duckdb                                            views for clients, derived
{home}/warehouse.duckdb.{generation}.tmp                           the next one, being built
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from taxi_pipelines.domain.month import Partition, parse_partition

_STAGING = ".staging-"
_NAME = re.compile(r"(?P<staging>\.staging-)?(?P<partition>\d{4}-(0[1-9]|1[0-2])|all)\.(?P<version>.+)\.parquet")


@dataclass(frozen=True, kw_only=True, slots=True)
class MonthFile:
    """A Parquet file that is there, and what its name says."""

    path: Path
    table: str
    partition: Partition
    version: str
    staging: bool


class WarehouseFolder:
    """The names in one home folder."""

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()
        self.root = self.home / "warehouse"
        self.catalog = self.root / "catalog.json"
        self.catalog_temporary = self.root / "catalog.json.tmp"
        self.views = self.home / "warehouse.duckdb"
        self.locks = self.home / "locks"
        self.spill = self.home / "tmp"

    def staged(self, table: str, partition: Partition, version: str) -> Path:
        """Where a version lies before it is published."""
        return self.root / table / f"{_STAGING}{partition}.{version}.parquet"

    def final(self, table: str, partition: Partition, version: str) -> Path:
        """Where a version lies from then on."""
        return self.root / table / f"{partition}.{version}.parquet"

    def held(self, table: str, partition: Partition, version: str) -> Path:
        """Where a version lies now, published or not."""
        staged = self.staged(table, partition, version)
        return staged if staged.exists() else self.final(table, partition, version)

    def month_files(self) -> Iterator[MonthFile]:
        """Every Parquet file of a month, published or not; files of other names are not ours."""
        for path in sorted(self.root.glob("*/*.parquet")):
            if named := _NAME.fullmatch(path.name):
                yield MonthFile(
                    path=path,
                    table=path.parent.name,
                    partition=parse_partition(named["partition"]),
                    version=named["version"],
                    staging=named["staging"] is not None,
                )

    def next_views(self, generation: int) -> Path:
        """Where the views of that generation are built."""
        return self.home / f"{self.views.name}.{generation}.tmp"

    def temporary_files(self) -> list[Path]:
        """What a publisher builds, or died building."""
        views = self.home.glob(f"{self.views.name}.*.tmp*")
        return [*views, *(path for path in [self.catalog_temporary] if path.exists())]
