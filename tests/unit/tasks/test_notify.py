"""Messages to people, against servers on loopback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from taxi_pipelines.errors import UsageError
from taxi_pipelines.tasks.notify_run import notify
from taxi_pipelines.tasks.worker_context import WorkerContext
from tests.support.echo_server import EchoServer
from tests.support.engines import Bench, Ran, running
from tests.support.mail_server import MailServer
from tests.support.worker_tasks import one_task

MAIL = {
    "type": "io.kestra.plugin.notifications.mail.MailSend",
    "host": "mail.example.com",
    "transportStrategy": "SMTP",
    "from": "taxi@example.com",
    "to": ["a@example.com", "b@example.com"],
}


@pytest.fixture(scope="module")
def server() -> Iterator[EchoServer]:
    with EchoServer() as found:
        yield found


@pytest.fixture(scope="module")
def mails() -> Iterator[MailServer]:
    with MailServer() as found:
        yield found


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, mails: MailServer) -> Iterator[Bench]:
    hosts = {"mail.example.com": f"127.0.0.1:{mails.port}"}
    with running(tmp_path_factory.mktemp("home"), rewrite_hosts=hosts) as found:
        yield found


def run(bench: Bench, *tasks: dict[str, Any]) -> Ran:
    return bench.finish(bench.submit(one_task(*tasks)).id, 60)


def test_a_message_goes_to_every_url_and_those_that_fail_are_named(bench: Bench, server: EchoServer) -> None:
    place = server.url.removeprefix("http://")
    server.requests.clear()
    task = {"type": "taxi.notify", "title": "T", "body": "{{ flow.id }} is done"}
    ran = run(bench, {**task, "url": f"json://{place}/a"})
    assert (ran.runs[0].outputs, server.requests) == ({"sent": 1}, ["POST /a"]), ran.lines
    ran = run(bench, {**task, "urls": [f"json://{place}/status/500", f"json://{place}/b"]})
    assert ran.runs[0].outputs == {"sent": 1}
    assert (ran.runs[0].error or "").startswith("a message could not be sent: Failed to send JSON POST notification: ")


def test_a_url_that_apprise_does_not_know_is_not_repeated(bench: Bench) -> None:
    ran = run(bench, {"type": "notify", "url": "slacks://geheim", "body": "x"})
    said = "a URL that begins with 'slacks' is none that apprise knows, or is not complete; see the list of services"
    assert (ran.runs[0].error or "").startswith(said)


def test_without_apprise_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(UsageError, match=r'run: pip install "taxi-pipelines\[notify\]"'):
        notify({"url": "json://127.0.0.1", "body": "x"}, cast("WorkerContext", None))


def test_slack_gets_text_or_a_payload(bench: Bench, server: EchoServer) -> None:
    server.requests.clear()
    task = {"type": "io.kestra.plugin.notifications.slack.SlackIncomingWebhook", "url": f"{server.url}/hook"}
    assert run(bench, {**task, "messageText": "hello"}).states == {"t": "SUCCESS"}
    assert run(bench, {**task, "payload": '{"text": "hello"}'}).states == {"t": "SUCCESS"}
    assert server.requests == ["POST /hook"] * 2
    assert run(bench, task).runs[0].error == "there is nothing to send; give `messageText` or `payload`"
    ran = run(bench, {**task, "url": f"{server.url}/status/404", "messageText": "hello"})
    assert "answered 404 Not Found: it is so" in (ran.runs[0].error or "")


def test_a_mail_has_its_texts_and_files(bench: Bench, mails: MailServer) -> None:
    made = {"id": "made", "type": "shell.commands", "commands": ["printf 1,2 > a.csv"], "outputFiles": ["a.csv"]}
    file = {"name": "ü.csv", "uri": "{{ outputs.made.outputFiles['a.csv'] }}", "contentType": "text/csv"}
    texts = {"subject": "Grüße", "plainTextContent": "plain", "htmlTextContent": "<b>html</b>", "attachments": [file]}
    ran = run(bench, made, {**MAIL, **texts, "cc": "c@example.com"})
    assert ran.states == {"made": "SUCCESS", "t": "SUCCESS"}, ran.lines
    mail = mails.mails[-1]
    assert (mail["Subject"], mail["To"], mail["Cc"]) == ("Grüße", "a@example.com, b@example.com", "c@example.com")
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain and html
    assert (plain.get_content().strip(), html.get_content().strip()) == ("plain", "<b>html</b>")
    assert [(one.get_filename(), one.get_content()) for one in mail.iter_attachments()] == [("ü.csv", "1,2")]


def test_a_mail_that_is_refused_and_a_server_that_is_not_there_are_told_apart(bench: Bench) -> None:
    ran = run(bench, {**MAIL, "to": "nobody@example.com"})
    said = "the mail server mail.example.com refused: nobody@example.com: 550 there is no such person"
    assert ran.runs[0].error == said
    ran = run(bench, {**MAIL, "host": "127.0.0.1", "port": 1})
    assert (ran.runs[0].error or "").startswith("the mail server 127.0.0.1:1 cannot be used: [Errno 111]")


def test_private_hosts_are_refused_where_that_is_set(server: EchoServer, mails: MailServer, tmp_path: Path) -> None:
    server.requests.clear()
    place = server.url.removeprefix("http://")
    with running(tmp_path, block_private_hosts=True) as bench:
        for task in (
            {"type": "notify", "url": f"json://{place}/a", "body": "x"},
            {"type": "slack.webhook", "url": f"{server.url}/a", "messageText": "x"},
            {**MAIL, "host": "127.0.0.1", "port": mails.port},
        ):
            assert "TAXI_BLOCK_PRIVATE_HOSTS refuses such hosts" in (run(bench, task).runs[0].error or "")
    assert server.requests == []
