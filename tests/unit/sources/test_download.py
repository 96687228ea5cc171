"""HttpSource fetches: one file over a connection that breaks, from a real web server on loopback that fails as told."""

from __future__ import annotations

import io
import threading

import pytest

from taxi_pipelines.domain.manifest import FileFormat, Offer
from taxi_pipelines.domain.month import Month
from taxi_pipelines.errors import SourceCorrupt, SourceMissing, SourceUnavailable
from taxi_pipelines.sources.http import HttpSource
from taxi_pipelines.taxi.types import GREEN
from tests.support.fault_server import (
    LAST_MODIFIED,
    PAGE,
    Drop,
    FaultServer,
    Hang,
    Headers,
    Length,
    Page,
    Republish,
    Status,
    etag_of,
)

MONTH = Month(2021, 1)
PATH = "/trip-data/green_tripdata_2021-01.parquet"
CONTENT = bytes(range(256)) * 1200
OTHER = CONTENT[::-1][:200_000]
HALF = len(CONTENT) // 2
THIRD = 100_000
PARQUET = FileFormat.PARQUET


def source_at(url: str, *, retries: int = 5, wait: float = 5) -> HttpSource:
    return HttpSource(url, retries=retries, backoff=0.01, timeout=(2, wait))


def ignore(done: int, total: int | None) -> None:
    """An `Advance` that nobody watches."""


def find(source: HttpSource) -> Offer:
    offer = source.find(GREEN, MONTH, PARQUET)
    assert offer
    return offer


def fetch(source: HttpSource, offer: Offer | None = None) -> tuple[bytes, Offer]:
    target = io.BytesIO()
    served = source.fetch(offer or find(source), target, ignore)
    return target.getvalue(), served


def ranges(server: FaultServer) -> list[str | None]:
    return [request.range for request in server.asked("GET")]


class TestFetch:
    def test_writes_the_published_bytes_and_tells_how_far_it_is(self, server: FaultServer, source: HttpSource) -> None:
        server.publish(PATH, CONTENT)
        offer = find(source)
        told: list[tuple[int, int | None]] = []
        target = io.BytesIO()
        assert source.fetch(offer, target, lambda done, total: told.append((done, total))) == offer
        assert target.getvalue() == CONTENT
        assert told[0] == (0, len(CONTENT)) and told[-1] == (len(CONTENT), len(CONTENT))
        assert [done for done, _ in told] == sorted(done for done, _ in told)

    def test_dropped_twice_it_asks_only_for_what_is_missing(self, server: FaultServer, source: HttpSource) -> None:
        server.publish(PATH, CONTENT)
        server.script(PATH, Drop(after=HALF), Drop(after=HALF // 2))
        content, served = fetch(source)
        assert content == CONTENT
        assert served.bytes == len(CONTENT)
        assert ranges(server) == [None, f"bytes={HALF}-", f"bytes={HALF + HALF // 2}-"]
        assert {request.headers.get("if-range") for request in server.asked("GET")[1:]} == {etag_of(CONTENT)}

    def test_a_flaky_line_gets_through_as_long_as_bytes_come(self, server: FaultServer) -> None:
        server.publish(PATH, CONTENT)
        server.script(PATH, *[Drop(after=30_000)] * 9)
        assert fetch(source_at(f"{server.url}/trip-data", retries=1))[0] == CONTENT
        assert len(server.asked("GET")) == 10

    def test_a_line_that_brings_nothing_is_given_up(self, server: FaultServer) -> None:
        server.publish(PATH, CONTENT)
        server.script(PATH, Drop(after=THIRD), *[Drop(after=0)] * 3)
        with pytest.raises(SourceUnavailable) as caught:
            fetch(source_at(f"{server.url}/trip-data", retries=2))
        assert "the connection broke off (100,000 of 307,200 bytes arrived); " in str(caught.value)
        assert server.url + PATH in str(caught.value)
        assert len(server.asked("GET")) == 4

    def test_a_line_that_falls_silent_is_resumed(self, server: FaultServer) -> None:
        server.publish(PATH, CONTENT)
        server.script(PATH, Hang(after=HALF))
        assert fetch(source_at(f"{server.url}/trip-data", wait=0.3))[0] == CONTENT
        assert ranges(server) == [None, f"bytes={HALF}-"]

    def test_a_server_in_trouble_while_resuming_is_asked_again(self, server: FaultServer, source: HttpSource) -> None:
        server.publish(PATH, CONTENT)
        server.script(PATH, Drop(after=HALF), Status(503), Drop(after=None))
        assert fetch(source)[0] == CONTENT
        assert ranges(server) == [None, *[f"bytes={HALF}-"] * 3]

    def test_refused_while_resuming_it_says_what_had_arrived(self, server: FaultServer) -> None:
        server.publish(PATH, CONTENT)
        server.script(PATH, Drop(after=THIRD), Status(500), Status(500))
        with pytest.raises(SourceUnavailable, match=r"status 500 .*\(100,000 of 307,200 bytes arrived\)"):
            fetch(source_at(f"{server.url}/trip-data", retries=1))

    def test_without_ranges_it_begins_anew(self, server: FaultServer, source: HttpSource) -> None:
        server.publish(PATH, CONTENT, ranges=False)
        server.script(PATH, Drop(after=HALF))
        assert fetch(source)[0] == CONTENT
        assert ranges(server) == [None, f"bytes={HALF}-"]

    def test_without_ranges_ever_the_same_half_is_no_progress(self, server: FaultServer) -> None:
        server.publish(PATH, CONTENT, ranges=False)
        server.script(PATH, *[Drop(after=HALF)] * 9)
        with pytest.raises(SourceUnavailable, match=r"153,600 of 307,200 bytes"):
            fetch(source_at(f"{server.url}/trip-data", retries=2))
        assert len(server.asked("GET")) == 4

    def test_changed_midway_it_is_the_new_file_as_a_whole(self, server: FaultServer, source: HttpSource) -> None:
        server.publish(PATH, CONTENT)
        server.script(PATH, Drop(after=HALF), Republish(OTHER))
        content, served = fetch(source)
        assert content == OTHER
        assert (served.etag, served.bytes) == (etag_of(OTHER), len(OTHER))
        assert ranges(server) == [None, f"bytes={HALF}-"]

    def test_changed_since_it_was_found_it_is_offered_as_served(self, server: FaultServer, source: HttpSource) -> None:
        server.publish(PATH, CONTENT)
        server.script(PATH, Republish(OTHER))
        content, served = fetch(source)
        assert content == OTHER
        assert (served.etag, served.bytes) == (etag_of(OTHER), len(OTHER))

    def test_a_weak_etag_does_not_vouch_for_a_part(self, server: FaultServer, source: HttpSource) -> None:
        server.publish(PATH, CONTENT, etag='W/"1"')
        server.script(PATH, Drop(after=HALF))
        assert fetch(source)[0] == CONTENT
        assert server.asked("GET")[1].headers["if-range"] == LAST_MODIFIED

    def test_without_etag_the_last_change_vouches(self, server: FaultServer, source: HttpSource) -> None:
        server.publish(PATH, CONTENT, etag=None)
        server.script(PATH, Drop(after=HALF))
        content, served = fetch(source)
        assert content == CONTENT
        assert served.etag == f"{LAST_MODIFIED}/{len(CONTENT)}"
        assert server.asked("GET")[1].headers["if-range"] == LAST_MODIFIED

    def test_with_nothing_to_vouch_it_begins_anew(self, server: FaultServer, source: HttpSource) -> None:
        server.publish(PATH, CONTENT, etag=None, last_modified=None)
        server.script(PATH, Drop(after=HALF))
        assert fetch(source)[0] == CONTENT
        assert ranges(server) == [None, None]

    @pytest.mark.parametrize(
        "instead",
        [
            {"Content-Range": "bytes 7-99/307200"},
            {"Content-Range": None},
            {"ETag": '"another"'},
        ],
        ids=["another part", "a part it does not name", "a part of another version"],
    )
    def test_a_part_not_asked_for_is_not_appended(
        self, server: FaultServer, source: HttpSource, instead: dict[str, str | None]
    ) -> None:
        server.publish(PATH, CONTENT)
        server.script(PATH, Drop(after=HALF), Headers(instead=instead))
        assert fetch(source)[0] == CONTENT
        assert ranges(server) == [None, f"bytes={HALF}-", None]

    def test_without_a_length_it_takes_all_there_is(self, server: FaultServer, source: HttpSource) -> None:
        server.publish(PATH, CONTENT, length=False)
        content, served = fetch(source)
        assert (content, served.bytes) == (CONTENT, len(CONTENT))

    def test_a_length_too_long_is_given_up_with_both_numbers(self, server: FaultServer) -> None:
        server.publish(PATH, CONTENT)
        server.script(PATH, Length(by=10), Length(by=10), Length(by=10), Length(by=10), Length(by=10))
        with pytest.raises(SourceUnavailable, match=r"\(307,200 of 307,210 bytes arrived\)"):
            fetch(source_at(f"{server.url}/trip-data", retries=2))

    def test_a_length_too_long_once_is_mended(self, server: FaultServer, source: HttpSource) -> None:
        server.publish(PATH, CONTENT)
        server.script(PATH, Length(by=10))
        content, served = fetch(source)
        assert (content, served.bytes) == (CONTENT, len(CONTENT))
        assert ranges(server) == [None, f"bytes={len(CONTENT)}-", None]

    @pytest.mark.parametrize("etag", [etag_of(CONTENT), None])
    def test_a_length_too_short_is_no_whole_file(
        self, server: FaultServer, source: HttpSource, etag: str | None
    ) -> None:
        server.publish(PATH, CONTENT, etag=etag)
        server.script(PATH, Length(by=-10))
        with pytest.raises(SourceCorrupt, match=r"has 307,190 bytes, but 307,200 were announced"):
            fetch(source)

    def test_a_server_that_announces_nothing_but_zero_is_believed_at_get(
        self, server: FaultServer, source: HttpSource
    ) -> None:
        server.publish(PATH, CONTENT)
        server.script(PATH, Headers(instead={"Content-Length": "0"}), method="HEAD")
        assert fetch(source)[0] == CONTENT

    @pytest.mark.parametrize("status", [403, 404, 410])
    def test_gone_since_it_was_found_is_missing(self, server: FaultServer, source: HttpSource, status: int) -> None:
        server.publish(PATH, CONTENT)
        server.script(PATH, Status(status))
        with pytest.raises(SourceMissing, match=f"{PATH} is not there \\(status {status}\\)"):
            fetch(source)

    def test_a_web_page_is_handed_on_as_it_is(self, server: FaultServer, source: HttpSource) -> None:
        server.publish(PATH, CONTENT)
        server.script(PATH, Page())
        content, served = fetch(source)
        assert (content, served.etag) == (PAGE, None)

    def test_bytes_called_encoded_are_not_decoded(self, server: FaultServer, source: HttpSource) -> None:
        server.publish(PATH, CONTENT)
        server.script(PATH, Headers(instead={"Content-Encoding": "gzip"}))
        assert fetch(source)[0] == CONTENT

    def test_broken_off_by_whoever_watches_it_stops(self, server: FaultServer, source: HttpSource) -> None:
        server.publish(PATH, CONTENT)

        def stop(done: int, total: int | None) -> None:
            if done:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            source.fetch(find(source), io.BytesIO(), stop)
        assert len(server.asked("GET")) == 1

    def test_errors_of_the_target_are_not_taken_for_the_connection_s(
        self, server: FaultServer, source: HttpSource
    ) -> None:
        class Full(io.BytesIO):
            def write(self, data: object, /) -> int:
                raise OSError(28, "No space left on device")

        server.publish(PATH, CONTENT)
        with pytest.raises(OSError, match="No space left"):
            source.fetch(find(source), Full(), ignore)
        assert len(server.asked("GET")) == 1

    def test_threads_may_share_a_source(self, server: FaultServer, source: HttpSource) -> None:
        paths = [f"/trip-data/green_tripdata_2021-{month:02d}.parquet" for month in range(1, 9)]
        for index, path in enumerate(paths):
            server.publish(path, CONTENT[index:])
            server.script(path, Drop(after=THIRD))
        got: dict[int, bytes] = {}

        def work(index: int) -> None:
            offer = source.find(GREEN, MONTH.plus(index), PARQUET)
            assert offer
            got[index] = fetch(source, offer)[0]

        threads = [threading.Thread(target=work, args=(index,)) for index in range(len(paths))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert got == {index: CONTENT[index:] for index in range(len(paths))}
