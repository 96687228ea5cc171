"""What the types that tell people something do, in a worker."""

from __future__ import annotations

import json
import logging
import smtplib
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from importlib import import_module
from pathlib import Path
from typing import Any

from taxi_pipelines.errors import TaskFailed, TransientError, UsageError
from taxi_pipelines.tasks.hosts import rewritten, rewritten_url
from taxi_pipelines.tasks.http_hosts import check_host
from taxi_pipelines.tasks.http_run import request
from taxi_pipelines.tasks.notify import MailSend, Notify, SlackIncomingWebhook
from taxi_pipelines.tasks.worker_context import WorkerContext
from taxi_pipelines.tasks.working_files import private_folder

_PORTS = {"SMTP": 25, "SMTPS": 465, "SMTP_TLS": 587}


def notify(values: Mapping[str, Any], context: WorkerContext) -> Mapping[str, Any]:
    """Sends it to one URL after the other; all are tried. Raises TaskFailed where one of them failed."""
    it = Notify.model_validate(values)
    urls = [it.urls] if isinstance(it.urls, str) else it.urls
    apprise = _apprise()
    places = [_place(apprise, url, context) for url in urls]
    failed = []
    for place in places:
        with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as said:
            if not place.notify(body=it.body, title=it.title or ""):
                failed.append(" ".join(said.getvalue().split()) or f"{place[0].service_name} did not take it")
    outputs = {"sent": len(places) - len(failed)}
    if failed:
        raise TaskFailed(f"a message could not be sent: {'; '.join(failed)}", outputs=outputs)
    return outputs


def slack(values: Mapping[str, Any], context: WorkerContext) -> Mapping[str, Any]:
    """Sends the payload."""
    it = SlackIncomingWebhook.model_validate(values)
    payload = it.payload or (it.message_text and {"text": it.message_text})
    if not payload:
        raise UsageError("there is nothing to send", "give `messageText` or `payload`")
    options = it.options.model_dump(mode="json", by_alias=True, exclude_unset=True)
    body = payload if isinstance(payload, str) else json.dumps(payload)
    request({"uri": it.url, "method": "POST", "body": body, "options": options}, context)
    return {}


def mail(values: Mapping[str, Any], context: WorkerContext) -> Mapping[str, Any]:
    """Sends the mail. Raises TransientError where the server does not answer, TaskFailed where it refuses."""
    it = MailSend.model_validate(values)
    host, port = rewritten(it.host, it.port or _PORTS[it.transport_strategy], context.rewrite_hosts)
    if context.block_private_hosts:
        check_host(host)
    with private_folder(context.folder) as private:
        message = _message(it, context, private)
    kind = smtplib.SMTP_SSL if it.transport_strategy == "SMTPS" else smtplib.SMTP
    try:
        with kind(host, port or 0, timeout=it.session_timeout / 1000) as server:
            if it.transport_strategy == "SMTP_TLS":
                server.starttls()
            if it.username is not None:
                server.login(it.username, it.password or "")
            server.send_message(message)
    except smtplib.SMTPException as error:
        raise TaskFailed(f"the mail server {it.host} refused: {_refusal(error)}", outputs={}) from error
    except OSError as error:
        raise TransientError(
            f"the mail server {it.host}:{port} cannot be used: {error}", "give the task a `retry`"
        ) from error
    return {}


def _apprise() -> Any:
    try:
        return import_module("apprise")
    except ModuleNotFoundError as error:
        raise UsageError(
            "the packages for notifications are not installed", 'run: pip install "taxi-pipelines[notify]"'
        ) from error


def _place(apprise: Any, url: str, context: WorkerContext) -> Any:
    """Where a URL leads to. Raises UsageError, without the URL: there is a secret in most of them."""
    found = apprise.Apprise()
    if not found.add(rewritten_url(url, context.rewrite_hosts)):
        kind = url.partition(":")[0][:20]
        raise UsageError(
            f"a URL that begins with {kind!r} is none that apprise knows, or is not complete",
            "see the list of services in apprise's documentation",
        )
    if context.block_private_hosts:
        for name in ("host", "smtp_host"):
            if host := getattr(found[0], name, None):
                check_host(str(host))
    return found


def _message(it: MailSend, context: WorkerContext, private: Path) -> EmailMessage:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = it.subject, it.from_, _listed(it.to)
    if it.cc:
        message["Cc"] = _listed(it.cc)
    message.set_content(it.plain_text_content or "")
    if it.html_text_content is not None:
        message.add_alternative(it.html_text_content, subtype="html")
    for attachment in it.attachments:
        main, _, sub = attachment.content_type.partition("/")
        context.fetch_file(attachment.uri, private / "attachment")
        data = (private / "attachment").read_bytes()
        message.add_attachment(data, maintype=main, subtype=sub or "octet-stream", filename=attachment.name)
    return message


def _listed(names: str | Sequence[str]) -> str:
    return names if isinstance(names, str) else ", ".join(names)


def _refusal(error: smtplib.SMTPException) -> str:
    match error:
        case smtplib.SMTPRecipientsRefused(recipients=refused):
            return ", ".join(f"{name}: {code} {_text(said)}" for name, (code, said) in refused.items())
        case smtplib.SMTPResponseException(smtp_code=code, smtp_error=said):
            return f"{code} {_text(said)}"
    return str(error)


def _text(said: bytes | str) -> str:
    return said if isinstance(said, str) else said.decode("utf-8", "replace")
