"""An HTTP answer that is as wanted. It starts an execution each time it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import requests
import urllib3

from taxi_pipelines.domain.text import is_true
from taxi_pipelines.errors import SourceUnavailable
from taxi_pipelines.scheduler.polling.look import Found, Look

TIMEOUT = (10, 60)
"""Seconds to connect, and for the next bytes."""

MAX_BYTES = 1 << 20
"""More of an answer is not read."""


def look_at_answer(look: Look) -> Found:
    """Whether the answer is as wanted; the answer. Raises SourceUnavailable where there is none."""
    properties = look.properties
    response = _ask(properties)
    rendering = replace(look.rendering, context={**look.rendering.context, "response": response})
    if not is_true(rendering.text(properties.response_condition)):
        return Found(memory={})
    event = {
        "uri": properties.uri,
        "code": response["statusCode"],
        "headers": response["headers"],
        "body": response["body"],
    }
    return Found(memory={}, events=(event,))


def _ask(properties: Any) -> dict[str, Any]:
    headers = dict(properties.headers)
    if properties.content_type:
        headers["Content-Type"] = properties.content_type
    try:
        with requests.request(
            properties.method,
            properties.uri,
            headers=headers,
            params=properties.params,
            data=None if properties.body is None else properties.body.encode(),
            timeout=TIMEOUT,
            stream=True,
        ) as response:
            body = response.raw.read(MAX_BYTES, decode_content=True)
            return {
                "statusCode": response.status_code,
                "headers": dict(response.headers),
                "body": body.decode(response.encoding or "utf-8", "replace"),
            }
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError, LookupError) as error:
        what = f"{properties.uri} does not answer ({type(error).__name__})"
        raise SourceUnavailable(what, "check the address and the network") from error
