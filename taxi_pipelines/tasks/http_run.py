"""What HTTP tasks do, in a worker: one request, its redirects, and its answer as text or as a stored file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from email.utils import collapse_rfc2231_value
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import requests
from requests import Response

from taxi_pipelines.disk import writable
from taxi_pipelines.domain.records import Level
from taxi_pipelines.errors import PermanentError, PipelineError, TaskFailed, TransientError
from taxi_pipelines.tasks.http import LARGEST_BODY, Download, HttpTask, Request
from taxi_pipelines.tasks.http_request import prepared, session, timeouts
from taxi_pipelines.tasks.worker_context import WorkerContext
from taxi_pipelines.tasks.working_files import private_folder

_CHUNK = 1 << 20
_SHOWN = 300


def request(values: Mapping[str, Any], context: WorkerContext) -> Mapping[str, Any]:
    """Asks, and puts out the answer."""
    it = Request.model_validate(values)
    with private_folder(context.folder) as private, _answer(it, context, private) as response:
        largest = it.options.max_content_length or LARGEST_BODY
        data = b"".join(_pieces(it, response, largest))
        _measure(context, response, len(data))
        said = {"uri": it.uri, "code": response.status_code, "headers": _headers(response)}
        outputs = {**said, "body": _text(it, response, data)}
        _check_code(it, response, outputs)
        return outputs


def download(values: Mapping[str, Any], context: WorkerContext) -> Mapping[str, Any]:
    """Asks, and stores the answer."""
    it = Download.model_validate(values)
    with private_folder(context.folder) as private, _answer(it, context, private) as response:
        said = {"code": response.status_code, "headers": _headers(response)}
        _check_code(it, response, said)
        target = private / "download"
        with writable(target), target.open("wb") as file:
            for piece in _pieces(it, response, it.options.max_content_length):
                file.write(piece)
        length = target.stat().st_size
        _measure(context, response, length)
        if not length:
            if it.fail_on_empty_response and not _failure_is_allowed(it):
                raise TaskFailed(f"{_shown(it.uri)} is empty", "failOnEmptyResponse: false allows that", outputs=said)
            context.log(Level.WARN, f"{_shown(it.uri)} is empty")
        return {**said, "uri": context.keep_file(target, quote(_name(it, response))), "length": length}


@contextmanager
def _answer(it: HttpTask, context: WorkerContext, private: Path) -> Iterator[Response]:
    """The answer, its body unread. Raises TransientError and PermanentError for what goes wrong until all is read."""
    try:
        with (
            session(it, context) as connection,
            prepared(it, context, connection, private) as (asked, settings),
            connection.send(
                asked,
                timeout=timeouts(it.options),
                allow_redirects=it.options.follow_redirects,
                **settings,
            ) as response,
        ):
            yield response
    except requests.exceptions.RequestException as error:
        raise _translated(error, _shown(it.uri)) from error


def _translated(error: requests.exceptions.RequestException, uri: str) -> PipelineError:
    known = requests.exceptions
    match error:
        case known.InvalidURL() | known.InvalidSchema() | known.MissingSchema():
            return PermanentError(f"{uri!r} is not an address to ask", "write http:// or https://")
        case known.InvalidHeader():
            return PermanentError(f"a header cannot be sent: {error}", "see `headers`")
        case known.TooManyRedirects():
            return PermanentError(f"{uri} is redirected without end", "see `options.followRedirects`")
        case known.SSLError():
            return PermanentError(f"{uri} cannot be trusted: {_reason(error)}", "see `options.ssl`")
        case known.Timeout():
            return TransientError(f"{uri} did not answer in time: {_reason(error)}", "see `options.timeout`")
        case _:
            return TransientError(f"{uri} cannot be read: {_reason(error)}", "give the task a `retry`")


def _pieces(it: HttpTask, response: Response, largest: int | None) -> Iterator[bytes]:
    """The body. Raises PermanentError where there is more of it than may be."""
    size = 0
    for piece in response.iter_content(_CHUNK):
        size += len(piece)
        if largest is not None and size > largest:
            hint = "raise options.maxContentLength" if isinstance(it, Download) else "use http.download"
            raise PermanentError(f"the answer of {_shown(it.uri)} is larger than {largest:,} bytes", hint)
        yield piece


def _check_code(it: HttpTask, response: Response, outputs: Mapping[str, Any]) -> None:
    allowed = it.options.allowed_response_codes
    fits = response.status_code in allowed if allowed is not None else response.ok or _failure_is_allowed(it)
    if fits:
        return
    body = outputs.get("body") or next(response.iter_content(_SHOWN), b"").decode("utf-8", "replace")
    said = " ".join(body[:_SHOWN].split())
    raise TaskFailed(
        f"{_shown(it.uri)} answered {response.status_code} {response.reason}" + (f": {said}" if said else ""),
        outputs=outputs,
    )


def _failure_is_allowed(it: HttpTask) -> bool:
    return it.options.allow_failed if it.allow_failed is None else it.allow_failed


def _text(it: HttpTask, response: Response, data: bytes) -> str:
    charset = _parameter(response.headers.get("Content-Type"), "charset") or it.options.default_charset
    try:
        return data.decode(charset)
    except (UnicodeDecodeError, LookupError) as error:
        raise PermanentError(f"the answer of {_shown(it.uri)} is not {charset} text", "use http.download") from error


def _name(it: Download, response: Response) -> str:
    """The file's name, never with a folder in it."""
    given = it.save_as or _parameter(response.headers.get("Content-Disposition"), "filename")
    name = PurePosixPath((given or unquote(urlsplit(it.uri).path)).replace("\\", "/")).name
    return name.replace("\0", "") or "download"


def _parameter(header: str | None, name: str) -> str | None:
    message = Message()
    message["Content-Disposition"] = header or ""
    found = message.get_param(name, header="Content-Disposition")
    return collapse_rfc2231_value(found) if found else None


def _headers(response: Response) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in response.raw.headers.items():
        found.setdefault(name, []).append(value)
    return found


def _measure(context: WorkerContext, response: Response, length: int) -> None:
    tags = {"request.method": str(response.request.method), "response.code": str(response.status_code)}
    context.metric("response.length", length, tags=tags)


def _shown(uri: str) -> str:
    """Without a name and a password."""
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _reason(error: BaseException) -> str:
    """The innermost reason: what wraps it repeats the address."""
    while (inner := getattr(error, "reason", None) or (error.args[0] if error.args else None)) and isinstance(
        inner, BaseException
    ):
        error = inner
    said = str(error)
    return said.rpartition(": ")[2] if said.startswith(("<", "HTTP")) else said
