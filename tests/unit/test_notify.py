"""Messages through apprise: to a mail server and an HTTP server on loopback."""

from __future__ import annotations

import pytest

from taxi_pipelines.errors import AlertUndelivered
from taxi_pipelines.notify import send
from tests.support.json_server import json_server
from tests.support.mail_server import MailServer

BODY = "flow: course.load\nlast log lines:\n  <b>no & markup</b> – ünï"


def test_a_mail_arrives_as_plain_text() -> None:
    with MailServer() as server:
        send(f"mailto://127.0.0.1:{server.port}?from=taxi@example.com&to=team@example.com", "FAILED: course.load", BODY)
    (mail,) = server.mails
    assert mail["Subject"] == "FAILED: course.load"
    assert mail["To"] == "team@example.com"
    text = mail.get_body(("plain",))
    assert text is not None
    assert text.get_content().replace("\r\n", "\n").strip() == BODY


def test_a_post_arrives() -> None:
    with json_server() as server:
        send(server.url, "FAILED: course.load", BODY)
    (posted,) = server.posted
    assert (posted["title"], posted["message"]) == ("FAILED: course.load", BODY)


def test_what_is_said_of_a_failure_holds_nothing_of_the_url() -> None:
    with json_server() as server:
        server.status = 500
        with pytest.raises(AlertUndelivered, match=r"it was not taken: .*500") as refused:
            send(server.url, "title", "body")
    with pytest.raises(AlertUndelivered, match="it was not taken") as unreachable:
        send(server.url, "title", "body")
    with pytest.raises(AlertUndelivered, match="none that apprise knows") as unknown:
        send("nonsense://s3cr3t-t0ken", "title", "body")
    for caught in (refused, unreachable, unknown):
        assert "s3cr3t" not in str(caught.value)
