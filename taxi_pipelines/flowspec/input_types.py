"""Which types of inputs there are and what each may say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, Field

from taxi_pipelines.flowspec.common import INPUT_ID, Shape

Scalar = str | int | float | bool


class DependsOn(Shape):
    """When an input is asked for."""

    inputs: list[str] = Field(default=[], description="Ids of inputs that must have a value.")
    condition: str | bool | None = Field(default=None, description="A template; false means the input is left out.")


class InputShape(Shape):
    """What every input may say."""

    id: str = Field(
        pattern=INPUT_ID,
        validation_alias=AliasChoices("id", "name"),
        description="Name of the input; dots make it part of a map, as in `request.name`.",
    )
    type: str = Field(description="STRING, INT, SELECT, …")
    required: bool = Field(default=True, description="Whether an execution needs a value.")
    defaults: Any = Field(default=None, description="The value where none is given; may be a template.")
    prefill: Any = Field(default=None, description="The value a form begins with.")
    display_name: str | None = Field(default=None, description="How it is called on pages.")
    description: str | None = Field(default=None, description="What it is for.")
    depends_on: DependsOn | None = Field(default=None, description="When it is asked for.")


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return text


class Text(InputShape):
    """STRING and SECRET."""

    validator: Annotated[str, AfterValidator(_regex)] | None = Field(
        default=None, description="A regular expression that the whole value must match."
    )


class Choice(InputShape):
    """SELECT."""

    values: list[Scalar] | None = Field(
        default=None, description="What to choose from; texts, even if they look numeric."
    )
    expression: str | None = Field(default=None, description="A template that gives the list to choose from.")
    allow_custom_value: bool = Field(default=False, description="Whether any other value will do, too.")
    auto_select_first: bool = Field(default=False, description="Whether the first is taken where none is given.")


class Select(Choice):
    """SELECT."""

    is_radio: bool = Field(default=False, description="Whether pages show buttons.")


ItemType = Literal[
    "STRING", "INT", "FLOAT", "BOOLEAN", "BOOL", "DATE", "TIME", "DATETIME", "DURATION", "JSON", "URI", "EMAIL", "SELECT", "ENUM"
]  # fmt: skip


class MultiSelect(Choice):
    """MULTISELECT."""

    options: list[Scalar] | None = Field(default=None, description="The older name of `values`.")
    item_type: ItemType = Field(default="STRING", description="Type of each value.")


class Whole(InputShape):
    """INT."""

    min: int | None = Field(default=None, description="The smallest value.")
    max: int | None = Field(default=None, description="The largest value.")


class Number(InputShape):
    """FLOAT."""

    min: float | None = Field(default=None, description="The smallest value.")
    max: float | None = Field(default=None, description="The largest value.")


class Moment(InputShape):
    """DATE, TIME, DATETIME."""

    after: str | None = Field(default=None, description="The earliest value.")
    before: str | None = Field(default=None, description="The latest value.")


class Length(InputShape):
    """DURATION."""

    min: str | None = Field(default=None, description="The shortest, as an ISO 8601 duration.")
    max: str | None = Field(default=None, description="The longest, as an ISO 8601 duration.")


class Array(InputShape):
    """ARRAY."""

    item_type: ItemType = Field(description="Type of each item.")


class File(InputShape):
    """FILE."""

    extension: str | None = Field(default=None, description="Ending the stored file gets.")
    allowed_file_extensions: list[str] | None = Field(default=None, description="Endings that are accepted.")


SAME_AS: Mapping[str, str] = {"ENUM": "SELECT", "BOOL": "BOOLEAN"}
"""Other names of input types."""

INPUT_TYPES: Mapping[str, type[InputShape]] = {
    "STRING": Text,
    "SELECT": Select,
    "MULTISELECT": MultiSelect,
    "INT": Whole,
    "FLOAT": Number,
    "BOOLEAN": InputShape,
    "DATE": Moment,
    "TIME": Moment,
    "DATETIME": Moment,
    "DURATION": Length,
    "ARRAY": Array,
    "JSON": InputShape,
    "YAML": InputShape,
    "FILE": File,
    "URI": InputShape,
    "EMAIL": InputShape,
    "SECRET": Text,
}
"""Input type → its model."""
