"""The bodies of the API that belong to no one resource: Kestra's JSON names where Kestra has them, an example in each."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_camel

from taxi_pipelines.domain.records import KvType


def with_example(**example: Any) -> ConfigDict:
    """A model's configuration, with what the documentation shows of it."""
    return ConfigDict(json_schema_extra={"examples": [example]})


T = TypeVar("T")


def writable(value: T) -> T:
    """The value. Raises ValueError at half of a surrogate pair in one of its texts, which JSON's escapes can name and nobody can
    write: once it is kept, no answer that has it can be sent."""
    json.dumps(value, ensure_ascii=False).encode()
    return value


Text = Annotated[str, AfterValidator(writable)]
Values = Annotated[dict[str, JsonValue], AfterValidator(writable)]
"""Of bodies that are kept."""


class Body(BaseModel):
    """Written in camelCase."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True)


class ProblemBody(Body):
    """One thing that is wrong, and where: in a file, or (`path`) in what was sent."""

    message: str
    hint: str = ""
    path: str = ""
    file: str | None = None
    line: int | None = None
    column: int | None = None


class ErrorBody(Body):
    """Every error. `code` is stable, `message` says what happened, `detail` what to do."""

    model_config = with_example(
        code="not-found", message="there is no flow demo.hallo", detail="did you mean 'demo.hello'?", problems=[]
    )

    code: str
    message: str
    detail: str
    problems: list[ProblemBody]


class CountBody(Body):
    """How many it was done to."""

    model_config = with_example(count=2)

    count: int


class Label(Body):
    """One label."""

    model_config = with_example(key="team", value="data")

    key: Text = Field(min_length=1)
    value: Text


class KvKey(Body):
    """A key, without its value."""

    model_config = with_example(
        namespace="demo",
        key="limit",
        type="NUMBER",
        description=None,
        updateDate="2024-03-01T09:00:00Z",
        expirationDate=None,
    )

    namespace: str
    key: str
    type: KvType
    description: str | None
    update_date: datetime | None
    expiration_date: datetime | None


class KvValue(Body):
    """A value with its type."""

    model_config = with_example(type="NUMBER", value=10)

    type: KvType
    value: JsonValue


class Keys(Body):
    """Keys of a namespace."""

    model_config = with_example(keys=["limit"])

    keys: list[str]


class NamespaceBody(Body):
    """A namespace."""

    model_config = with_example(id="demo", disabled=False, deleted=False)

    id: str
    disabled: bool = False
    deleted: bool = False


class NamespacePage(Body):
    """A page of namespaces, by name, and how many there are in all."""

    model_config = with_example(results=[{"id": "demo", "disabled": False, "deleted": False}], total=1)

    results: list[NamespaceBody]
    total: int


class Health(Body):
    """Whether it lives."""

    model_config = with_example(status="UP")

    status: Literal["UP"]


class FindingBody(Body):
    """One thing the doctor looked at. `fix` says what to do where it is not ok."""

    model_config = with_example(name="disk space", ok=True, detail="120.5 GiB free", fix="")

    name: str
    ok: bool
    detail: str
    fix: str
