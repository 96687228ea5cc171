"""Datasets and tables of the fake BigQuery: what there is, since when, for how long, and in which version (etag)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from tests.support.google.bigquery_data import Data
from tests.support.google.bigquery_errors import BigQueryError, already_exists, invalid, not_found, not_modelled
from tests.support.google.bigquery_layout import Layout, TableName, check_dataset_id, check_labels
from tests.support.google.bigquery_schema import Fields

_LOCATION = re.compile(r"US|EU|[a-z]+-[a-z]+[0-9]+")
_SHORTEST_EXPIRATION = 3_600_000
_COMPUTED = {
    "kind",
    "id",
    "etag",
    "selfLink",
    "type",
    "creationTime",
    "lastModifiedTime",
    "datasetReference",
    "location",
}
_SETTABLE = {
    "description", "friendlyName", "labels", "access", "defaultTableExpirationMs", "maxTimeTravelHours", "storageBillingModel",
}  # fmt: skip
_DEFAULT_ACCESS = [
    {"role": "WRITER", "specialGroup": "projectWriters"},
    {"role": "OWNER", "specialGroup": "projectOwners"},
    {"role": "READER", "specialGroup": "projectReaders"},
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """A dataset. `settings`: what its resource says beyond place and times."""

    project: str
    name: str
    location: str
    settings: Mapping[str, Any]
    created: int
    modified: int
    etag: str

    def __str__(self) -> str:
        return f"{self.project}:{self.name}"

    def resource(self) -> dict[str, Any]:
        """As datasets.get tells it."""
        return {
            "kind": "bigquery#dataset",
            "etag": self.etag,
            "id": str(self),
            "datasetReference": {"projectId": self.project, "datasetId": self.name},
            "access": _DEFAULT_ACCESS,
            **self.settings,
            "creationTime": str(self.created),
            "lastModifiedTime": str(self.modified),
            "location": self.location,
            "type": "DEFAULT",
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table. `relation`: where its rows lie in DuckDB; `settings`: labels, description, friendlyName and the like.

    `external`: the externalDataConfiguration of one whose rows are files in Cloud Storage.
    """

    name: TableName
    fields: Fields
    layout: Layout
    relation: str
    settings: Mapping[str, Any]
    created: int
    modified: int
    expires: int | None
    etag: str = ""
    external: Mapping[str, Any] | None = None

    @property
    def type(self) -> str:
        """Google's word."""
        return "TABLE" if self.external is None else "EXTERNAL"

    def check_own(self) -> None:
        """Raises where its rows are not BigQuery's own to change."""
        if self.external is not None:
            raise invalid(f"{self.name} is not allowed for this operation because it is currently a {self.type}.")

    @property
    def needs_filter(self) -> bool:
        """Whether queries must say which partitions they read."""
        return bool(self.settings.get("requirePartitionFilter"))

    def brief(self) -> dict[str, Any]:
        """As tables.list tells it."""
        told = {
            "kind": "bigquery#table",
            "id": str(self.name),
            "tableReference": self.name.resource(),
            "type": self.type,
            "creationTime": str(self.created),
            **self.layout.resource(),
        }
        told |= {
            key: self.settings[key]
            for key in ("friendlyName", "labels", "requirePartitionFilter")
            if self.settings.get(key)
        }
        return told if self.expires is None else {**told, "expirationTime": str(self.expires)}


@dataclass(kw_only=True)
class Catalog:
    """All datasets and tables. Not safe for threads: the state's lock is held by whoever uses it."""

    data: Data
    now_ms: Callable[[], int]
    datasets: dict[tuple[str, str], Dataset] = field(default_factory=dict)
    _tables: dict[tuple[str, str, str], Table] = field(default_factory=dict)
    _versions: Iterator[int] = field(default_factory=count)

    def dataset(self, project: str, name: str, location: str | None = None) -> Dataset:
        """Raises where there is none, or it is not in `location`."""
        check_dataset_id(name)
        found = self.datasets.get((project, name))
        if found is None or (location is not None and found.location != location):
            raise not_found(f"Dataset {project}:{name}", location)
        return found

    def insert_dataset(self, project: str, resource: Mapping[str, Any]) -> Dataset:
        """Raises where it is there already or Google refuses such a one."""
        name = resource.get("datasetReference", {}).get("datasetId", "")
        check_dataset_id(name)
        if (project, name) in self.datasets:
            raise already_exists(f"Dataset {project}:{name}")
        now = self.now_ms()
        made = Dataset(
            project=project, name=name, location=read_location(resource.get("location")), settings=_dataset_settings(resource),
            created=now, modified=now, etag=self._next_etag(name),
        )  # fmt: skip
        self.datasets[project, name] = made
        return made

    def update_dataset(self, old: Dataset, resource: Mapping[str, Any]) -> Dataset:
        """What the resource says is set, what it says null of is removed, the rest stays."""
        if "location" in resource and read_location(resource["location"]) != old.location:
            raise invalid(f"Cannot change the location of dataset {old}")
        new = replace(
            old,
            settings=patched(old.settings, _dataset_settings(resource)),
            modified=self.now_ms(),
            etag=self._next_etag(old.name),
        )
        self.datasets[old.project, old.name] = new
        return new

    def delete_dataset(self, dataset: Dataset, *, contents: bool) -> None:
        """Raises where it still has tables and they are not to go with it."""
        tables = self.tables_of(dataset)
        if tables and not contents:
            raise BigQueryError("resourceInUse", f"Dataset {dataset} is still in use")
        for table in tables:
            self.drop(table)
        del self.datasets[dataset.project, dataset.name]

    def tables_of(self, dataset: Dataset) -> list[Table]:
        """By name; without those that expired."""
        self._expire()
        return [table for key, table in sorted(self._tables.items()) if key[:2] == (dataset.project, dataset.name)]

    def find(self, name: TableName) -> Table | None:
        """The table (the partition in the name does not matter), unless it expired."""
        self._expire()
        return self._tables.get((name.project, name.dataset, name.table))

    def table(self, name: TableName, location: str | None = None) -> Table:
        """Raises where there is none, or its dataset is not in `location`."""
        self.dataset(name.project, name.dataset, location)
        found = self.find(name)
        if found is None:
            raise not_found(f"Table {replace(name, partition=None)}", location)
        return found

    def new_table(
        self, name: TableName, fields: Fields, layout: Layout, settings: Mapping[str, Any], expires: int | None = None
    ) -> Table:
        """A table that is not in the catalog yet: an empty relation with its columns."""
        dataset = self.dataset(name.project, name.dataset)
        layout.check(fields)
        check_labels(settings.get("labels"))
        now = self.now_ms()
        lifetime = dataset.settings.get("defaultTableExpirationMs")
        if expires is None and lifetime is not None:
            expires = now + int(lifetime)
        return Table(
            name=replace(name, partition=None), fields=fields, layout=layout, relation=self.data.create(fields), settings=settings,
            created=now, modified=now, expires=expires,
        )  # fmt: skip

    def put(self, table: Table) -> Table:
        """It is in the catalog from now on, in a new version; an older one of the name is no more."""
        key = (table.name.project, table.name.dataset, table.name.table)
        old = self._tables.get(key)
        if old is not None and old.relation != table.relation:
            self.data.drop(old.relation)
        self._tables[key] = replace(table, modified=self.now_ms(), etag=self._next_etag(table.name.table))
        return self._tables[key]

    def drop(self, table: Table) -> None:
        """It is gone."""
        del self._tables[table.name.project, table.name.dataset, table.name.table]
        self.data.drop(table.relation)

    def _expire(self) -> None:
        now = self.now_ms()
        for table in [table for table in self._tables.values() if table.expires is not None and table.expires <= now]:
            self.drop(table)

    def _next_etag(self, name: str) -> str:
        return hashlib.md5(f"{name} {next(self._versions)}".encode(), usedforsecurity=False).hexdigest()


def read_location(text: str | None) -> str:
    """As Google writes it; US where none is given. Raises where there is no such form."""
    location = (text or "US").upper() if (text or "US").upper() in ("US", "EU") else (text or "").lower()
    if not _LOCATION.fullmatch(location):
        raise invalid(f"Location {text} does not support this operation.")
    return location


def patched(old: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What PATCH makes of settings: a null removes, and labels are patched one by one."""
    labels = {**(old.get("labels") or {}), **(given.get("labels") or {})}
    new = {**old, **given}
    if "labels" in given:
        new["labels"] = (
            None if given["labels"] is None else {key: text for key, text in labels.items() if text is not None}
        )
    return {key: value for key, value in new.items() if value is not None}


def check_match(etag: str, wanted: str | None) -> None:
    """Raises where `wanted` (the If-Match header) is of another version."""
    if wanted is not None and wanted not in ("*", etag):
        raise BigQueryError("conditionNotMet", "Precondition check failed.", location="If-Match")


def _dataset_settings(resource: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := set(resource) - _COMPUTED - _SETTABLE:
        raise not_modelled(f"{', '.join(sorted(unknown))} of a dataset")
    check_labels(resource.get("labels"))
    expiration = resource.get("defaultTableExpirationMs")
    if expiration is not None and int(expiration) < _SHORTEST_EXPIRATION:
        raise invalid(f"Invalid value for defaultTableExpirationMs: the smallest is {_SHORTEST_EXPIRATION}")
    return {key: value for key, value in resource.items() if key in _SETTABLE}
