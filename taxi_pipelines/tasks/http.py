"""HTTP as tasks: a request whose answer is an output, and a download whose answer is a file. The work is in `http_run`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from taxi_pipelines.task_types import DurationText, Properties, TypeSpec

_PLUGIN = "io.kestra.plugin.core.http."
_OLD = "io.kestra.plugin.fs.http."
_RUN = "taxi_pipelines.tasks.http_run:"

LARGEST_BODY = 10 << 20
"""Bytes of an answer that may become an output."""


class HttpAuth(Properties):
    """Who asks."""

    type: Literal["BASIC", "BEARER"] = Field(description="BASIC, with a name and a password, or BEARER, with a token.")
    username: str | None = Field(default=None, description="The name.")
    password: str | None = Field(default=None, description="The password.")
    token: str | None = Field(default=None, description="The token.")


class HttpTimeout(Properties):
    """How long to wait."""

    connect_timeout: DurationText = Field(default="PT30S", description="For a connection, as an ISO 8601 duration.")
    read_idle_timeout: DurationText = Field(default="PT5M", description="For the next bytes of the answer.")


class HttpProxy(Properties):
    """A server in between."""

    type: Literal["DIRECT", "HTTP"] = Field(default="HTTP", description="HTTP, or DIRECT for none.")
    address: str | None = Field(default=None, description="Its host.")
    port: int | None = Field(default=None, ge=1, le=65535, description="Its port.")
    username: str | None = Field(default=None, description="The name it wants.")
    password: str | None = Field(default=None, description="The password it wants.")


class HttpSsl(Properties):
    """How the server is known."""

    insecure_trust_all_certificates: bool = Field(default=False, description="Whether any certificate will do.")


class HttpOptions(Properties):
    """How to ask."""

    auth: HttpAuth | None = Field(default=None, description="Who asks.")
    timeout: HttpTimeout = Field(default=HttpTimeout(), description="How long to wait.")
    proxy: HttpProxy | None = Field(
        default=None, description="A server in between; that of the environment if not given."
    )
    ssl: HttpSsl = Field(default=HttpSsl(), description="How the server is known.")
    follow_redirects: bool = Field(default=True, description="Whether to go where the server points to.")
    allow_failed: bool = Field(default=False, description="Whether an answer of 400 and more will do.")
    allowed_response_codes: list[int] | None = Field(
        default=None, description="The only codes that will do; anything below 400 if not given."
    )
    default_charset: str = Field(default="UTF-8", description="How a body is written whose headers do not say.")
    max_content_length: int | None = Field(
        default=None,
        ge=1,
        description="Bytes an answer may have: 10 MiB for a request if not given, any for a download.",
    )
    connect_timeout: DurationText | None = Field(default=None, description="The old place of `timeout.connectTimeout`.")
    read_timeout: DurationText | None = Field(default=None, description="The old name of `timeout.readIdleTimeout`.")
    read_idle_timeout: DurationText | None = Field(
        default=None, description="The old place of `timeout.readIdleTimeout`."
    )
    connection_pool_idle_timeout: DurationText | None = Field(
        default=None, description="Accepted for Kestra's sake: no connection outlives its task."
    )
    basic_auth_user: str | None = Field(default=None, description="The old place of `auth.username`.")
    basic_auth_password: str | None = Field(default=None, description="The old place of `auth.password`.")


class HttpTask(Properties):
    """What requests and downloads have in common."""

    uri: str = Field(min_length=1, description="The address, http or https.")
    method: str = Field(default="GET", pattern="^[A-Za-z]+$|[{]", description="The method.")
    headers: dict[str, Any] = Field(default={}, description="Headers to send.")
    params: dict[str, Any] = Field(default={}, description="Parameters to add to the address.")
    body: Any = Field(default=None, description="What to send: text, or a structure, which is sent as JSON.")
    form_data: dict[str, Any] = Field(
        default={},
        description="A form to send. In multipart/form-data a stored file's URI, or its `name` and `content`, sends that file.",
    )
    content_type: str = Field(default="application/json", description="What the body is.")
    options: HttpOptions = Field(default=HttpOptions(), description="How to ask.")
    ssl_options: HttpSsl | None = Field(default=None, description="The old place of `options.ssl`.")
    allow_failed: bool | None = Field(default=None, description="The old place of `options.allowFailed`.")


class Request(HttpTask):
    """A request."""


class Download(HttpTask):
    """A download."""

    fail_on_empty_response: bool = Field(default=True, description="Whether an empty file is a failure.")
    save_as: str | None = Field(
        default=None,
        description="The stored file's name; the one the server says, or the address ends in, if not given.",
    )


METRICS = {"response.length": "Bytes of the answer; its tags are `request.method` and `response.code`."}

HTTP = (
    TypeSpec(
        name=f"{_PLUGIN}Request",
        aliases=(f"{_OLD}Request", "http.request"),
        title="Asks a server; its answer is an output.",
        properties=Request,
        outputs={
            "uri": "The address.",
            "code": "The code of the answer.",
            "headers": "Its headers: name → values.",
            "body": "Its text.",
        },
        metrics=METRICS,
        run=f"{_RUN}request",
        example=(
            "type: http.request\nuri: http://data.example.com/trips\nmethod: POST\nbody:\n  taxi: green\n"
            "options:\n  allowedResponseCodes: [200, 201]"
        ),
    ),
    TypeSpec(
        name=f"{_PLUGIN}Download",
        aliases=(f"{_OLD}Download", "http.download"),
        title="Downloads a file.",
        properties=Download,
        outputs={
            "uri": "The stored file's URI.",
            "code": "The code of the answer.",
            "headers": "Its headers: name → values.",
            "length": "The file's bytes.",
        },
        metrics=METRICS,
        run=f"{_RUN}download",
        repeatable=True,
        example="type: http.download\nuri: http://data.example.com/green_tripdata_2021-01.csv.gz",
    ),
)
