"""The orchestrator's half of wiring: settings → the engine's parts. Each adapter is imported where it is built."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from random import Random, SystemRandom
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from taxi_pipelines.clock import utc_now
from taxi_pipelines.engine.control import Control
from taxi_pipelines.engine.engine import Engine
from taxi_pipelines.engine.liveness import Liveness
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.flow_interfaces import Batch, GoogleAccess
from taxi_pipelines.settings import Settings, flow_environment
from taxi_pipelines.wiring import build_executor

if TYPE_CHECKING:
    from taxi_pipelines.executors.local import LocalExecutor

_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
_ID_LENGTH = 20


def new_id() -> str:
    """Random, so that a few characters of it are enough to name it."""
    return "".join(secrets.choice(_LETTERS) for _ in range(_ID_LENGTH))


def build_parts(settings: Settings, closing: ExitStack, executor: LocalExecutor | None = None) -> Parts:
    """Everything an engine needs; whatever must be closed is handed to `closing`. `executor`: one that was begun earlier."""
    from taxi_pipelines.files.opening import open_files
    from taxi_pipelines.store.engines import EngineStore
    from taxi_pipelines.store.executions import ExecutionStore
    from taxi_pipelines.store.flows import FlowStore
    from taxi_pipelines.store.kv import KeyValueStore
    from taxi_pipelines.store.open import open_database
    from taxi_pipelines.store.secrets import SecretStore
    from taxi_pipelines.tasks.registry import REGISTRY

    url = settings.database_url.get_secret_value() if settings.database_url else None
    database = open_database(url, settings.home)
    closing.callback(database.close)
    executions = ExecutionStore(database)
    files_root = f"{settings.lake or settings.home / 'lake'}/executions"
    google = _google_access(settings)
    key = settings.secret_key.get_secret_value() if settings.secret_key else None
    return Parts(
        flows=FlowStore(database),
        executions=executions,
        engines=EngineStore(database),
        logs=executions,
        kv=KeyValueStore(database),
        secrets=SecretStore(database, settings.home / "secret.key", key),
        files=open_files(files_root, google),
        executor=executor or build_executor(settings),
        catalog=REGISTRY,
        clock=utc_now,
        random=Random(SystemRandom().random()),
        new_id=new_id,
        folder=settings.home / "work",
        cache=settings.home / "cache",
        zone=ZoneInfo(settings.timezone),
        host=f"{socket.gethostname()}:{settings.home}",
        environment=flow_environment(),
        lease=timedelta(seconds=settings.lease_seconds),
        files_root=files_root,
        block_private_hosts=settings.block_private_hosts,
        rewrite_hosts=settings.rewrite_hosts,
        google=google,
    )


def _google_access(settings: Settings) -> GoogleAccess:
    return GoogleAccess(
        project=settings.project,
        credentials=settings.credentials.get_secret_value() if settings.credentials else None,
        impersonate=settings.impersonate,
        storage_emulator=settings.storage_emulator_host,
        bigquery_emulator=settings.bigquery_emulator_host,
    )


def build_control(settings: Settings, closing: ExitStack) -> Control:
    """The verbs, without an engine."""
    return Control(build_parts(settings, closing))


def start_engine(
    parts: Parts,
    settings: Settings,
    closing: ExitStack,
    *,
    say: Callable[[str], None],
    on_commit: Callable[[Batch], None] = lambda batch: None,
) -> tuple[Engine, list[str]]:
    """An engine at work, and the executions it took over from engines that died. `closing` ends it."""
    liveness = Liveness(settings.home / "engines")
    engine = Engine(parts, id=parts.new_id(), say=say, on_commit=on_commit)
    liveness.hold(engine.id)
    closing.callback(liveness.release, engine.id)
    taken = engine.start(liveness.known_dead(parts.engines, parts.host))
    closing.callback(engine.close)
    return engine, taken
