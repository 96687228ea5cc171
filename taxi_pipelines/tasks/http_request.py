"""What is sent: headers, authentication, body, forms; and through what."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import requests
from pydantic import TypeAdapter
from requests import PreparedRequest, Session

from taxi_pipelines.disk import writable
from taxi_pipelines.domain.text import plain_text
from taxi_pipelines.errors import UsageError
from taxi_pipelines.tasks.hosts import rewritten_url
from taxi_pipelines.tasks.http import Download, HttpOptions, HttpTask
from taxi_pipelines.tasks.http_hosts import PublicHostsOnly
from taxi_pipelines.tasks.worker_context import WorkerContext

_DURATION = TypeAdapter(timedelta)
_MULTIPART = "multipart/form-data"
_FORM = "application/x-www-form-urlencoded"
_BOUNDARY = "taxi-7d1f3c0a5b2e49c68d9e"


@contextmanager
def session(it: HttpTask, context: WorkerContext) -> Iterator[Session]:
    """Proxies and certificates as the environment says; a login only as the task says, never as a .netrc does."""
    with requests.Session() as found:
        found.auth = _no_login
        if context.block_private_hosts:
            found.mount("http://", PublicHostsOnly())
            found.mount("https://", PublicHostsOnly())
        yield found


def timeouts(options: HttpOptions) -> tuple[float, float]:
    """Seconds for the connection, and for each next piece of the answer."""
    connect = options.connect_timeout or options.timeout.connect_timeout
    read = options.read_timeout or options.read_idle_timeout or options.timeout.read_idle_timeout
    return _seconds(connect), _seconds(read)


@contextmanager
def prepared(
    it: HttpTask, context: WorkerContext, connection: Session, private: Path
) -> Iterator[tuple[PreparedRequest, dict[str, Any]]]:
    """The request, and what to send it through."""
    headers = {"User-Agent": "taxi-pipelines", **_authorization(it.options)}
    if isinstance(it, Download):
        headers["Accept-Encoding"] = "identity"  # the file as it is
    with _body(it, context, private) as (body, content_type):
        if content_type:
            headers["Content-Type"] = content_type
        given = {name: plain_text(value) for name, value in it.headers.items()}
        headers = {name: value for name, value in headers.items() if name.lower() not in map(str.lower, given)} | given
        params = {name: plain_text(value) for name, value in it.params.items()}
        address = rewritten_url(it.uri.replace(" ", "%20"), context.rewrite_hosts)
        asked = requests.Request(it.method.upper(), address, headers=headers, params=params, data=body)
        request = connection.prepare_request(asked)
        ssl = it.ssl_options or it.options.ssl
        verify = False if ssl.insecure_trust_all_certificates else None
        settings = connection.merge_environment_settings(request.url, _proxies(it.options), True, verify, None)
        yield request, dict(settings)


def _authorization(options: HttpOptions) -> dict[str, str]:
    auth = options.auth
    if auth and auth.type == "BEARER":
        return {"Authorization": f"Bearer {auth.token or ''}"}
    name, password = (auth.username, auth.password) if auth else (options.basic_auth_user, options.basic_auth_password)
    if name is None and password is None:
        return {}
    login = base64.b64encode(f"{name or ''}:{password or ''}".encode()).decode()
    return {"Authorization": f"Basic {login}"}


def _proxies(options: HttpOptions) -> dict[str, str]:
    proxy = options.proxy
    if proxy is None:
        return {}
    if proxy.type == "DIRECT":
        return {"no_proxy": "*"}
    login = f"{quote(proxy.username, '')}:{quote(proxy.password or '', '')}@" if proxy.username else ""
    address = f"http://{login}{proxy.address}:{proxy.port or 80}"
    return {"http": address, "https": address}


@contextmanager
def _body(it: HttpTask, context: WorkerContext, private: Path) -> Iterator[tuple[Any, str | None]]:
    """What is sent, and what it is. A form with files is written to a file first, so that these may be large."""
    if not it.form_data:
        body = plain_text(it.body).encode(it.options.default_charset) if it.body is not None else None
        yield body, it.content_type if body is not None else None
    elif it.content_type != _MULTIPART:
        yield urlencode({name: plain_text(value) for name, value in it.form_data.items()}), _FORM
    else:
        place = private / "form"
        _write_form(it.form_data, context, place)
        with place.open("rb") as file:
            yield file, f"{_MULTIPART}; boundary={_BOUNDARY}"


def _write_form(form: Mapping[str, Any], context: WorkerContext, place: Path) -> None:
    """https://www.rfc-editor.org/rfc/rfc7578"""
    with writable(place), place.open("wb") as file:
        for name, value in form.items():
            file.write(f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{_quoted(name)}"'.encode())
            filename, content = _part(value)
            if filename is None:
                file.write(f"\r\n\r\n{content}\r\n".encode())
                continue
            file.write(f'; filename="{_quoted(filename)}"\r\nContent-Type: application/octet-stream\r\n\r\n'.encode())
            source = place.with_name("part")
            context.fetch_file(content, source)
            with source.open("rb") as part:
                while piece := part.read(1 << 20):
                    file.write(piece)
            file.write(b"\r\n")
        file.write(f"--{_BOUNDARY}--\r\n".encode())


def _part(value: Any) -> tuple[str | None, str]:
    """A file's name and URI, or no name and a text."""
    if isinstance(value, str) and value.startswith("kestra://"):
        return value.rpartition("/")[2], value
    if isinstance(value, Mapping) and {"name", "content"} <= value.keys():
        content = plain_text(value["content"])
        if not content.startswith("kestra://"):
            raise UsageError(f"{content[:60]!r} is not the URI of a stored file", "`content` names a file to send")
        return plain_text(value["name"]), content
    return None, value if isinstance(value, str) else json.dumps(value)


def _quoted(name: str) -> str:
    """As browsers do: https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data"""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _seconds(duration: str) -> float:
    return _DURATION.validate_python(duration.strip()).total_seconds()


def _no_login(request: PreparedRequest) -> PreparedRequest:
    return request
