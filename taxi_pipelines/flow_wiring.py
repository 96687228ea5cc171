"""The orchestrator's half of wiring: settings → the engine's parts. Each adapter is imported where it is built."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from functools import cache, partial
from importlib.util import find_spec
from random import Random, SystemRandom
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from taxi_pipelines.clock import utc_now
from taxi_pipelines.domain.alert import SERVER_NAMESPACE
from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.engine.engine import Engine
from taxi_pipelines.engine.liveness import Liveness
from taxi_pipelines.engine.lookup import find_secret, no_secret
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.errors import UsageError
from taxi_pipelines.flow_interfaces import Batch, Tokens
from taxi_pipelines.settings import Settings, flow_environment
from taxi_pipelines.wiring import build_executor
from taxi_pipelines.work_interfaces import GoogleAccess

if TYPE_CHECKING:
    from taxi_pipelines.alerts.alerts import Alerts
    from taxi_pipelines.executors.local import LocalExecutor
    from taxi_pipelines.flow_sync import FlowSync
    from taxi_pipelines.gcp.clients import GoogleClients
    from taxi_pipelines.scheduler.polling.look import Found, Look, Watcher
    from taxi_pipelines.scheduler.scheduler import Scheduler
    from taxi_pipelines.store.metadata import Metadata
    from taxi_pipelines.trigger_interfaces import Published

_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
_ID_LENGTH = 20


def new_id() -> str:
    """Random, so that a few characters of it are enough to name it."""
    return "".join(secrets.choice(_LETTERS) for _ in range(_ID_LENGTH))


def build_parts(settings: Settings, closing: ExitStack, executor: LocalExecutor | None = None) -> Parts:
    """Everything an engine needs; whatever must be closed is handed to `closing`. `executor`: one that was begun earlier."""
    from taxi_pipelines.files.opening import open_files
    from taxi_pipelines.store.alerts import AlertStore
    from taxi_pipelines.store.backfills import BackfillStore
    from taxi_pipelines.store.endings import EndingStore
    from taxi_pipelines.store.engines import EngineStore
    from taxi_pipelines.store.executions import ExecutionStore
    from taxi_pipelines.store.flows import FlowStore
    from taxi_pipelines.store.kv import KeyValueStore
    from taxi_pipelines.store.secrets import SecretStore
    from taxi_pipelines.store.statistics import StatisticsStore
    from taxi_pipelines.store.triggers import TriggerStore
    from taxi_pipelines.tasks.registry import REGISTRY

    database = _open_database(settings, closing)
    executions = ExecutionStore(database)
    files_root = f"{settings.lake or settings.home / 'lake'}/executions"
    google = _google_access(settings)
    key = settings.secret_key.get_secret_value() if settings.secret_key else None
    return Parts(
        flows=FlowStore(database),
        executions=executions,
        engines=EngineStore(database),
        logs=executions,
        statistics=StatisticsStore(database),
        triggers=TriggerStore(database),
        endings=EndingStore(database),
        backfills=BackfillStore(database),
        alerts=AlertStore(database),
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
        server_url=settings.server_url,
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


def build_tokens(settings: Settings, closing: ExitStack) -> Tokens:
    """The API's tokens."""
    from taxi_pipelines.store.tokens import TokenStore

    return TokenStore(_open_database(settings, closing))


def _open_database(settings: Settings, closing: ExitStack) -> Metadata:
    from taxi_pipelines.store.open import open_database

    url = settings.database_url.get_secret_value() if settings.database_url else None
    database = open_database(url, settings.home)
    closing.callback(database.close)
    return database


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


def build_scheduler(
    parts: Parts,
    settings: Settings,
    closing: ExitStack,
    *,
    say: Callable[[str], None],
    on_fired: Callable[[Sequence[Execution]], None],
) -> Scheduler:
    """A scheduler; what it looks at is connected when a trigger needs it."""
    from taxi_pipelines.scheduler.scheduler import Scheduler

    return Scheduler(parts, _watchers(settings, closing), say=say, on_fired=on_fired)


def build_alerts(parts: Parts, settings: Settings, *, say: Callable[[str], None] = lambda line: None) -> Alerts | None:
    """What sends alerts; None where there are no rules. Raises UsageError where apprise is not installed."""
    from taxi_pipelines.alerts.alerts import Alerts

    if not settings.alerts:
        return None
    if find_spec("apprise") is None:
        hint = "install it: pip install 'taxi-pipelines[notify]'"
        raise UsageError("rules for alerts are set, and apprise, which sends them, is missing", hint)
    return Alerts(parts, settings.alerts, _send_alert, say)


def start_alerts(parts: Parts, settings: Settings, *, say: Callable[[str], None]) -> Alerts | None:
    """As `build_alerts`, and news of ended executions are kept for it from now on; that apprise is missing is said."""
    from taxi_pipelines.alerts.alerts import CONSUMER

    alerts = None
    try:
        alerts = build_alerts(parts, settings, say=say)
    except UsageError as error:
        say(str(error))
    parts.endings.listen(CONSUMER, wanted=alerts is not None and alerts.wants_endings)
    return alerts


def build_flow_sync(parts: Parts, settings: Settings) -> FlowSync | None:
    """What keeps the flows of a Git repository; None where none is set. Raises UsageError where dulwich is not installed."""
    from taxi_pipelines.flow_sync import FlowSync

    if settings.flows_git is None:
        return None
    if find_spec("dulwich") is None:
        hint = "install it: pip install 'taxi-pipelines[git]'"
        raise UsageError("flows_git is set, and dulwich, which reads Git repositories, is missing", hint)
    from taxi_pipelines.flow_files import ENDINGS
    from taxi_pipelines.git_files import GitPlace, newest_commit, read_files

    def place() -> GitPlace:
        name = settings.flows_git_login
        login = find_secret(parts, SERVER_NAMESPACE, name) if name else None
        if name and login is None:
            raise no_secret(SERVER_NAMESPACE, name)
        return GitPlace(url=settings.flows_git or "", branch=settings.flows_git_branch, login=login)

    return FlowSync(
        parts, lambda: newest_commit(place()), lambda: read_files(place(), settings.flows_git_folder, ENDINGS)
    )


def _send_alert(url: str, title: str, body: str) -> None:
    from taxi_pipelines.notify import send

    send(url, title, body)


def _watchers(settings: Settings, closing: ExitStack) -> Mapping[str, Watcher]:
    """What looks for each polling type; each is called in a thread of its own."""

    @cache
    def published() -> Published:
        from taxi_pipelines.sources import open_source
        from taxi_pipelines.sources.published import PublishedMonths

        return PublishedMonths(open_source(settings.source), settings.format)

    return {
        "taxi.published": lambda look: _look_at_published(published(), look),
        "io.kestra.plugin.core.http.Trigger": _look_at_answer,
        "io.kestra.plugin.fs.local.Trigger": _look_at_folder,
        "io.kestra.plugin.gcp.gcs.Trigger": partial(_look_at_bucket, cache(partial(_google, settings, closing))),
    }


def _look_at_published(published: Published, look: Look) -> Found:
    from taxi_pipelines.scheduler.polling.published import look_at_published

    return look_at_published(look, published)


def _look_at_answer(look: Look) -> Found:
    from taxi_pipelines.scheduler.polling.http import look_at_answer

    return look_at_answer(look)


def _look_at_folder(look: Look) -> Found:
    from taxi_pipelines.scheduler.polling.local_files import look_at_folder

    return look_at_folder(look)


def _look_at_bucket(clients: Callable[[str | None], GoogleClients], look: Look) -> Found:
    clients(look.properties.service_account)  # says what to install where Google's packages are not there
    from taxi_pipelines.gcp.objects import BucketObjects
    from taxi_pipelines.scheduler.polling.gcs_objects import look_at_bucket

    return look_at_bucket(look, BucketObjects(clients))


def _google(settings: Settings, closing: ExitStack, credentials: str | None) -> GoogleClients:
    """Clients for a key's JSON, or for the credentials of the settings."""
    from pydantic import SecretStr

    from taxi_pipelines.wiring import build_google

    given = {"credentials": SecretStr(credentials)} if credentials else {}
    return build_google(settings.model_copy(update=given), closing)
