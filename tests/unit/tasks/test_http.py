"""Requests and downloads, against a server on loopback, by real workers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.echo_server import EchoServer
from tests.support.engines import Bench, Ran, running
from tests.support.worker_tasks import one_task


@pytest.fixture(scope="module")
def server() -> Iterator[EchoServer]:
    with EchoServer() as found:
        yield found


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with running(tmp_path_factory.mktemp("home")) as found:
        yield found


def run(bench: Bench, *tasks: dict[str, Any]) -> Ran:
    return bench.finish(bench.submit(one_task(*tasks)).id, 60)


def ask(bench: Bench, uri: str, **more: Any) -> Ran:
    return run(bench, {"type": "http.request", "uri": uri, **more})


def download(bench: Bench, uri: str, **more: Any) -> Ran:
    return run(bench, {"type": "http.download", "uri": uri, **more})


def told(ran: Ran) -> dict[str, Any]:
    assert ran.states == {"t": "SUCCESS"}, ran.lines
    return dict(json.loads(ran.runs[0].outputs["body"]))


def error(ran: Ran) -> str:
    assert ran.execution.state == "FAILED"
    return ran.runs[-1].error or ""


def test_an_answer_is_an_output(bench: Bench, server: EchoServer) -> None:
    ran = ask(bench, f"{server.url}/status/201")
    outputs = ran.runs[0].outputs
    assert (outputs["code"], outputs["body"], outputs["uri"]) == (201, "it is so", f"{server.url}/status/201")
    assert outputs["headers"]["X-Two"] == ["a", "b"]
    (metric,) = bench.parts.logs.metrics(ran.execution.id)[:1]
    assert (metric.name, metric.value) == ("response.length", 8)
    assert metric.tags == {"request.method": "GET", "response.code": "201"}


def test_method_headers_parameters_and_body_are_sent(bench: Bench, server: EchoServer) -> None:
    got = told(
        ask(
            bench,
            f"{server.url}/a b?x=1",
            method="POST",
            headers={"X-Number": 7, "user-agent": "me"},
            params={"y": "ü"},
            body={"taxi": "green", "n": [1]},
        )
    )
    assert (got["method"], got["path"], got["body"]) == ("POST", "/a%20b?x=1&y=%C3%BC", '{"taxi":"green","n":[1]}')
    headers = got["headers"]
    assert (headers["x-number"], headers["user-agent"], headers["content-type"]) == ("7", "me", "application/json")


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({"auth": {"type": "BASIC", "username": "u", "password": "ü:"}}, "Basic dTrDvDo="),
        ({"basicAuthUser": "u", "basicAuthPassword": "p"}, "Basic dTpw"),
        ({"auth": {"type": "BEARER", "token": "abc"}}, "Bearer abc"),
        ({}, None),
    ],
)
def test_who_asks_is_said(bench: Bench, server: EchoServer, options: dict[str, Any], sent: str | None) -> None:
    assert told(ask(bench, server.url, options=options))["headers"].get("authorization") == sent


def test_forms_are_sent_urlencoded_or_in_parts_with_files(bench: Bench, server: EchoServer, tmp_path: Path) -> None:
    got = told(ask(bench, server.url, method="POST", formData={"a b": "ü&", "n": 1}))
    assert (got["body"], got["headers"]["content-type"]) == ("a+b=%C3%BC%26&n=1", "application/x-www-form-urlencoded")
    ran = run(
        bench,
        {"id": "file", "type": "http.download", "uri": f"{server.url}/bytes/20"},
        {
            "type": "http.request", "uri": server.url, "method": "POST", "contentType": "multipart/form-data",
            "formData": {
                "plain": "text", "map": {"x": 1}, "given": "{{ outputs.file.uri }}",
                "named": {"name": 'my "file".txt', "content": "{{ outputs.file.uri }}"},
            },
        },
    )  # fmt: skip
    got = json.loads(ran.runs[1].outputs["body"])
    boundary = got["headers"]["content-type"].partition("boundary=")[2]
    parts = [part.strip("\r\n") for part in got["body"].split(f"--{boundary}")]
    head = "Content-Disposition: form-data; name="
    file = "Content-Type: application/octet-stream\r\n\r\n" + "x" * 20
    assert parts == [
        "", f'{head}"plain"\r\n\r\ntext', f'{head}"map"\r\n\r\n{{"x": 1}}',
        f'{head}"given"; filename="20"\r\n{file}',
        f'{head}"named"; filename="my %22file%22.txt"\r\n{file}', "--",
    ]  # fmt: skip


def test_an_answer_of_400_and_more_is_a_failure_with_outputs_unless_allowed(bench: Bench, server: EchoServer) -> None:
    ran = ask(bench, f"{server.url}/status/404")
    assert error(ran) == f"{server.url}/status/404 answered 404 Not Found: it is so"
    assert ran.runs[0].outputs["code"] == 404
    for allowed in (
        {"options": {"allowFailed": True}},
        {"allowFailed": True},
        {"options": {"allowedResponseCodes": [404]}},
    ):
        assert ask(bench, f"{server.url}/status/404", **allowed).states == {"t": "SUCCESS"}
    assert "answered 200" in error(ask(bench, server.url, options={"allowedResponseCodes": [201]}))


def test_redirects_are_followed_unless_told_otherwise(bench: Bench, server: EchoServer) -> None:
    uri = f"{server.url}/to?url={server.url}/there"
    assert told(ask(bench, uri))["path"] == "/there"
    assert ask(bench, uri, options={"followRedirects": False}).runs[0].outputs["code"] == 302
    assert "is redirected without end" in error(ask(bench, f"{server.url}/circle"))


def test_a_login_is_not_handed_on_to_another_host(bench: Bench, server: EchoServer) -> None:
    there = server.url.replace("127.0.0.1", "localhost")
    got = told(ask(bench, f"{server.url}/to?url={there}/there", options={"auth": {"type": "BEARER", "token": "abc"}}))
    assert "authorization" not in got["headers"]


def test_a_download_is_a_stored_file_with_the_name_it_has(bench: Bench, server: EchoServer) -> None:
    outputs = download(bench, f"{server.url}/named").runs[0].outputs
    assert (outputs["code"], outputs["length"]) == (200, 1)
    assert outputs["uri"].endswith("/z%C3%BC%20x.csv")
    with bench.parts.files.open(outputs["uri"]) as file:
        assert file.read() == b"1"
    assert download(bench, f"{server.url}/bytes/3").runs[0].outputs["uri"].endswith("/3")
    assert download(bench, f"{server.url}/bytes/3", saveAs="../a.csv").runs[0].outputs["uri"].endswith("/a.csv")


def test_an_empty_download_is_a_failure_unless_allowed(bench: Bench, server: EchoServer) -> None:
    assert error(download(bench, f"{server.url}/bytes/0")).startswith(f"{server.url}/bytes/0 is empty")
    ran = download(bench, f"{server.url}/bytes/0", failOnEmptyResponse=False)
    assert (ran.states, ran.lines) == ({"t": "SUCCESS"}, [f"WARN t: {server.url}/bytes/0 is empty"])


def test_an_answer_that_breaks_off_is_no_file(bench: Bench, server: EchoServer) -> None:
    said = error(download(bench, f"{server.url}/short"))
    assert said.startswith(f"{server.url}/short cannot be read: ") and "10 bytes read, 90 more expected" in said


def test_size_and_time_are_limited(bench: Bench, server: EchoServer) -> None:
    assert "larger than 10,485,760 bytes; use http.download" in error(ask(bench, f"{server.url}/bytes/11000000"))
    assert "larger than 10,485,760 bytes" in error(ask(bench, f"{server.url}/gzip")), "what it says it is, unpacked"
    assert "larger than 99 bytes" in error(download(bench, f"{server.url}/bytes/100", options={"maxContentLength": 99}))
    begun = time.monotonic()
    assert "did not answer in time" in error(
        ask(bench, f"{server.url}/slow", options={"timeout": {"readIdleTimeout": "PT0.2S"}})
    )
    assert "took longer than 0.5 s" in error(ask(bench, f"{server.url}/slow", timeout="PT0.5S"))
    assert time.monotonic() - begun < 15


def test_text_is_read_as_its_headers_say(bench: Bench, server: EchoServer) -> None:
    assert ask(bench, f"{server.url}/latin").runs[0].outputs["body"] == "ü"
    ran = ask(bench, f"{server.url}/named", options={"defaultCharset": "no-such"})
    assert error(ran) == f"the answer of {server.url}/named is not no-such text; use http.download"


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("http://127.0.0.1:1/x", "http://127.0.0.1:1/x cannot be read: "),
        ("http://no-such-host.invalid/", "http://no-such-host.invalid/ cannot be read: "),
        ("http://u:geheim@127.0.0.1:1/", "http://127.0.0.1:1/ cannot be read: "),
        ("ftp://127.0.0.1/x", "'ftp://127.0.0.1/x' is not an address to ask; write http:// or https://"),
        ("no address", "'no address' is not an address to ask"),
        ("file:///etc/passwd", "'file:///etc/passwd' is not an address to ask"),
    ],
)
def test_what_cannot_be_reached_is_one_clear_line(bench: Bench, uri: str, said: str) -> None:
    found = error(ask(bench, uri))
    assert found.startswith(said)
    assert "geheim" not in found and "\n" not in found and "object at 0x" not in found and "HTTPConnection" not in found


def test_a_failed_request_is_retried_by_the_tasks_retry(bench: Bench, server: EchoServer) -> None:
    server.requests.clear()
    retry = {"type": "constant", "interval": "PT0.05S", "maxAttempts": 3}
    ran = ask(bench, f"{server.url}/status/503", retry=retry)
    assert (len(ran.runs[0].attempts), server.requests) == (3, ["GET /status/503"] * 3)


def test_private_hosts_are_refused_where_that_is_set(server: EchoServer, tmp_path: Path) -> None:
    server.requests.clear()
    with running(tmp_path, block_private_hosts=True) as bench:
        for host in ("127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]", "2130706433"):
            uri = server.url.replace("127.0.0.1", host)
            assert "TAXI_BLOCK_PRIVATE_HOSTS refuses such hosts" in error(ask(bench, uri)), host
        assert "169.254.169.254 is 169.254.169.254, an address of" in error(download(bench, "http://169.254.169.254/x"))
    assert server.requests == []


def test_a_host_that_is_rewritten_is_asked_elsewhere(server: EchoServer, tmp_path: Path) -> None:
    hosts = {"files.invalid:80": server.url.removeprefix("http://")}
    with running(tmp_path, rewrite_hosts=hosts) as bench:
        assert told(ask(bench, "http://files.invalid/a?b=c"))["path"] == "/a?b=c"
    with running(tmp_path, rewrite_hosts=hosts, block_private_hosts=True) as bench:
        assert "TAXI_BLOCK_PRIVATE_HOSTS refuses such hosts" in error(ask(bench, "http://files.invalid/"))
