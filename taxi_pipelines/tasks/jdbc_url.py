"""JDBC URLs as PostgreSQL's own Java driver reads them, told in libpq's words.

https://jdbc.postgresql.org/documentation/use/ and https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from taxi_pipelines.errors import UsageError
from taxi_pipelines.tasks.hosts import rewritten

_URL = re.compile(r"jdbc:postgresql:(?://(?P<hosts>[^/?]*)/?)?(?P<database>[^?]*)(?:\?(?P<parameters>.*))?", re.DOTALL)
_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.%]+\]|[^\[\]:@]+)?(?::(?P<port>[0-9]{1,5}))?")
_HOW = "write it as jdbc:postgresql://host:5432/database, with parameters behind a ?"

_SAME: Mapping[str, str] = {
    "user": "user",
    "password": "password",
    "sslmode": "sslmode",
    "sslrootcert": "sslrootcert",
    "sslcert": "sslcert",
    "sslkey": "sslkey",
    "sslpassword": "sslpassword",
    "sslNegotiation": "sslnegotiation",
    "gssEncMode": "gssencmode",
    "channelBinding": "channel_binding",
    "ApplicationName": "application_name",
    "connectTimeout": "connect_timeout",
    "loginTimeout": "connect_timeout",
    "options": "options",
}
_SESSIONS: Mapping[str, str] = {
    "primary": "primary",
    "master": "primary",
    "secondary": "standby",
    "slave": "standby",
    "preferSecondary": "prefer-standby",
    "preferSlave": "prefer-standby",
    "preferPrimary": "any",
    "any": "any",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PostgresUrl:
    """`settings` by libpq's names, without what the URL leaves open; `ignored` are parameters that only Java needs."""

    settings: Mapping[str, str]
    ignored: tuple[str, ...]


def postgres_url(url: str, hosts: Mapping[str, str]) -> PostgresUrl:
    """Reads a URL; `hosts` are those to ask instead. Raises UsageError, which shows no parameter, for one may be a password."""
    match = _URL.fullmatch(url.strip())
    if match is None or "@" in (match["hosts"] or ""):
        raise UsageError(f"{_shown(url)!r} is not a JDBC URL of PostgreSQL", _HOW)
    settings = _places(match["hosts"] or "localhost", hosts, url)
    if database := unquote(match["database"] or "").strip("/"):
        settings["dbname"] = database
    given = dict(parse_qsl(match["parameters"] or "", keep_blank_values=True))
    settings |= {_SAME[name]: value for name, value in given.items() if name in _SAME and value}
    settings |= _translated(given)
    known = {*_SAME, "ssl", "currentSchema", "readOnly", "targetServerType", "loadBalanceHosts", "tcpKeepAlive"}
    return PostgresUrl(settings=settings, ignored=tuple(sorted(given.keys() - known)))


def _places(listed: str, hosts: Mapping[str, str], url: str) -> dict[str, str]:
    names, ports = [], []
    for place in listed.split(","):
        match = _HOST.fullmatch(place.strip())
        if match is None or int(match["port"] or 0) > 65535:
            raise UsageError(f"{_shown(url)!r} is not a JDBC URL: {place!r} is neither HOST nor HOST:PORT", _HOW)
        name, port = rewritten((match["name"] or "localhost").strip("[]"), int(match["port"] or 5432), hosts)
        names.append(name)
        ports.append(str(port))
    return {"host": ",".join(names), "port": ",".join(ports)}


def _translated(given: Mapping[str, str]) -> dict[str, str]:
    """The parameters that libpq calls otherwise."""
    found: dict[str, str] = {}
    options = [given["options"]] if given.get("options") else []
    if schema := given.get("currentSchema"):
        options.append(f"-c search_path={_escaped(schema)}")
    if _is_true(given.get("readOnly")):
        options.append("-c default_transaction_read_only=on")
    if options:
        found["options"] = " ".join(options)
    if "sslmode" not in given and _is_true(given.get("ssl"), empty=True):
        found["sslmode"] = "verify-full"
    if kind := given.get("targetServerType"):
        found["target_session_attrs"] = _SESSIONS.get(kind, kind)
    if _is_true(given.get("loadBalanceHosts")):
        found["load_balance_hosts"] = "random"
    return found


def _is_true(value: str | None, *, empty: bool = False) -> bool:
    """A parameter without a value, `?ssl`, may mean true."""
    return value is not None and (value.lower() == "true" or (empty and not value))


def _escaped(value: str) -> str:
    return re.sub(r"([\\\s])", r"\\\1", value)


def _shown(url: str) -> str:
    """Without parameters, and without a password before the host."""
    return re.sub(r"//[^/@]*@", "//", url.partition("?")[0])[:200]
