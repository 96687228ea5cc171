"""The catalog of the embedded warehouse: which version of which month is published. `catalog.json` is the only truth.

A `Catalog` is a value; publishing makes a new one. Its file is replaced by a rename, so that a reader sees the one before
or the one after. Files are named by table, month and version, never by folder: a home that was moved still works.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from taxi_pipelines.disk import sync_folder, writable
from taxi_pipelines.domain.month import Partition, parse_partition
from taxi_pipelines.errors import PipelineError, WarehouseCorrupt
from taxi_pipelines.taxi.schemas import schema_fingerprint

FORMAT = 1

Columns = tuple[tuple[str, str], ...]
"""Names of columns with the text of their Arrow types, in the order of the file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CatalogEntry:
    """The published version of one partition, and all versions held, oldest first."""

    version: str
    rows: int
    bytes: int
    schema: str
    versions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Catalog:
    """All that is published. `generation` counts changes of what readers see; `schemas` are in order of appearance."""

    generation: int = 0
    tables: Mapping[str, Mapping[Partition, CatalogEntry]] = field(default_factory=dict)
    schemas: Mapping[str, Columns] = field(default_factory=dict)

    def of_table(self, table: str) -> Mapping[Partition, CatalogEntry]:
        """The table's partitions; empty where nothing is published."""
        return self.tables.get(table, {})

    def holds(self, table: str, partition: Partition, version: str) -> bool:
        """Whether the version is, or was, published and not discarded since."""
        entry = self.of_table(table).get(partition)
        return entry is not None and version in entry.versions

    def with_published(
        self, table: str, partition: Partition, version: str, *, rows: int, bytes: int, columns: Columns
    ) -> Catalog:
        """The catalog after that version was published."""
        before = self.of_table(table).get(partition)
        versions = tuple(sorted({version, *(before.versions if before else ())}))
        mark = schema_fingerprint(columns)
        entry = CatalogEntry(version=version, rows=rows, bytes=bytes, schema=mark, versions=versions)
        tables = self._with_entry(table, partition, entry)
        used = {entry.schema for partitions in tables.values() for entry in partitions.values()}
        schemas = {name: known for name, known in {**self.schemas, mark: columns}.items() if name in used}
        return Catalog(generation=self.generation + 1, tables=tables, schemas=schemas)

    def without_version(self, table: str, partition: Partition, version: str) -> Catalog:
        """The catalog after a version that readers do not see was discarded."""
        entry = self.tables[table][partition]
        versions = tuple(held for held in entry.versions if held != version)
        return replace(self, tables=self._with_entry(table, partition, replace(entry, versions=versions)))

    def _with_entry(
        self, table: str, partition: Partition, entry: CatalogEntry
    ) -> dict[str, Mapping[Partition, CatalogEntry]]:
        partitions = {**self.of_table(table), partition: entry}
        return {**self.tables, table: dict(sorted(partitions.items(), key=lambda item: str(item[0])))}

    def to_json(self) -> str:
        """As it is written to disk."""
        tables = {
            table: {str(partition): _entry_to_plain(entry) for partition, entry in partitions.items()}
            for table, partitions in self.tables.items()
        }
        plain = {"format": FORMAT, "generation": self.generation, "tables": tables, "schemas": self.schemas}
        return json.dumps(plain, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Catalog:
        """The inverse of `to_json`. Raises ValueError, KeyError, TypeError or InvalidMonth where it is none."""
        plain = json.loads(text)
        if plain["format"] != FORMAT:
            raise ValueError(f"its format is {plain['format']}, not {FORMAT}")
        schemas = {mark: tuple((name, kind) for name, kind in columns) for mark, columns in plain["schemas"].items()}
        tables = {
            table: {parse_partition(name): _entry_from_plain(entry) for name, entry in partitions.items()}
            for table, partitions in plain["tables"].items()
        }
        missing = {e.schema for entries in tables.values() for e in entries.values()} - schemas.keys()
        if missing:
            raise ValueError(f"it lacks the schemas {sorted(missing)}")
        return cls(generation=int(plain["generation"]), tables=tables, schemas=schemas)


def read_catalog(path: Path) -> Catalog:
    """The catalog on disk, an empty one where there is none. Raises WarehouseCorrupt."""
    try:
        return _parsed(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Catalog()
    except (ValueError, KeyError, TypeError, AttributeError, PipelineError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WarehouseCorrupt(f"{path} cannot be read: {reason}", "run: taxi doctor --fix") from error


@lru_cache(maxsize=4)
def _parsed(text: str) -> Catalog:
    """A catalog is a value: the same text need not be parsed again, which takes ten times as long as reading it."""
    return Catalog.from_json(text)


def write_catalog(path: Path, temporary: Path, catalog: Catalog) -> None:
    """Replaces the catalog on disk in one step that survives a crash. Raises DiskFull, HomeUnwritable."""
    with writable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("w", encoding="utf-8") as file:
                file.write(catalog.to_json())
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def _entry_to_plain(entry: CatalogEntry) -> dict[str, Any]:
    return {
        "version": entry.version,
        "rows": entry.rows,
        "bytes": entry.bytes,
        "schema": entry.schema,
        "versions": entry.versions,
    }


def _entry_from_plain(plain: dict[str, Any]) -> CatalogEntry:
    return CatalogEntry(**plain | {"versions": tuple(plain["versions"])})
