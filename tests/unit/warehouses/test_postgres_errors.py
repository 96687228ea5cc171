from __future__ import annotations

import psycopg
import pytest
from psycopg import errors as pg

from taxi_pipelines.errors import (
    DiskFull,
    PipelineError,
    QueryFailed,
    WarehouseCorrupt,
    WarehouseRefused,
    WarehouseUnavailable,
)
from taxi_pipelines.warehouses.postgres_errors import connect_error, query_error, refuse_old_server, translated


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (pg.DiskFull("x"), DiskFull),
        (pg.TooManyConnections("x"), WarehouseUnavailable),
        (pg.AdminShutdown("x"), WarehouseUnavailable),
        (pg.DeadlockDetected("x"), WarehouseUnavailable),
        (pg.QueryCanceled("x"), WarehouseUnavailable),
        (psycopg.OperationalError("server closed the connection"), WarehouseUnavailable),
        (pg.InsufficientPrivilege("x"), WarehouseRefused),
        (pg.ReadOnlySqlTransaction("x"), WarehouseRefused),
        (pg.DataCorrupted("x"), WarehouseCorrupt),
        (pg.UndefinedColumn("x"), WarehouseRefused),
    ],
)
def test_every_state_has_its_error_and_says_what_to_do(error: psycopg.Error, kind: type[PipelineError]) -> None:
    ours = translated(error, "host:5432/db")
    assert type(ours) is kind
    assert ours.hint


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ('FATAL:  password authentication failed for user "u"', WarehouseRefused, "password"),
        ("fe_sendauth: no password supplied", WarehouseRefused, "password"),
        ('FATAL:  database "x" does not exist', WarehouseRefused, 'database "x" does not exist'),
        ("FATAL:  sorry, too many clients already", WarehouseUnavailable, "too many connections"),
        ("FATAL:  the database system is starting up", WarehouseUnavailable, "starting"),
        ("connection refused\n\tIs the server running?", WarehouseUnavailable, "Is the server running"),
    ],
)
def test_what_libpq_says_while_connecting_is_understood(text: str, kind: type[PipelineError], words: str) -> None:
    ours = connect_error(psycopg.OperationalError(text), "host:5432/db")
    assert type(ours) is kind
    assert words in str(ours) and "\n" not in str(ours)


def test_a_server_older_than_15_is_refused() -> None:
    refuse_old_server(150000, "host")
    with pytest.raises(WarehouseRefused, match=r"host is version 14\.11; version 15 or newer"):
        refuse_old_server(140011, "host")


def test_a_user_s_statement_that_fails_is_a_failed_query_unless_the_server_is_ill() -> None:
    assert type(query_error(pg.SyntaxError("x"), "host", [])) is QueryFailed
    assert "a, b" in str(query_error(pg.UndefinedTable("x"), "host", ["a", "b"]))
    assert type(query_error(pg.DiskFull("x"), "host", [])) is DiskFull
    assert type(query_error(pg.AdminShutdown("x"), "host", [])) is WarehouseUnavailable
