"""What the page of the system says: settings without secrets, where things are, engines, and what is not as it should be."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from taxi_pipelines.domain.alert import AlertRule
from taxi_pipelines.domain.states import State
from taxi_pipelines.flow_interfaces import ExecutionFilter
from taxi_pipelines.service import Service
from taxi_pipelines.settings import Settings, Target
from taxi_pipelines.web.trigger_words import LATE_AFTER
from taxi_pipelines.web.words import duration, plural

_LOGIN_IN_URL = re.compile(r"(?<=://)[^/\s]+@")


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One of them, in words that tell no secret. `is_set`: by a flag, a variable, or taxi.toml."""

    name: str
    text: str
    is_set: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineRow:
    """An engine. `here`: of the process that answers."""

    id: str
    host: str
    pid: int
    beat_at: datetime
    held: int
    is_alive: bool
    here: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """How the whole stands now. `troubles` are sentences; none where all is well."""

    engines: Sequence[EngineRow]
    waiting: int
    running: int
    late: timedelta
    troubles: Sequence[str]


def settings_of(settings: Settings) -> list[Setting]:
    """Those that somebody set first, each group by name."""
    found = [
        Setting(name=name, text=_text(getattr(settings, name)), is_set=name in settings.model_fields_set)
        for name in Settings.model_fields
    ]
    return sorted(found, key=lambda one: (not one.is_set, one.name))


def places_of(settings: Settings) -> Mapping[str, str]:
    """Where what is kept is kept."""
    home = settings.home
    if settings.target is Target.BIGQUERY:
        warehouse = (
            f"BigQuery, {settings.project or 'the project of the credentials'}.{settings.dataset}, {settings.location}"
        )
    elif settings.target is Target.POSTGRES:
        at = "at the postgres_url that is set" if settings.postgres_url else f"embedded, {home / 'postgres'}"
        warehouse = f"PostgreSQL, {at}, schema {settings.postgres_schema}"
    else:
        warehouse = f"DuckDB, {home}"
    return {
        "Home": str(home),
        "Source": _text(settings.source),
        "Lake": settings.lake or str(home / "lake"),
        "Warehouse": warehouse,
        "Metadata": "PostgreSQL, at the database_url that is set"
        if settings.database_url
        else str(home / "metadata.db"),
        "Flows": _text(settings.flows_git) if settings.flows_git else str(settings.flows),
    }


def condition_of(service: Service, now: datetime) -> Condition:
    """Reads what the store says."""
    parts = service.orchestrator.parts
    engines = _engines(service, now)
    count = {
        state: parts.executions.count(ExecutionFilter(states=frozenset({state})))
        for state in (State.CREATED, State.QUEUED, State.RUNNING)
    }
    waiting = count[State.CREATED] + count[State.QUEUED]
    due = parts.triggers.next_due()
    late = max(now - due, timedelta()) if due else timedelta()
    return Condition(
        engines=engines,
        waiting=waiting,
        running=count[State.RUNNING],
        late=late,
        troubles=_troubles(service, engines, waiting, late),
    )


def _engines(service: Service, now: datetime) -> list[EngineRow]:
    parts = service.orchestrator.parts
    held = parts.engines.held()
    return [
        EngineRow(
            id=id,
            host=host.partition(":")[0],
            pid=pid,
            beat_at=beat_at,
            held=held.get(id, 0),
            is_alive=now - beat_at <= parts.lease,
            here=pid == os.getpid() and host == parts.host,
        )
        for id, host, pid, beat_at in parts.engines.listed()
    ]


def _troubles(service: Service, engines: Sequence[EngineRow], waiting: int, late: timedelta) -> list[str]:
    found = []
    if service.fault:
        found.append(f"A thread of this process has failed: {type(service.fault).__name__}; restart it.")
    if not any(engine.is_alive for engine in engines):
        rest = f" and {plural(waiting, 'execution')} cannot begin" if waiting else ""
        found.append(f"No engine is alive{rest}: start one with taxi up.")
    else:
        silent = [f"{engine.host}, process {engine.pid}" for engine in engines if not engine.is_alive]
        if silent:
            found.append(f"Silent: {'; '.join(silent)}. The others take over what it held.")
    if late > LATE_AFTER:
        found.append(f"The scheduler is {duration(late)} late: is a process with the role scheduler alive?")
    return found


def _text(value: Any) -> str:
    match value:
        case None | () | {}:
            return ""
        case SecretStr():
            return "set"
        case bool():
            return "yes" if value else "no"
        case Enum():
            return str(value.value)
        case timedelta():
            return duration(value)
        case dict():
            return ", ".join(f"{old} → {new}" for old, new in value.items())
        case tuple():
            return "; ".join(_rule(one) for one in value)
        case int() | Path():
            return str(value)
    return _LOGIN_IN_URL.sub("…@", str(value))


def _rule(rule: AlertRule) -> str:
    return f"{', '.join(str(on) for on in rule.on)} to {rule.to}"
