"""Names of hosts are exchanged, and nothing else of an address."""

from __future__ import annotations

import pytest

from taxi_pipelines.tasks.hosts import rewritten, rewritten_url

HOSTS = {"pgdatabase:5432": "localhost:5433", "pgdatabase": "other", "minio": "127.0.0.1:9000", "six": "[::1]:8080"}


@pytest.mark.parametrize(
    ("host", "port", "there"),
    [
        ("pgdatabase", 5432, ("localhost", 5433)),
        ("PgDatabase", 5432, ("localhost", 5433)),
        ("pgdatabase", 5439, ("other", 5439)),
        ("pgdatabase", None, ("other", None)),
        ("minio", 443, ("127.0.0.1", 9000)),
        ("six", None, ("::1", 8080)),
        ("elsewhere", 5432, ("elsewhere", 5432)),
    ],
)
def test_a_host_with_its_port_goes_before_the_host_alone(
    host: str, port: int | None, there: tuple[str, int | None]
) -> None:
    assert rewritten(host, port, HOSTS) == there


@pytest.mark.parametrize(
    ("url", "there"),
    [
        ("http://minio/a?b=c#d", "http://127.0.0.1:9000/a?b=c#d"),
        ("https://u:p%40@minio:443/a", "https://u:p%40@127.0.0.1:9000/a"),
        ("http://pgdatabase/x", "http://other/x"),
        ("http://six/x", "http://[::1]:8080/x"),
        ("http://elsewhere/x y", "http://elsewhere/x y"),
        ("http://pgdatabase:99999999/", "http://pgdatabase:99999999/"),
        ("no address", "no address"),
    ],
)
def test_a_url_keeps_everything_but_the_place(url: str, there: str) -> None:
    assert rewritten_url(url, HOSTS) == there


def test_a_usual_port_need_not_be_written() -> None:
    assert rewritten_url("http://web/x", {"web:80": "localhost:8080"}) == "http://localhost:8080/x"
