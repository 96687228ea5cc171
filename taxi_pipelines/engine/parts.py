"""What the engine works with: stores, executor, types, and the world's time and chance, put together by wiring."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from taxi_pipelines.flow_interfaces import Engines, Executions, Files, Flows, KeyValues, Logs, Secrets
from taxi_pipelines.flowspec.expressions import Limits
from taxi_pipelines.statistics_interfaces import Statistics
from taxi_pipelines.task_types import TypeCatalog
from taxi_pipelines.trigger_interfaces import AlertBox, Backfills, Endings, Triggers
from taxi_pipelines.work_interfaces import Executor, GoogleAccess

MAX_DEPTH = 20
"""How many subflows deep an execution may call."""

MAX_TASK_RUNS = 100_000
"""How many task runs one execution may have: a loop without end is found out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """Everything of one configuration. `environment` are the variables flows may see (`ENV_…`, and `SECRET_…` in base64)."""

    flows: Flows
    executions: Executions
    engines: Engines
    logs: Logs
    statistics: Statistics
    triggers: Triggers
    endings: Endings
    backfills: Backfills
    alerts: AlertBox
    kv: KeyValues
    secrets: Secrets
    files: Files
    executor: Executor
    catalog: TypeCatalog
    clock: Callable[[], datetime]
    random: Random
    new_id: Callable[[], str]
    folder: Path
    cache: Path
    zone: ZoneInfo
    host: str
    environment: Mapping[str, str] = field(default_factory=dict)
    server_url: str = ""
    limits: Limits = field(default_factory=Limits)
    lease: timedelta = timedelta(seconds=15)
    files_root: str = ""
    block_private_hosts: bool = False
    rewrite_hosts: Mapping[str, str] = field(default_factory=dict)
    google: GoogleAccess = field(default_factory=GoogleAccess)
