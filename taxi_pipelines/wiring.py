"""The only file that names a concrete adapter: settings → resources. Each adapter is imported where it is built."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from taxi_pipelines.clock import utc_now
from taxi_pipelines.domain.outcome import Finding
from taxi_pipelines.errors import UsageError
from taxi_pipelines.gcp.names import BucketPath, is_bucket_url, parse_bucket_url
from taxi_pipelines.settings import Settings, Target

if TYPE_CHECKING:
    from taxi_pipelines.executors.local import LocalExecutor
    from taxi_pipelines.gcp.clients import GoogleClients
    from taxi_pipelines.interfaces import Lake, Progress, Receipts, Warehouse
    from taxi_pipelines.months.resources import Resources
    from taxi_pipelines.warehouses.postgres_server import EmbeddedPostgres


_USUAL = (
    "sources",
    "sources.http",
    "store.open",
    "store.receipts",
    "lakes.local",
    "warehouses.duckdb",
    "warehouses.compare",
)


def build_resources(settings: Settings, progress: Progress, closing: ExitStack) -> Resources:
    """Everything a verb needs; whatever must be closed is handed to `closing`."""
    from taxi_pipelines.months.resources import Resources
    from taxi_pipelines.sources import open_source
    from taxi_pipelines.store.open import open_database
    from taxi_pipelines.store.receipts import ReceiptStore
    from taxi_pipelines.warehouses.compare import DuckDBComparer

    url = settings.database_url.get_secret_value() if settings.database_url else None
    database = open_database(url, settings.home)
    closing.callback(database.close)
    given = _Given(settings=settings, progress=progress, closing=closing)
    return Resources(
        source=open_source(settings.source),
        lake=_lake(given),
        warehouse=_WAREHOUSES[settings.target](given),
        receipts=ReceiptStore(database),
        comparer=DuckDBComparer(settings.home / "tmp"),
        progress=progress,
        clock=utc_now,
        prefer=settings.format,
        bills=settings.target is Target.BIGQUERY,
        examiners=_examiners(given),
    )


def build_receipts(settings: Settings, closing: ExitStack) -> Receipts:
    """What is known of published months, without the warehouse they are in."""
    from taxi_pipelines.store.open import open_database
    from taxi_pipelines.store.receipts import ReceiptStore

    url = settings.database_url.get_secret_value() if settings.database_url else None
    database = open_database(url, settings.home)
    closing.callback(database.close)
    return ReceiptStore(database)


def build_google(settings: Settings, closing: ExitStack) -> GoogleClients:
    """Google's clients; nothing is connected before it is used."""
    with _extra("gcp", "Google Cloud"):
        from taxi_pipelines.gcp.clients import GoogleClients

    clients = GoogleClients(
        project=settings.project,
        location=settings.location,
        credentials=settings.credentials.get_secret_value() if settings.credentials else None,
        impersonate=settings.impersonate,
        storage_emulator=settings.storage_emulator_host,
        bigquery_emulator=settings.bigquery_emulator_host,
    )
    closing.callback(clients.close)
    return clients


def build_postgres(settings: Settings) -> EmbeddedPostgres:
    """The PostgreSQL in the home folder, as it is: running or not."""
    with _extra("postgres", "PostgreSQL"):
        from taxi_pipelines.warehouses.postgres_server import EmbeddedPostgres

    return EmbeddedPostgres(settings.home / "postgres")


def build_executor(settings: Settings) -> LocalExecutor:
    """Worker processes; what they start finds the same home."""
    from taxi_pipelines.executors.local import LocalExecutor

    return LocalExecutor(workers=settings.workers, variables={"TAXI_HOME": str(settings.home)})


def import_adapters() -> None:
    """Those of most homes, for a process that is started before there is anything to do."""
    for name in _USUAL:
        import_module(f"taxi_pipelines.{name}")


def lake_bucket(settings: Settings) -> BucketPath | None:
    """Where in Cloud Storage the lake lies; None where it is a folder."""
    return parse_bucket_url(settings.lake) if settings.lake and is_bucket_url(settings.lake) else None


@dataclass(frozen=True, kw_only=True)
class _Given:
    """What every adapter is built from."""

    settings: Settings
    progress: Progress
    closing: ExitStack

    @cached_property
    def google(self) -> GoogleClients:
        return build_google(self.settings, self.closing)

    @property
    def bucket(self) -> BucketPath | None:
        return lake_bucket(self.settings)


def _lake(given: _Given) -> Lake:
    settings = given.settings
    if bucket := given.bucket:
        google = given.google
        from taxi_pipelines.lakes.gcs import GCSLake

        spool = settings.home / "spool" / "lake"
        return GCSLake(lambda: google.storage, bucket=bucket.bucket, prefix=bucket.prefix, spool=spool)
    from taxi_pipelines.lakes.local import LocalLake

    return LocalLake(Path(settings.lake) if settings.lake else settings.home / "lake")


def _duckdb(given: _Given) -> Warehouse:
    from taxi_pipelines.warehouses.duckdb import DuckDBWarehouse

    return DuckDBWarehouse(given.settings.home)


def _postgres(given: _Given) -> Warehouse:
    with _extra("postgres", "PostgreSQL"):
        from taxi_pipelines.warehouses.postgres import PostgresWarehouse

    settings = given.settings
    url = settings.postgres_url.get_secret_value() if settings.postgres_url else _embedded_postgres(given)
    warehouse = PostgresWarehouse(url, schema=settings.postgres_schema, strategy=settings.strategy.value)
    given.closing.callback(warehouse.close)
    return warehouse


def _embedded_postgres(given: _Given) -> str:
    """The URL of the PostgreSQL in the home folder, started if it is not running."""
    server = build_postgres(given.settings)
    if running := server.url():
        return running
    url = server.start()
    given.progress.say(f"started PostgreSQL at {url} (stop it with: taxi db stop)")
    return url


def _bigquery(given: _Given) -> Warehouse:
    google, settings, bucket = given.google, given.settings, given.bucket
    from taxi_pipelines.gcp.uploads import BucketUploads
    from taxi_pipelines.warehouses.bigquery import BigQueryWarehouse

    uploads = None
    if bucket:
        uploads = BucketUploads(
            lambda: google.storage, bucket=bucket.bucket, prefix=bucket.prefix, keep=settings.keep_clean
        )
    return BigQueryWarehouse(
        lambda: google.bigquery,
        project=settings.project,
        dataset=settings.dataset,
        location=settings.location,
        spool=settings.home / "spool" / "bigquery",
        clock=utc_now,
        strategy=settings.strategy.value,
        uploads=uploads,
        maximum_bytes_billed=settings.maximum_bytes_billed,
        require_partition_filter=settings.require_partition_filter,
    )


_WAREHOUSES: dict[Target, Callable[[_Given], Warehouse]] = {
    Target.DUCKDB: _duckdb,
    Target.POSTGRES: _postgres,
    Target.BIGQUERY: _bigquery,
}


def _examiners(given: _Given) -> Sequence[Callable[[], Sequence[Finding]]]:
    """What `taxi doctor` asks of Google, where lake or warehouse are there."""
    dataset = given.settings.dataset if given.settings.target is Target.BIGQUERY else None
    if not (dataset or given.bucket):
        return []
    google = given.google
    from taxi_pipelines.gcp.doctor import GoogleDoctor

    return [GoogleDoctor(clients=google, bucket=given.bucket, dataset=dataset, clock=utc_now)]


@contextmanager
def _extra(name: str, what: str) -> Iterator[None]:
    """Says what to install where an optional driver is not there."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("taxi_pipelines"):
            raise
        raise UsageError(
            f"the packages for {what} are not installed", f'run: pip install "taxi-pipelines[{name}]"'
        ) from error
