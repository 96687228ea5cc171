"""What every Google Cloud task may say of who it is, and the clients that come of it, in a worker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydantic import Field

from taxi_pipelines.errors import CredentialsInvalid, UsageError
from taxi_pipelines.task_types import Properties
from taxi_pipelines.tasks.worker_context import WorkerContext

if TYPE_CHECKING:
    from taxi_pipelines.gcp.clients import GoogleClients

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
HINT = "look at projectId, at serviceAccount, and at that account's roles"


class GoogleTask(Properties):
    """Who a task is to Google."""

    project_id: str | None = Field(
        default=None, description="The project; the service account's own, or that of the settings, if not given."
    )
    service_account: str | None = Field(
        default=None,
        description="A service account's key as JSON; credentials of the settings, or of the machine, if not given.",
    )
    impersonated_service_account: str | None = Field(default=None, description="A service account to act as.")
    scopes: list[str] = Field(default=[CLOUD_PLATFORM], description="What the credentials are to be good for.")


@contextmanager
def google_clients(it: GoogleTask, context: WorkerContext, location: str | None = None) -> Iterator[GoogleClients]:
    """Clients until the end of the block. Raises CredentialsInvalid, UsageError where no project is known."""
    from taxi_pipelines.gcp.clients import GoogleClients  # noqa: PLC0415 - the driver is a worker's, not a flow's

    given = context.google
    clients = GoogleClients(
        project=it.project_id or (None if it.service_account else given.project),
        location=location,
        credentials=it.service_account or given.credentials,
        impersonate=it.impersonated_service_account or (None if it.service_account else given.impersonate),
        storage_emulator=given.storage_emulator,
        bigquery_emulator=given.bigquery_emulator,
        scopes=it.scopes,
    )
    try:
        yield clients
    except CredentialsInvalid as error:
        if it.service_account and "TAXI_CREDENTIALS" in error.hint:
            raise CredentialsInvalid(error.what, "serviceAccount is a service account's key as JSON") from error
        raise
    except UsageError as error:
        if "TAXI_PROJECT" in error.hint:
            raise UsageError(error.what, "give the task a projectId, or set TAXI_PROJECT") from error
        raise
    finally:
        clients.close()
