"""Where months are published: the TLC's CDN or any web server laid out like it (`http`), or a folder (`folder`)."""

from __future__ import annotations

from urllib.parse import urlsplit

from taxi_pipelines.errors import UsageError
from taxi_pipelines.interfaces import Source
from taxi_pipelines.sources.folder import FolderSource, path_of

_VALID = "valid are http://…, https://…, file:///… and a folder's path"


def open_source(address: str) -> Source:
    """The source at a URL or in a folder; nothing is touched yet. Raises UsageError where the address is neither."""
    scheme, mark, _ = address.partition("://")
    try:
        host = urlsplit(address).hostname
    except ValueError as error:
        raise UsageError(f"the source {address!r} is not a URL", _VALID) from error
    match scheme.lower() if mark else "":
        case "http" | "https" if host:
            from taxi_pipelines.sources.http import HttpSource  # noqa: PLC0415 - a folder need not wait for requests

            return HttpSource(address)
        case "file" if host in (None, "localhost"):
            return FolderSource(path_of(address))
        case "" if address.strip():
            return FolderSource(address)
    raise UsageError(f"cannot read from the source {address!r}", _VALID)
