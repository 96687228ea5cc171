"""Which hosts a task may ask: where TAXI_BLOCK_PRIVATE_HOSTS is set, none that only this machine or its network can reach.

Names are no help, for anybody can point one at 127.0.0.1, and point it elsewhere a moment later. So the address of every
connection is looked at, once it is there and before anything is sent; and the addresses of every redirect before that.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from taxi_pipelines.errors import UsageError

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class PublicHostsOnly(HTTPAdapter):
    """Refuses private addresses. Raises UsageError."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Connections of this adapter look at whom they reached; those to a proxy do not, that may be private."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        """Called for every redirect anew."""
        check_host(str(urlsplit(request.url or "").hostname or ""))
        return super().send(request, *args, **options)


def is_public(address: str) -> bool:
    """Whether the whole internet can reach it; an IPv4 address inside an IPv6 one counts as itself."""
    found: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is None and found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        found = inner or found
    return found.is_global and not found.is_multicast


def check_host(host: str) -> None:
    """Looks at what a name stands for now. Raises UsageError for an address of a private network."""
    for address in _addresses(host):
        _check(host, address)


def _check(host: str, address: str) -> None:
    if not is_public(address):
        raise UsageError(
            f"{host} is {address}, an address of a private network", "TAXI_BLOCK_PRIVATE_HOSTS refuses such hosts"
        )


def _addresses(host: str) -> set[str]:
    """What the name stands for now; nothing where it is unknown, which connecting then says."""
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return set()


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn(), self.host)


class _SecureConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn(), self.host)


def _checked(connection: socket.socket, host: str) -> socket.socket:
    try:
        _check(host, str(connection.getpeername()[0]))
    except UsageError:
        connection.close()
        raise
    return connection


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection
