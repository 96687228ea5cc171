"""A file sent in the load job itself, in pieces of a size of ours: the client's own pieces of 100 MB would fill the memory.

https://cloud.google.com/bigquery/docs/reference/api-uploads#resumable
"""

from __future__ import annotations

from typing import IO, Any

from google.api_core import exceptions as api
from google.cloud import bigquery
from google.cloud.bigquery.table import TableReference
from google.resumable_media import InvalidResponse
from google.resumable_media.requests import ResumableUpload

PIECE = 8 << 20
"""Bytes; a multiple of 256 KiB, as Google demands."""

_TIMEOUT = 300.0
"""Seconds for one piece."""


def load_file(
    client: bigquery.Client,
    file: IO[bytes],
    to: TableReference,
    *,
    job_id: str,
    config: bigquery.LoadJobConfig,
    location: str | None,
) -> bigquery.LoadJob:
    """Makes a load job of that id and sends the file with it; broken connections are resumed. Raises what the client raises."""
    resource = bigquery.LoadJob(job_id, None, to, client, config).to_api_repr()
    if location:
        resource["jobReference"]["location"] = location
    session, host = client._http, client._connection.API_BASE_URL  # the client has no public way to them
    url = f"{host}/upload/bigquery/v2/projects/{client.project}/jobs?uploadType=resumable"
    upload = ResumableUpload(url, PIECE)
    try:
        upload.initiate(session, file, resource, "*/*", stream_final=False, timeout=_TIMEOUT)
        answer: Any = None
        while not upload.finished:
            answer = upload.transmit_next_chunk(session, timeout=_TIMEOUT)
    except InvalidResponse as error:
        raise api.from_http_response(error.response) from error
    return client.job_from_resource(answer.json())  # type: ignore[return-value]
