"""How a page comes to be: a template, what is common to all of them, and the headers under which browsers trust it.

A page and its parts are one template: a part is one of its blocks, shown alone where a page asks for it anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from taxi_pipelines import __version__
from taxi_pipelines.api.guard import ROLE
from taxi_pipelines.domain.access import AccessRole
from taxi_pipelines.service import Service
from taxi_pipelines.web import words
from taxi_pipelines.web.assets import Assets
from taxi_pipelines.web.states import LOOKS, look_of

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Vary": "HX-Target",  # a page and a part of it have the same address
}

MENU = (
    ("Months", "/"),
    ("Flows", "/flows"),
    ("Executions", "/executions"),
    ("Data", "/data"),
)
MORE = (
    ("Dashboard", "/dashboard"),
    ("Logs", "/logs"),
    ("Triggers and backfills", "/triggers"),
    ("Namespaces", "/namespaces"),
    ("System", "/system"),
)
"""The menu's entries, and those that are one step further away."""

_BELONGING = {"/months": "/", "/backfills": "/triggers"}
"""Pages without an entry of their own."""


class Pages:
    """Shows templates. One for a service."""

    def __init__(self, service: Service, assets: Assets) -> None:
        self._service = service
        self._env = Environment(
            loader=PackageLoader("taxi_pipelines.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._env.filters |= words.FILTERS
        zone = service.orchestrator.parts.zone
        self._env.filters["moment"] = lambda at: words.moment(at, zone)
        self._env.filters["day"] = lambda at: words.day(at, zone)
        self._env.globals |= {
            "asset": assets.url,
            "version": __version__,
            "menu": MENU,
            "more": MORE,
            "look_of": look_of,
            "looks": LOOKS,
            "zone": str(zone),
        }

    def show(self, request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
        """A whole page."""
        found = self._env.get_template(template)
        return HTMLResponse(found.render(self._common(request) | context), status, headers=HEADERS)

    def part(self, request: Request, template: str, block: str, **context: Any) -> HTMLResponse:
        """One block of it alone."""
        return HTMLResponse(self.block(request, template, block, **context), headers=HEADERS)

    def block(self, request: Request, template: str, block: str, **context: Any) -> str:
        """The same, as HTML for a stream."""
        return self.parts(request, template, [block], **context)[block]

    def parts(self, request: Request, template: str, blocks: Iterable[str], **context: Any) -> dict[str, str]:
        """Several blocks, by name, as HTML."""
        found = self._env.get_template(template)
        return {
            block: "".join(found.blocks[block](found.new_context(self._common(request) | context))) for block in blocks
        }

    def _common(self, request: Request) -> dict[str, Any]:
        role: AccessRole = request.scope.get(ROLE, AccessRole.VIEWER)
        return {
            "request": request,
            "path": request.url.path,
            "here": _entry_of(request.url.path),
            "query": request.query_params,
            "now": self.now(),
            "role": role,
            "may_operate": role.covers(AccessRole.OPERATOR),
            "may_admin": role.covers(AccessRole.ADMIN),
            "has_session": request.app.state.login.is_asked_for,
        }

    def now(self) -> datetime:
        """What time it is."""
        return self._service.orchestrator.parts.clock()


def _entry_of(path: str) -> str:
    """The address of the menu's entry a page belongs to."""
    first = "/" + path.split("/")[1]
    return _BELONGING.get(first, first)


def wants_part(request: Request, element: str) -> bool:
    """Whether a script asks for what is in that element alone, not for the page."""
    return request.headers.get("hx-target") == element


def address_of(service: Service, request: Request) -> str:
    """Where people reach the service, for commands they copy."""
    return service.settings.url or str(request.base_url).rstrip("/")


async def _pages(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


ThePages = Annotated[Pages, Depends(_pages)]
