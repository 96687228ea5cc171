"""The only file that names a concrete adapter: settings → resources. Each adapter is imported where it is built."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime

from taxi_pipelines.interfaces import Progress, Warehouse
from taxi_pipelines.months.resources import Resources
from taxi_pipelines.settings import Settings, Target


def utc_now() -> datetime:
    """The product's clock."""
    return datetime.now(UTC)  # noqa: TID251 - the one place that reads the time


def build_resources(settings: Settings, progress: Progress, closing: ExitStack) -> Resources:
    """Everything a verb needs; whatever must be closed is handed to `closing`."""
    from taxi_pipelines.lakes.local import LocalLake
    from taxi_pipelines.sources import open_source
    from taxi_pipelines.store.database import Database
    from taxi_pipelines.store.receipts import ReceiptStore
    from taxi_pipelines.warehouses.compare import DuckDBComparer

    database = Database(settings.home / "metadata.db")
    closing.callback(database.close)
    return Resources(
        source=open_source(settings.source),
        lake=LocalLake(settings.home / "lake"),
        warehouse=_WAREHOUSES[settings.target](settings, progress, closing),
        receipts=ReceiptStore(database),
        comparer=DuckDBComparer(settings.home / "tmp"),
        progress=progress,
        clock=utc_now,
        prefer=settings.format,
    )


def _duckdb(settings: Settings, progress: Progress, closing: ExitStack) -> Warehouse:
    from taxi_pipelines.warehouses.duckdb import DuckDBWarehouse

    return DuckDBWarehouse(settings.home)


def _postgres(settings: Settings, progress: Progress, closing: ExitStack) -> Warehouse:
    from taxi_pipelines.warehouses.postgres import PostgresWarehouse

    url = settings.postgres_url.get_secret_value() if settings.postgres_url else _embedded_postgres(settings, progress)
    warehouse = PostgresWarehouse(url, schema=settings.postgres_schema, strategy=settings.strategy.value)
    closing.callback(warehouse.close)
    return warehouse


def _embedded_postgres(settings: Settings, progress: Progress) -> str:
    """The URL of the PostgreSQL in the home folder, started if it is not running."""
    from taxi_pipelines.warehouses.postgres_server import EmbeddedPostgres

    server = EmbeddedPostgres(settings.home / "postgres")
    if running := server.url():
        return running
    url = server.start()
    progress.say(f"started PostgreSQL at {url} (stop it with: taxi db stop)")
    return url


_WAREHOUSES: dict[Target, Callable[[Settings, Progress, ExitStack], Warehouse]] = {
    Target.DUCKDB: _duckdb,
    Target.POSTGRES: _postgres,
}
