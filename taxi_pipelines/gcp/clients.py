"""The official clients, built when first used and closed together."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from google.auth.credentials import AnonymousCredentials, Credentials
from google.cloud import bigquery, storage
from google.cloud.storage.retry import DEFAULT_RETRY

from taxi_pipelines.errors import UsageError
from taxi_pipelines.gcp.credentials import SCOPES, Identity, find_identity

STORAGE_BRIEFLY = DEFAULT_RETRY.with_timeout(30)
BIGQUERY_BRIEFLY = bigquery.DEFAULT_RETRY.with_timeout(30)
"""How long to go on where somebody waits for an answer; the clients' own patience is minutes."""


class GoogleClients:
    """Clients of one configuration, for several threads. Everything raises CredentialsInvalid where that is what is wrong.

    `credentials` is a path to a key file, raw JSON or base64 of it; none means Application Default Credentials. A service
    with an emulator host is spoken to there, anonymously. Without a location BigQuery goes by the tables.
    """

    def __init__(
        self,
        *,
        project: str | None,
        location: str | None,
        credentials: str | None,
        impersonate: str | None,
        storage_emulator: str | None,
        bigquery_emulator: str | None,
        scopes: Sequence[str] = SCOPES,
    ) -> None:
        self._project = project
        self.location = location or ""
        self._given = (credentials, impersonate, scopes)
        self._storage_emulator = _url(storage_emulator)
        self._bigquery_emulator = _url(bigquery_emulator)
        self._lock = threading.RLock()
        self._identity: Identity | None = None
        self._storage: storage.Client | None = None
        self._bigquery: bigquery.Client | None = None

    @property
    def emulated(self) -> bool:
        """Whether anything is spoken to that is not Google."""
        return bool(self._storage_emulator or self._bigquery_emulator)

    @property
    def storage_url(self) -> str:
        """Where Cloud Storage is spoken to."""
        return self._storage_emulator or "https://storage.googleapis.com"

    @property
    def identity(self) -> Identity:
        """The credentials, found when first asked for."""
        with self._lock:
            if self._identity is None:
                self._identity = find_identity(*self._given)
            return self._identity

    @property
    def project(self) -> str:
        """The configured project, else the credentials' own. Raises UsageError where neither names one."""
        project = self._project or (None if self._bigquery_emulator else self.identity.project)
        if not project:
            raise UsageError(
                "no Google Cloud project is named, and the credentials name none",
                "set project in taxi.toml or TAXI_PROJECT (run: gcloud projects list)",
            )
        return project

    @property
    def storage(self) -> storage.Client:
        """The client for Cloud Storage; it needs no project unless it makes a bucket."""
        with self._lock:
            if self._storage is None:
                host = self._storage_emulator
                self._storage = storage.Client(
                    project=self._project or (None if host else self.identity.project),
                    credentials=self._credentials(host),
                    client_options={"api_endpoint": host} if host else None,
                )
                # It asks for every bucket's location in the background, for traces that nobody collects.
                self._storage._bucket_metadata_cache = None  # type: ignore[assignment]
            return self._storage

    @property
    def bigquery(self) -> bigquery.Client:
        """The client for BigQuery, every call of which is made in the one location."""
        with self._lock:
            if self._bigquery is None:
                host = self._bigquery_emulator
                self._bigquery = bigquery.Client(
                    project=self.project,
                    location=self.location or None,
                    credentials=self._credentials(host),
                    client_options={"api_endpoint": host} if host else None,
                )
            return self._bigquery

    def close(self) -> None:
        """Closes connections; the clients are built again where they are used again."""
        with self._lock:
            if self._storage is not None:
                self._storage.close()
            if self._bigquery is not None:
                self._bigquery.close()
            self._storage = self._bigquery = None

    def _credentials(self, emulator: str | None) -> Credentials:
        return AnonymousCredentials() if emulator else self.identity.credentials


def _url(host: str | None) -> str | None:
    """`HOST:PORT` as emulators print it, or a URL, → a URL."""
    if not host:
        return None
    return (host if "://" in host else f"http://{host}").rstrip("/")
