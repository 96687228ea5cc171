"""Official clients that speak to the fake: one per process and address, closed when the process ends."""

from __future__ import annotations

import atexit
from functools import cache

from google.auth.credentials import AnonymousCredentials
from google.cloud import storage


@cache
def storage_client(url: str) -> storage.Client:
    """For several threads."""
    options = {"api_endpoint": url}
    client = storage.Client(project="test", credentials=AnonymousCredentials(), client_options=options)
    client._bucket_metadata_cache = None  # as GoogleClients does: no calls in the background
    atexit.register(client.close)
    return client
