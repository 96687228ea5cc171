"""The commands `taxi token`: logins to the API for programs. Each is shown once, when it is made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from taxi_pipelines.cli.options import Globals, Json
from taxi_pipelines.cli.output import show, show_json, show_json_list, talk
from taxi_pipelines.errors import NotFound, UsageError

if TYPE_CHECKING:
    from taxi_pipelines.flow_interfaces import Tokens

app = typer.Typer(help="Logins to the API for programs.", rich_markup_mode=None)

ROLES = ("viewer", "operator", "admin")

RoleOption = Annotated[
    str,
    typer.Option(
        "--role",
        metavar="ROLE",
        help="What it may do: viewer sees, operator runs and stops besides, admin changes and deletes besides.",
        autocompletion=lambda: list(ROLES),
        show_default=False,
    ),
]
Id = Annotated[str, typer.Argument(metavar="ID", help="The token's id, as listed.", show_default=False)]


@app.command()
def create(ctx: typer.Context, role: RoleOption, json: Json = False) -> None:
    """Make a token, and print it: nobody can find it out again.

    Used as: curl -H "Authorization: Bearer TOKEN" … Example: taxi token create --role operator
    """
    if role not in ROLES:
        raise UsageError(f"--role {role} is not a role", f"valid are {', '.join(ROLES)}")
    from taxi_pipelines.clock import utc_now
    from taxi_pipelines.domain.access import AccessRole
    from taxi_pipelines.tokens import make_token

    token, text = make_token(AccessRole(role), utc_now())
    with _tokens(ctx) as tokens:
        tokens.add(token)
    if json:
        show_json({"id": token.id, "role": role, "token": text})
    else:
        typer.echo(text)
        talk(f"keep it: it is not shown again; it ends with: taxi token revoke {token.id}")


@app.command("list")
def list_tokens(ctx: typer.Context, json: Json = False) -> None:
    """List the tokens by id and role."""
    with _tokens(ctx) as tokens:
        found = tokens.listed()
    if json:
        show_json_list(
            [{"id": one.id, "role": str(one.role), "created_at": one.created_at.isoformat()} for one in found]
        )
    elif found:
        from taxi_pipelines.cli import flow_render

        show(flow_render.tokens(found))
    else:
        talk("there are no tokens; make one with: taxi token create --role viewer")


@app.command()
def revoke(ctx: typer.Context, id: Id) -> None:
    """End a token; it is refused from the next request on."""
    with _tokens(ctx) as tokens:
        if not tokens.remove(id):
            raise NotFound(f"there is no token {id}", "`taxi token list` shows them")


@contextmanager
def _tokens(ctx: typer.Context) -> Iterator[Tokens]:
    from taxi_pipelines.flow_wiring import build_tokens
    from taxi_pipelines.settings import Settings

    chosen: Globals = ctx.obj
    with ExitStack() as closing:
        yield build_tokens(Settings.load(home=chosen.home), closing)
