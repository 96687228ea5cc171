"""The command `taxi up`: the service as one process, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from taxi_pipelines.cli.options import Globals
from taxi_pipelines.cli.output import talk
from taxi_pipelines.cli.signals import told
from taxi_pipelines.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taxi_pipelines.flow_folder import Looked
    from taxi_pipelines.service import Service
    from taxi_pipelines.settings import Settings

ROLES = ("all", "api", "engine", "scheduler")
NEXT = 5
WAITING = 128

Host = Annotated[
    str | None,
    typer.Option(
        "--host",
        metavar="ADDRESS",
        help="Address to listen on; any but this machine's own needs TAXI_AUTH. [default: TAXI_HOST, else 127.0.0.1]",
        show_default=False,
    ),
]
Port = Annotated[
    int | None,
    typer.Option(
        "--port", metavar="N", min=0, max=65535, help="Port. [default: TAXI_PORT, else 8080]", show_default=False
    ),
]
Flows = Annotated[
    Path | None,
    typer.Option(
        "--flows",
        metavar="DIR",
        help="Folder whose flows are kept deployed. [default: TAXI_FLOWS, else flows]",
        show_default=False,
    ),
]
RoleOption = Annotated[
    str,
    typer.Option(
        "--role",
        metavar="ROLE",
        help=f"What this process does of it: {', '.join(ROLES)}.",
        autocompletion=lambda: list(ROLES),
    ),
]


def up(ctx: typer.Context, host: Host = None, port: Port = None, flows: Flows = None, role: RoleOption = "all") -> None:
    """Start the service: schedules, executions, REST API, web UI.

    Ctrl-C and SIGTERM stop it: running tasks get a few seconds, what is left goes on at the next start.
    Set TAXI_AUTH=USER:PASSWORD to ask for a login.
    """
    if role not in ROLES:
        raise UsageError(f"--role {role} is not a role", f"valid are {', '.join(ROLES)}")
    if flows is not None and not flows.is_dir():
        raise UsageError(f"--flows {flows} is not a folder", "give the folder of the flows")
    from taxi_pipelines.settings import Settings

    chosen: Globals = ctx.obj
    settings = Settings.load(home=chosen.home, host=host, port=port, flows=flows)
    if role in ("all", "api"):
        _check_login(settings)
        _serve(settings, role)
    else:
        _work(settings, role)


def _check_login(settings: Settings) -> None:
    from taxi_pipelines.api.guard import is_own

    if settings.auth is None and not is_own(settings.host):
        hint = "set TAXI_AUTH=USER:PASSWORD (8 characters or more), or listen on 127.0.0.1"
        raise UsageError(f"on {settings.host} others could do everything here without a login", hint)


def _serve(settings: Settings, role: str) -> None:
    """With the API, whose server runs in this thread."""
    with _listening(settings) as place:
        from taxi_pipelines.api.server import Server
        from taxi_pipelines.service import Service, ServiceRole
        from taxi_pipelines.web.app import create_app

        url = f"http://{_shown(settings.host)}:{place.getsockname()[1]}"
        service = Service(settings, role=ServiceRole(role), say=talk)
        server = Server(create_app(service), service, place)
        service.on_fault = server.stop
        with told(lambda number: None):  # the server has handlers of its own, and hands signals on when it ends
            try:
                _announce(service, service.start(), url)
                server.run()
            finally:
                talk("stopping: running tasks have a few seconds")
                service.close()
    _end(service)


def _work(settings: Settings, role: str) -> None:
    """Without the API."""
    from taxi_pipelines.service import Service, ServiceRole

    stopped = threading.Event()
    service = Service(settings, role=ServiceRole(role), say=talk)
    service.on_fault = stopped.set
    hear: Callable[[int], None] = lambda number: stopped.set()  # noqa: E731
    with told(hear):
        try:
            _announce(service, service.start(), None)
            while not stopped.wait(0.5):  # in parts, so that Python hears of signals
                pass
        finally:
            talk("stopping: running tasks have a few seconds")
            service.close()
    _end(service)


def _end(service: Service) -> None:
    if service.fault:
        raise typer.Exit(1)


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    """A socket of that address. Raises UsageError where it is taken, or none of this machine."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise UsageError(f"{settings.host} is not an address: {error.strerror}", "give one of this machine") from error
    with socket.socket(family, kind, protocol) as place:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            place.bind(address)
            place.listen(WAITING)
        except OSError as error:
            hint = "is `taxi up` running already? Another port: --port 8081"
            raise UsageError(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}", hint) from error
        yield place


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _announce(service: Service, looked: Looked, url: str | None) -> None:
    """What there is, on stdout."""
    from taxi_pipelines import __version__

    where = f"on {url}" if url else f"as {service.role}"
    typer.echo(f"taxi {__version__} {where}, home {service.settings.home}")
    if url:
        place = service.settings.flows_git or service.settings.flows
        count = f"{len(looked.kept)} flow{'' if len(looked.kept) == 1 else 's'}"
        known = f"{count}, {len(looked.new)} of them new or changed" if looked.kept else "no flows"
        typer.echo(f"{place}: {'looked at every now and then' if service.settings.flows_git else known}")
        for problem in looked.problems:
            typer.echo(f"  {problem}")
        for line in _next_slots(service):
            typer.echo(line)
        if service.settings.auth is None:
            typer.echo("no login is asked for, because only this machine can reach it")


def _next_slots(service: Service) -> Iterator[str]:
    """The first slots of all."""
    waiting = [view for view in service.orchestrator.triggers.listed() if view.state.next_at]
    for view in sorted(waiting, key=lambda view: (view.state.next_at, view.state.name))[:NEXT]:
        assert view.state.next_at
        at = view.state.next_at.astimezone(ZoneInfo(view.zone))
        yield f"  next {at:%Y-%m-%d %H:%M} {view.zone}  {view.state.name}"
