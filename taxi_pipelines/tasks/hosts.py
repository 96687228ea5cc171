"""The hosts that flows name, and those to ask instead (TAXI_REWRITE_HOSTS): a flow written for containers names theirs.

A pure lookup, apart because whatever connects somewhere uses it: HTTP, JDBC URLs, Google's endpoints.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


def rewritten(host: str, port: int | None, hosts: Mapping[str, str]) -> tuple[str, int | None]:
    """Where to connect. HOST:PORT in `hosts` goes before HOST; a port stays where the new place has none."""
    name = f"[{host}]" if ":" in host else host
    found = hosts.get(f"{name}:{port}".lower()) or hosts.get(name.lower())
    if found is None:
        return host, port
    place = urlsplit(f"//{found}")
    return place.hostname or host, place.port or port


def rewritten_url(url: str, hosts: Mapping[str, str]) -> str:
    """The URL with the place to connect to; everything else of it stays. One that cannot be read stays as it is."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return url
    usual = _PORTS.get(parts.scheme)
    if not host or (place := rewritten(host, port or usual, hosts)) == (host, port or usual):
        return url
    user, at, _ = parts.netloc.rpartition("@")
    name = f"[{place[0]}]" if ":" in place[0] else place[0]
    number = "" if place[1] in (None, usual) else f":{place[1]}"
    return parts._replace(netloc=f"{user}{at}{name}{number}").geturl()
