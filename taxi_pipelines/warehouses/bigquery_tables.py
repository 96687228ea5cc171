"""The target tables: made on first use, brought into step with a month's columns, and refused where somebody altered them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from google.api_core import exceptions as api
from google.cloud import bigquery

from taxi_pipelines.errors import WarehouseRefused
from taxi_pipelines.taxi.types import TaxiType
from taxi_pipelines.warehouses.bigquery_errors import bigquery_errors
from taxi_pipelines.warehouses.bigquery_jobs import RETRY, TIMEOUT
from taxi_pipelines.warehouses.bigquery_names import Names
from taxi_pipelines.warehouses.bigquery_schema import (
    Fields,
    added,
    clustering,
    partition_column,
    refuse_altered,
    target_fields,
)

_FRESH_SECONDS = 30.0
"""How long a table is believed to be as it was seen, where nothing is written to it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """How a table is cut and ordered; a copy job demands the same of both tables."""

    partitioning: bigquery.TimePartitioning | None
    clustering: list[str] | None

    @classmethod
    def of(cls, kind: TaxiType, table: bigquery.Table | None) -> Layout:
        """That of the target table; of one that is not there yet, as it will be made."""
        column = partition_column(kind)
        partitioning = bigquery.TimePartitioning(type_="MONTH", field=column) if column else None
        return cls(
            partitioning=partitioning, clustering=table.clustering_fields if table is not None else clustering(kind)
        )


class Targets:
    """The target tables of one warehouse."""

    def __init__(self, client: Callable[[], bigquery.Client], names: Callable[[], Names], *, filtered: bool) -> None:
        """`filtered`: queries must name a partition."""
        self._client = client
        self._names = names
        self._filtered = filtered
        self._seen: dict[str, tuple[float, bigquery.Table | None]] = {}
        self._guard = threading.Lock()

    def find(self, kind: TaxiType, *, now: bool = False) -> bigquery.Table | None:
        """The table, None where it is not there. Of half a minute ago, unless it must be as it is now."""
        seen_at, table = self._seen.get(kind.table, (float("-inf"), None))
        if now or time.monotonic() - seen_at > _FRESH_SECONDS:
            table = self._get(kind)
            self._remember(kind, table)
        return table

    def make_all(self, kinds: list[TaxiType]) -> None:
        """Makes the tables that are missing."""
        for kind in kinds:
            if self.find(kind) is None:
                self.ensure(kind, target_fields(kind))

    def ensure(self, kind: TaxiType, fields: Fields) -> bigquery.Table:
        """The table as it is now, with at least these columns; types are left as they are. Raises WarehouseRefused."""
        table = self._make(kind, fields) if self.find(kind) is None else None
        table = table or self.find(kind, now=True)
        while table is not None and not self._in_step(kind, table, fields):
            table = self._extended(kind, table, fields)
        if table is None:
            raise WarehouseRefused(f"{self._names().target(kind.table)} vanished while we worked", "run again")
        return table

    def _in_step(self, kind: TaxiType, table: bigquery.Table, fields: Fields) -> bool:
        self.check(kind, table)
        return not added(fields, table.schema) and bool(table.require_partition_filter) == self._wants_filter(kind)

    def check(self, kind: TaxiType, table: bigquery.Table) -> None:
        """Raises WarehouseRefused where a table is not one that we could have made."""
        column = partition_column(kind)
        cut = table.time_partitioning
        found = (cut.type_, cut.field) if cut else (None, None)
        if table.table_type != "TABLE" or found != (("MONTH", column) if column else (None, None)):
            wanted = f"partitioned by month on {column}" if column else "not partitioned"
            raise WarehouseRefused(
                f"{table.reference} was made by somebody else: ours is a table {wanted}",
                "rename it; the next run makes its own",
            )
        refuse_altered(kind, str(table.reference), table.schema)

    def _make(self, kind: TaxiType, fields: Fields) -> bigquery.Table | None:
        """None where somebody else has made it meanwhile."""
        layout = Layout.of(kind, None)
        table = bigquery.Table(self._names().target(kind.table), schema=fields)
        table.description = kind.title
        table.labels = {"flow": "taxi_run", "type": kind.name}
        table.time_partitioning = layout.partitioning
        table.clustering_fields = layout.clustering
        if self._wants_filter(kind):
            table.require_partition_filter = True
        with bigquery_errors(str(table.reference)):
            try:
                made = self._client().create_table(table, retry=RETRY, timeout=TIMEOUT)
            except api.Conflict:
                return None
        self._remember(kind, made)
        return made

    def _extended(self, kind: TaxiType, table: bigquery.Table, fields: Fields) -> bigquery.Table | None:
        """With the columns it lacks; as it is now, where somebody else changed it at the same time."""
        wanted = bigquery.Table.from_api_repr(table.to_api_repr())
        wanted.schema = [*table.schema, *added(fields, table.schema)]
        wanted.require_partition_filter = self._wants_filter(kind)
        with bigquery_errors(str(table.reference)):
            try:
                made = self._client().update_table(
                    wanted, ["schema", "require_partition_filter"], retry=RETRY, timeout=TIMEOUT
                )
            except api.PreconditionFailed:
                return self.find(kind, now=True)
        self._remember(kind, made)
        return made

    def _wants_filter(self, kind: TaxiType) -> bool:
        return self._filtered and partition_column(kind) is not None

    def _get(self, kind: TaxiType) -> bigquery.Table | None:
        with bigquery_errors(self._names().place):
            try:
                return self._client().get_table(self._names().target(kind.table), retry=RETRY, timeout=TIMEOUT)
            except api.NotFound as error:
                if "Not found: Dataset" in str(error):
                    raise
                return None

    def _remember(self, kind: TaxiType, table: bigquery.Table | None) -> None:
        with self._guard:
            self._seen[kind.table] = (time.monotonic(), table)
