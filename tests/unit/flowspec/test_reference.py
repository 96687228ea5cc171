"""What is said of a type is what its class says."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field

from taxi_pipelines.domain.states import State
from taxi_pipelines.flowspec.reference import reference
from taxi_pipelines.task_types import Duration, DurationText, Properties, Role, Typed, TypeSpec


class Inner(Properties):
    """What is inside."""

    name: str = Field(description="Its name.")


class Sample(Properties):
    """One of each."""

    wait: DurationText = Field(default="PT1S", description="How long.")
    longest: Duration | None = Field(default=None, description="How long at most.")
    some_texts: str | list[str] = Field(validation_alias=AliasChoices("text", "texts"), description="Texts.")
    kind: Literal["A", "B"] | None = Field(default=None, description="Which.")
    states: list[State] = Field(default=[State.SUCCESS], description="States.")
    parts: list[Inner] = Field(default=[], description="Parts.")
    one: Inner | None = Field(default=None, description="A part.")
    any_thing: Any = Field(default=None, description="Anything.")
    numbers: dict[str, int] = Field(default={}, description="Numbers.")
    runner: Annotated[dict[str, Any] | None, Typed(Role.TASK_RUNNER)] = Field(default=None, description="A runner.")


SPEC = TypeSpec(name="x.Sample", aliases=("old.Sample", "sample"), title="Samples.", properties=Sample)


def test_properties_are_said_as_flows_write_them_the_required_ones_first() -> None:
    found = reference(SPEC)
    assert (found.name, found.names) == ("sample", ("x.Sample", "old.Sample", "sample"))
    assert [(one.name, one.kind, one.default) for one in found.properties] == [
        ("text", "text or list of text", None),
        ("wait", "duration", '"PT1S"'),
        ("longest", "duration", None),
        ("kind", "A, B", None),
        ("states", "list of state", '["SUCCESS"]'),
        ("parts", "list of map", "[]"),
        ("parts[].name", "text", None),
        ("one", "map", None),
        ("one.name", "text", None),
        ("anyThing", "anything", None),
        ("numbers", "map of integer", "{}"),
        ("runner", "task runner", None),
    ]
    assert [one.name for one in found.properties if one.required] == ["text", "parts[].name", "one.name"]
    assert found.properties[0].description == "Texts. Also written `texts`."
