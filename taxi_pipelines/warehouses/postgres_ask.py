"""What a statement of somebody who is not trusted may do on a PostgreSQL server: read our tables, and nothing else.

A transaction that cannot write is not enough: our user may be a superuser, whose functions read and write the server's files,
sleep, end sessions, or run other statements given as text. So the server itself says what a statement uses: as a temporary view,
made and rolled back at once, it lies in `pg_rewrite` with every relation and function resolved to its OID, whatever its name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import psycopg

from taxi_pipelines.errors import QueryFailed, WarehouseRefused
from taxi_pipelines.warehouses.postgres_connections import Connection
from taxi_pipelines.warehouses.postgres_errors import connection_lost, said_by
from taxi_pipelines.warehouses.postgres_inventory import rows
from taxi_pipelines.warehouses.postgres_names import Names
from taxi_pipelines.warehouses.statements import GAP, first_word

LONGEST_SECONDS = 330
"""After which the server ends a statement whoever has forgotten it; who asks ends it sooner."""

SPILL = "2GB"
"""What sorts may write to the server's disk; only a superuser may set that."""

_READING = {"SELECT", "WITH", "VALUES", "TABLE", "("}
_EXPLAIN = re.compile(
    rf"{GAP}EXPLAIN\b{GAP}(?:\([\w\s,]*\)|(?:ANALY[ZS]E\b{GAP})?(?:VERBOSE\b{GAP})?)", re.DOTALL | re.IGNORECASE
)
_USED = re.compile(r":(relid|funcid|opfuncid|aggfnoid|winfnoid|tsmhandler) (\d+)")
"""In the tree of a statement: https://github.com/postgres/postgres/blob/master/src/include/nodes/primnodes.h"""

_TREE = "SELECT ev_action::text FROM pg_catalog.pg_rewrite WHERE ev_class = 'pg_temp.question'::regclass"
_MAY_CHECK = "SELECT pg_is_in_recovery() OR NOT has_database_privilege(current_database(), 'TEMPORARY')"

_FOREIGN_TABLES = """
SELECT c.oid::regclass::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY(%s::oid[]) AND NOT (n.nspname = %s AND c.relname = ANY(%s)) ORDER BY 1
"""

_HARMLESS_VOLATILE = (
    "random", "random_normal", "setseed", "gen_random_uuid", "uuidv4", "uuidv7", "clock_timestamp", "timeofday",
    "array_sample", "array_shuffle", "bernoulli", "system",
)  # fmt: skip

# Stable ones answer by what the server knows: settings with passwords, other sessions' statements, any table as XML.
_TELLING = r"^(pg_|has_|inet_|txid_|row_security)|_to_xml|^current_setting$"

_FOREIGN_FUNCTIONS = """
SELECT DISTINCT p.proname::text FROM pg_catalog.pg_proc p
WHERE p.oid = ANY(%s::oid[]) AND NOT (
    p.pronamespace = 'pg_catalog'::regnamespace AND p.oid < 16384 AND (
        p.provolatile = 'i' OR p.proname = ANY(%s) OR p.proname = 'pg_typeof' OR (p.provolatile = 's' AND p.proname !~ %s)
    )
) ORDER BY 1
"""


def check(connection: Connection, names: Names, tables: Sequence[str], sql: str) -> None:
    """Raises QueryFailed where the statement would do more than read those tables; inside a transaction that may still write."""
    query = _query_in(sql)
    if rows(connection, _MAY_CHECK)[0][0]:
        raise WarehouseRefused(
            "statements cannot be checked here, which takes a temporary view",
            "GRANT TEMPORARY ON DATABASE, and name the primary server in the URL",
        )
    used = _used_by(connection, query)
    if foreign := rows(connection, _FOREIGN_TABLES, [used["relid"], names.schema, list(tables)]):
        raise QueryFailed(f"the statement reads {foreign[0][0]}", f"the tables are {', '.join(tables)}")
    functions = [oid for kind, oids in used.items() if kind != "relid" for oid in oids]
    if called := rows(connection, _FOREIGN_FUNCTIONS, [functions, list(_HARMLESS_VOLATILE), _TELLING]):
        raise QueryFailed(f"the statement calls {called[0][0]}()", "functions that only compute are allowed")


def limits() -> str:
    """The settings of the transaction that the statement runs in."""
    return (
        "SET TRANSACTION READ ONLY;"
        f" SET LOCAL statement_timeout = '{LONGEST_SECONDS}s';"
        f" SELECT set_config('temp_file_limit', '{SPILL}', true) WHERE current_setting('is_superuser') = 'on'"
    )


def _query_in(sql: str) -> str:
    """The statement, or what it explains."""
    head = _EXPLAIN.match(sql)
    query = sql[head.end() :] if head else sql
    if first_word(query) not in _READING:
        said = first_word(query) or "nothing"
        raise QueryFailed(f"a query only reads, and this is {said}", "write a SELECT")
    return query


def _used_by(connection: Connection, query: str) -> dict[str, list[int]]:
    """The OIDs of what a query uses, by kind."""
    view = f"CREATE TEMPORARY VIEW question AS SELECT count(*) FROM (\n{query.rstrip().rstrip(';')}\n) AS asked"
    connection.execute("SAVEPOINT before_view")
    try:
        connection.execute(view.encode())
    except psycopg.Error as error:
        if connection_lost(error):
            raise
        raise QueryFailed(f"the statement does more than read: {said_by(error)}", "write a SELECT") from error
    ((tree,),) = rows(connection, _TREE)
    connection.execute("ROLLBACK TO SAVEPOINT before_view")
    used: dict[str, list[int]] = {"relid": []}
    for kind, oid in _USED.findall(tree):
        used.setdefault(kind, []).append(int(oid))
    return used
