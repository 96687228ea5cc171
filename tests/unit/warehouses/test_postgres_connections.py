from __future__ import annotations

from pathlib import Path

import pytest

from taxi_pipelines.warehouses.postgres_connections import Connections
from tests.support import postgres


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://root:r%40ot@localhost:5433/ny_taxi", "root@localhost:5433/ny_taxi"),
        ("host=/var/run/pg dbname=x password='a b'", "/var/run/pg:5432/x"),
        ("postgres://h1,h2/x?sslmode=require", "h1,h2:5432/x"),
    ],
)
def test_a_place_is_named_without_the_password(url: str, place: str) -> None:
    assert Connections(url).place == place


def test_a_connection_is_used_again_but_not_after_an_error(tmp_path: Path) -> None:
    connections = Connections(postgres.database_of(tmp_path))
    with connections.session() as first:
        pass
    with connections.session() as second:
        assert second is first
    with pytest.raises(ZeroDivisionError), connections.session():
        raise ZeroDivisionError
    with connections.session() as third, connections.session() as fourth:
        assert first.closed and third is not fourth
    connections.close()
    assert third.closed and fourth.closed


def test_the_server_watches_for_clients_that_die(tmp_path: Path) -> None:
    connections = Connections(postgres.database_of(tmp_path))
    with connections.session() as connection:
        assert connection.execute("SHOW client_connection_check_interval").fetchone() == ("1s",)
    connections.close()
