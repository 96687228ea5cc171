"""The loopback server answers as the CDN does, and is gone when its context ends."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from taxi_pipelines.synthetic.server import serve

CONTENT = bytes(range(256)) * 40
NAME = "green_tripdata_2021-01.parquet"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Laid out as the CDN is, with a secret beside it."""
    for place, name in (("trip-data", NAME), ("misc", "taxi_zone_lookup.csv"), ("private", "secret.txt")):
        (tmp_path / "cdn" / place).mkdir(parents=True)
        (tmp_path / "cdn" / place / name).write_bytes(CONTENT)
    (tmp_path / "secret.txt").write_bytes(CONTENT)
    return tmp_path / "cdn"


@pytest.fixture
def base(folder: Path) -> Iterator[str]:
    with serve(folder) as url:
        yield url


def get(url: str, **headers: str) -> requests.Response:
    return requests.get(url, headers={name.replace("_", "-"): value for name, value in headers.items()}, timeout=5)


def raw(base: str, request: bytes) -> bytes:
    """The answer to a request no client would send."""
    where = urlsplit(base)
    with socket.create_connection((where.hostname, where.port), timeout=5) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_a_file_comes_whole_with_its_marks(base: str, folder: Path) -> None:
    answer = get(f"{base}/trip-data/{NAME}")
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["ETag"] == f'"{hashlib.md5(CONTENT).hexdigest()}"'
    assert answer.headers["Content-Length"] == str(len(CONTENT))
    modified = parsedate_to_datetime(answer.headers["Last-Modified"])
    assert int(modified.timestamp()) == int((folder / "trip-data" / NAME).stat().st_mtime)


def test_head_tells_the_same_without_the_file(base: str) -> None:
    answer = requests.head(f"{base}/trip-data/{NAME}", timeout=5)
    assert (answer.status_code, answer.content, answer.headers["Content-Length"]) == (200, b"", str(len(CONTENT)))
    assert answer.headers["ETag"] == get(f"{base}/trip-data/{NAME}").headers["ETag"]


def test_the_zones_are_beside_the_trips(base: str) -> None:
    assert get(f"{base}/misc/taxi_zone_lookup.csv").content == CONTENT


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [("bytes=0-0", 0, 1), ("bytes=100-", 100, 10_240), ("bytes=-8", 10_232, 10_240), ("bytes=9-99999", 9, 10_240)],
)
def test_a_range_gives_its_bytes(base: str, header: str, start: int, end: int) -> None:
    answer = get(f"{base}/trip-data/{NAME}", Range=header)
    assert (answer.status_code, answer.content) == (206, CONTENT[start:end])
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(CONTENT)}"


def test_a_range_beyond_the_end_cannot_be_had(base: str) -> None:
    answer = get(f"{base}/trip-data/{NAME}", Range="bytes=10240-")
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, "bytes */10240")


@pytest.mark.parametrize("header", ["bytes=-", "bytes=1-2,5-6", "rows=1-2", "nonsense"])
def test_what_is_no_single_range_gives_the_whole_file(base: str, header: str) -> None:
    assert get(f"{base}/trip-data/{NAME}", Range=header).status_code == 200


def test_a_range_of_an_older_version_gives_the_whole_new_file(base: str, folder: Path) -> None:
    first = requests.head(f"{base}/trip-data/{NAME}", timeout=5).headers
    assert get(f"{base}/trip-data/{NAME}", Range="bytes=5-", If_Range=first["ETag"]).status_code == 206
    assert get(f"{base}/trip-data/{NAME}", Range="bytes=5-", If_Range=first["Last-Modified"]).status_code == 206
    path = folder / "trip-data" / NAME
    path.write_bytes(b"republished")
    os.utime(path, (1_600_000_000, 1_600_000_000))
    for mark in (first["ETag"], first["Last-Modified"]):
        answer = get(f"{base}/trip-data/{NAME}", Range="bytes=5-", If_Range=mark)
        assert (answer.status_code, answer.content) == (200, b"republished")
    assert answer.headers["ETag"] == f'"{hashlib.md5(b"republished").hexdigest()}"'


@pytest.mark.parametrize(
    "path", ["/trip-data/nothing.parquet", "/trip-data/", "/trip-data", "/", "/private/secret.txt", "/misc/../private/secret.txt",
             "/trip-data/../../secret.txt", "/trip-data/..%2f..%2fsecret.txt", "/trip-data//etc/passwd", "/trip-data/.."],
)  # fmt: skip
@pytest.mark.parametrize("verb", ["GET", "HEAD"])
def test_whatever_is_not_there_is_forbidden_as_on_the_cdn(base: str, path: str, verb: str) -> None:
    answer = raw(base, f"{verb} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 403 ")
    assert (b"AccessDenied" in body) == (verb == "GET")


def test_many_downloads_run_at_once(base: str) -> None:
    answers: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: answers.append(get(f"{base}/trip-data/{NAME}").content)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [CONTENT] * 8


def test_nothing_is_left_when_the_context_ends_even_with_clients_that_hang(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "trip-data" / "large.parquet").write_bytes(bytes(20_000_000))
    before = set(threading.enumerate())
    with serve(folder) as base:
        where = urlsplit(base)
        silent = socket.create_connection((where.hostname, where.port), timeout=5)
        slow = socket.create_connection((where.hostname, where.port), timeout=5)
        slow.sendall(b"GET /trip-data/large.parquet HTTP/1.1\r\nHost: x\r\n\r\n")
        assert slow.recv(100).startswith(b"HTTP/1.1 200")
    assert set(threading.enumerate()) == before
    for client in (silent, slow):
        client.close()
    with pytest.raises(requests.ConnectionError):
        get(f"{base}/trip-data/{NAME}")
    assert capfd.readouterr() == ("", "")
