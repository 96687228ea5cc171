"""Who a task is to Google."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import impersonated_credentials

from taxi_pipelines.errors import CredentialsInvalid, UsageError
from taxi_pipelines.tasks.google_access import CLOUD_PLATFORM, GoogleTask, google_clients
from taxi_pipelines.work_interfaces import GoogleAccess

EMULATED = GoogleAccess(bigquery_emulator="127.0.0.1:9", storage_emulator="127.0.0.1:9")


@pytest.fixture(scope="module")
def key() -> str:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {
        "client_email": "me@own-project.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    return json.dumps({"type": "service_account", "project_id": "own-project", "private_key": pem.decode(), **account})


def context(access: GoogleAccess = GoogleAccess()) -> Any:  # noqa: B008 - frozen
    return SimpleNamespace(google=access)


def task(**values: Any) -> GoogleTask:
    return GoogleTask.model_validate(values)


def test_the_key_says_the_project_unless_the_task_does(key: str) -> None:
    settings = GoogleAccess(project="settings-project")
    with google_clients(task(serviceAccount=key), context(settings)) as clients:
        assert clients.project == "own-project"
        assert clients.identity.principal == "serviceAccount:me@own-project.iam.gserviceaccount.com"
        assert clients.identity.credentials.scopes == [CLOUD_PLATFORM]
    with google_clients(task(serviceAccount=key, projectId="other-project"), context(settings)) as clients:
        assert clients.project == "other-project"
    with google_clients(task(), context(settings)) as clients:
        assert clients.project == "settings-project"


def test_scopes_and_impersonation_are_the_tasks_own(key: str) -> None:
    scopes = ["https://www.googleapis.com/auth/bigquery"]
    with google_clients(task(serviceAccount=key, scopes=scopes), context()) as clients:
        assert clients.identity.credentials.scopes == scopes
    acting = task(serviceAccount=key, scopes=scopes, impersonatedServiceAccount="loader@p.iam.gserviceaccount.com")
    with google_clients(acting, context()) as clients:
        credentials = clients.identity.credentials
        assert isinstance(credentials, impersonated_credentials.Credentials)
        assert credentials._target_scopes == scopes


def test_the_location_is_the_connections_one_or_none() -> None:
    with google_clients(task(projectId="my-project"), context(EMULATED), "EU") as clients:
        assert clients.bigquery.location == "EU"
    with google_clients(task(projectId="my-project"), context(EMULATED)) as clients:
        assert clients.bigquery.location is None


def test_errors_speak_of_the_task() -> None:
    with pytest.raises(CredentialsInvalid, match="serviceAccount is a service account's key as JSON"):
        with google_clients(task(serviceAccount="/no/such/key.json"), context()) as clients:
            _ = clients.identity
    with pytest.raises(UsageError, match="give the task a projectId, or set TAXI_PROJECT"):
        with google_clients(task(), context(EMULATED)) as clients:
            _ = clients.bigquery
