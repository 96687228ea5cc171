"""Messages for people: `taxi.notify` for all that apprise reaches, and Kestra's types for Slack and mail; see `notify_run`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AliasChoices, Field

from taxi_pipelines.task_types import Properties, TypeSpec
from taxi_pipelines.tasks.http import HttpOptions

_RUN = "taxi_pipelines.tasks.notify_run:"


class Notify(Properties):
    """A message."""

    urls: str | list[str] = Field(
        validation_alias=AliasChoices("url", "urls"),
        description="Where to: one or several URLs as apprise writes them, best from a secret. Needs the extra `notify`.",
    )
    body: str = Field(min_length=1, description="The message.")
    title: str | None = Field(default=None, description="Its heading.")


class SlackIncomingWebhook(Properties):
    """A message for Slack."""

    url: str = Field(min_length=1, description="The webhook's address.")
    message_text: str | None = Field(default=None, description="The message.")
    payload: dict[str, Any] | str | None = Field(
        default=None, description="All that is sent, as a map or as JSON, instead of `messageText`."
    )
    options: HttpOptions = Field(default=HttpOptions(), description="How to ask.")


class MailAttachment(Properties):
    """A file to send along."""

    name: str = Field(min_length=1, description="Its name in the mail.")
    uri: str = Field(description="The stored file's URI.")
    content_type: str = Field(default="application/octet-stream", description="What it is.")


class MailSend(Properties):
    """A mail."""

    host: str = Field(min_length=1, description="The mail server.")
    port: int | None = Field(
        default=None, ge=1, le=65535, description="Its port; the usual one of `transportStrategy` if not given."
    )
    username: str | None = Field(default=None, description="The name it wants.")
    password: str | None = Field(default=None, description="The password it wants.")
    transport_strategy: Literal["SMTP", "SMTPS", "SMTP_TLS"] = Field(
        default="SMTPS", description="SMTP in the clear, SMTPS, or SMTP_TLS, which begins in the clear."
    )
    session_timeout: int = Field(default=10_000, ge=1, description="Milliseconds to wait for the server.")
    from_: str = Field(alias="from", min_length=1, description="The sender.")
    to: str | list[str] = Field(description="The receivers, as a list, or separated by commas.")
    cc: str | list[str] = Field(default=[], description="Who gets a copy.")
    subject: str = Field(default="", description="What it is about.")
    plain_text_content: str | None = Field(default=None, description="Its text.")
    html_text_content: str | None = Field(default=None, description="Its text as HTML.")
    attachments: list[MailAttachment] = Field(default=[], description="Files to send along.")


NOTIFY = (
    TypeSpec(
        name="taxi.notify",
        aliases=("notify",),
        title="Sends a message by Slack, Teams, Telegram, mail and a hundred more, through apprise.",
        properties=Notify,
        outputs={"sent": "How many of the URLs got it."},
        run=f"{_RUN}notify",
        example=(
            'type: taxi.notify\nurl: json://hooks.example.com/alerts\ntitle: "{{ flow.id }}"\n'
            'body: "{{ execution.id }} is done"'
        ),
    ),
    TypeSpec(
        name="io.kestra.plugin.slack.notifications.SlackIncomingWebhook",
        aliases=(
            "io.kestra.plugin.notifications.slack.SlackIncomingWebhook",
            "io.kestra.plugin.slack.SlackIncomingWebhook",
            "slack.webhook",
        ),
        title="Sends a message to a webhook of Slack, or of what understands the same.",
        properties=SlackIncomingWebhook,
        run=f"{_RUN}slack",
        example='type: slack.webhook\nurl: http://hooks.example.com/services/T0/B0/x\nmessageText: "{{ flow.id }} is done"',
    ),
    TypeSpec(
        name="io.kestra.plugin.email.MailSend",
        aliases=("io.kestra.plugin.notifications.mail.MailSend", "mail.send"),
        title="Sends a mail.",
        properties=MailSend,
        run=f"{_RUN}mail",
        example=(
            "type: mail.send\nhost: mail.example.com\nport: 25\ntransportStrategy: SMTP\nfrom: taxi@example.com\n"
            'to: [data@example.com]\nsubject: "{{ flow.id }}"\nplainTextContent: The month is loaded.'
        ),
    ),
)
"""Every type that tells people something."""
