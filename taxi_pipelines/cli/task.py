"""The commands `taxi task`: which types a flow may use, and all about one of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from taxi_pipelines.cli.options import Json
from taxi_pipelines.cli.output import hint, show, show_json, show_json_list

app = typer.Typer(help="What a flow may say under `type`.", rich_markup_mode=None)

Type = Annotated[
    str, typer.Argument(metavar="TYPE", help="Any name of the type, as `taxi task list` has them.", show_default=False)
]


@app.command("list")
def list_types(json: Json = False) -> None:
    """List all types by family.

    Those of tasks, task runners, triggers and conditions.
    """
    from taxi_pipelines.cli import task_render
    from taxi_pipelines.flowspec.reference import reference
    from taxi_pipelines.tasks.registry import FAMILIES

    found = [(family, reference(spec)) for family, specs in FAMILIES.items() for spec in specs]
    if json:
        show_json_list(
            [{"family": family, "role": one.role, "names": one.names, "title": one.title} for family, one in found]
        )
        return
    show(task_render.types(found))
    hint("taxi task show shell.commands")


@app.command("show")
def show_type(type: Type, json: Json = False) -> None:
    """Print a type's properties, outputs and metrics, and an example.

    Example: taxi task show io.kestra.plugin.core.http.Download
    """
    from taxi_pipelines.cli import task_render
    from taxi_pipelines.errors import NotFound
    from taxi_pipelines.flowspec.problems import nearest
    from taxi_pipelines.flowspec.reference import reference
    from taxi_pipelines.task_types import Role
    from taxi_pipelines.tasks.registry import REGISTRY

    spec = next((spec for role in Role if (spec := REGISTRY.find(type, role))), None)
    if spec is None:
        known = [name for role in Role for name in REGISTRY.names(role)]
        raise NotFound(f"there is no type {type!r}", nearest(type, known))
    found = reference(spec)
    if json:
        show_json(asdict(found))
    else:
        show(*task_render.one(found))
