"""Whom a task may ask where private hosts are refused: looked at anew for every redirect and every connection."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from taxi_pipelines.errors import UsageError
from taxi_pipelines.tasks import http_hosts
from taxi_pipelines.tasks.http_hosts import PublicHostsOnly, is_public
from tests.support.echo_server import EchoServer


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as found:
        found.trust_env = False
        found.mount("http://", PublicHostsOnly())
        yield found


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
        "255.255.255.255", "::", "::1", "fe80::1%eth0", "fd00::1", "fd00:ec2::254", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::",
    ],
)  # fmt: skip
def test_addresses_that_only_a_private_network_can_reach(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_addresses_that_everybody_can_reach(address: str) -> None:
    assert is_public(address)


def test_a_redirect_to_a_private_host_is_not_followed(
    session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_hosts, "is_public", lambda address: address == "127.0.0.1")
    with EchoServer() as server:
        assert session.get(f"{server.url}/to?url={server.url}/there").status_code == 200
        with pytest.raises(UsageError, match=r"^127\.0\.0\.2 is 127\.0\.0\.2, an address of a private network"):
            session.get(f"{server.url}/to?url=http://127.0.0.2/there")


def test_a_name_that_stands_for_another_address_a_moment_later_is_found_out(
    session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_hosts, "_addresses", lambda host: {"8.8.8.8"})
    with EchoServer() as server:
        with pytest.raises(UsageError, match=r"^localhost is 127\.0\.0\.1"):
            session.get(server.url.replace("127.0.0.1", "localhost"))
        assert server.requests == []
