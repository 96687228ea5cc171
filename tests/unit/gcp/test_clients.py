"""One set of clients for all threads: built when used, closed together, anonymous towards emulators."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.auth.credentials import AnonymousCredentials

from taxi_pipelines.errors import CredentialsInvalid, UsageError
from taxi_pipelines.gcp.clients import GoogleClients

NOWHERE = "127.0.0.1:9"


@pytest.fixture(autouse=True)
def _nobody(no_credentials: None) -> None:
    """Only what a test gives counts."""


def _clients(project: str | None = "my-project", emulator: str | None = NOWHERE) -> GoogleClients:
    return GoogleClients(
        project=project,
        location="EU",
        credentials=None,
        impersonate=None,
        storage_emulator=emulator,
        bigquery_emulator=emulator,
    )


@pytest.fixture
def clients() -> Iterator[GoogleClients]:
    clients = _clients()
    yield clients
    clients.close()


def test_an_emulator_is_spoken_to_anonymously_at_its_host(clients: GoogleClients) -> None:
    assert isinstance(clients.bigquery._credentials, AnonymousCredentials)
    assert isinstance(clients.storage._credentials, AnonymousCredentials)
    assert clients.storage._connection.API_BASE_URL == clients.storage_url == f"http://{NOWHERE}"
    assert (clients.bigquery.project, clients.bigquery.location) == ("my-project", "EU")


def test_all_threads_get_the_same_client(clients: GoogleClients) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: id(clients.bigquery), range(32)))) == 1


def test_closed_clients_are_built_again() -> None:
    clients = _clients()
    first = clients.storage
    clients.close()
    assert clients.storage is not first
    clients.close()


def test_nothing_is_asked_before_a_client_is_used() -> None:
    clients = _clients(emulator=None)
    clients.close()
    with pytest.raises(CredentialsInvalid, match="no Google Cloud credentials are found"):
        _ = clients.storage
    assert clients.project == "my-project"


def test_a_project_that_nobody_names_is_asked_for() -> None:
    with pytest.raises(UsageError, match=r"no Google Cloud project is named.*TAXI_PROJECT"):
        _ = _clients(project=None).bigquery
