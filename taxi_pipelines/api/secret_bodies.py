"""Bodies of secrets and of tokens, as Kestra names the parts of secrets. A secret's value comes in and never goes out."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field, SecretStr

from taxi_pipelines.api.bodies import Body, with_example
from taxi_pipelines.domain.access import AccessRole


class SecretValue(Body):
    """A secret to keep."""

    model_config = with_example(key="GITHUB_TOKEN", value="…")

    key: str = Field(pattern=r"^[A-Za-z0-9_.-]+$", max_length=255)
    value: SecretStr = Field(min_length=1)


class SecretName(Body):
    """A secret, without its value."""

    model_config = with_example(key="GITHUB_TOKEN")

    key: str


class SecretPage(Body):
    """A page of a namespace's secrets, by name, and how many there are in all."""

    model_config = with_example(readOnly=False, results=[{"key": "GITHUB_TOKEN"}], total=1)

    read_only: bool = False
    results: list[SecretName]
    total: int


class TokenOrder(Body):
    """A token to make."""

    model_config = with_example(role="viewer")

    role: AccessRole


class TokenBody(Body):
    """A token, without its text."""

    model_config = with_example(id="9f86d081", role="viewer", createdAt="2024-03-01T09:00:00Z")

    id: str
    role: AccessRole
    created_at: datetime


class NewToken(TokenBody):
    """A token that was made: its text is answered this once."""

    model_config = with_example(id="9f86d081", role="viewer", createdAt="2024-03-01T09:00:00Z", token="taxi_9f86d081_…")

    token: str
