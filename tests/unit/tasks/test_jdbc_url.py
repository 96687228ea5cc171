"""JDBC URLs of PostgreSQL."""

from __future__ import annotations

import pytest

from taxi_pipelines.errors import UsageError
from taxi_pipelines.tasks.jdbc_url import postgres_url

LOCAL = {"host": "localhost", "port": "5432"}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("jdbc:postgresql:", LOCAL),
        ("jdbc:postgresql:/", LOCAL),
        ("jdbc:postgresql:taxi", {**LOCAL, "dbname": "taxi"}),
        ("jdbc:postgresql://db", {"host": "db", "port": "5432"}),
        ("jdbc:postgresql://db:5433/ny_taxi", {"host": "db", "port": "5433", "dbname": "ny_taxi"}),
        ("jdbc:postgresql://[::1]:5433/a%2Fb", {"host": "::1", "port": "5433", "dbname": "a/b"}),
        ("jdbc:postgresql://a,b:5433/x", {"host": "a,b", "port": "5432,5433", "dbname": "x"}),
        (
            "jdbc:postgresql://db/x?user=me&password=p%26w+d%25&sslmode=require&ApplicationName=flow&connectTimeout=3",
            {"host": "db", "port": "5432", "dbname": "x", "user": "me", "password": "p&w d%", "sslmode": "require",
             "application_name": "flow", "connect_timeout": "3"},
        ),
        ("jdbc:postgresql://db/x?ssl=true", {"host": "db", "port": "5432", "dbname": "x", "sslmode": "verify-full"}),
        ("jdbc:postgresql://db/x?ssl&sslmode=prefer", {"host": "db", "port": "5432", "dbname": "x", "sslmode": "prefer"}),
        (
            "jdbc:postgresql://db/x?currentSchema=my taxi&readOnly=true&targetServerType=secondary&loadBalanceHosts=true",
            {"host": "db", "port": "5432", "dbname": "x", "target_session_attrs": "standby", "load_balance_hosts": "random",
             "options": r"-c search_path=my\ taxi -c default_transaction_read_only=on"},
        ),
    ],
)  # fmt: skip
def test_a_url_is_read_as_the_java_driver_does(url: str, expected: dict[str, str]) -> None:
    assert postgres_url(url, {}).settings == expected


def test_hosts_are_rewritten() -> None:
    hosts = {"pgdatabase:5432": "localhost:5433", "other": "127.0.0.1"}
    assert postgres_url("jdbc:postgresql://pgdatabase/x,y", hosts).settings["port"] == "5433"
    found = postgres_url("jdbc:postgresql://pgdatabase:5432,other:99/x", hosts).settings
    assert (found["host"], found["port"]) == ("localhost,127.0.0.1", "5433,99")


def test_parameters_only_java_needs_are_named() -> None:
    url = "jdbc:postgresql://db/x?reWriteBatchedInserts=true&prepareThreshold=0"
    assert postgres_url(url, {}).ignored == ("prepareThreshold", "reWriteBatchedInserts")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hidden@db/x", "jdbc:mysql://db/x?password=hidden", "jdbc:postgresql://db:x/y",
        "jdbc:postgresql://db:99999/y", "jdbc:postgresql://me:hidden@db:5432/x?a=hidden", "",
    ],
)  # fmt: skip
def test_what_is_no_such_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(UsageError, match="JDBC URL") as raised:
        postgres_url(url, {})
    assert "hidden" not in str(raised.value)
    assert "\n" not in str(raised.value)
