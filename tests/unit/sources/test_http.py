"""HttpSource finds and explains, against a real web server on loopback; how it fetches is in test_download."""

from __future__ import annotations

import io
import socket
import time

import pytest

from taxi_pipelines.domain.manifest import FileFormat, Offer
from taxi_pipelines.domain.month import WHOLE, Month
from taxi_pipelines.errors import SourceUnavailable
from taxi_pipelines.sources.http import HttpSource
from taxi_pipelines.taxi.types import FHVHV, GREEN, ZONES
from tests.support.fault_server import (
    LAST_MODIFIED,
    Drop,
    FaultServer,
    Hang,
    Status,
    etag_of,
)

MONTH = Month(2021, 1)
PATH = "/trip-data/green_tripdata_2021-01.parquet"
CSV_PATH = "/trip-data/green_tripdata_2021-01.csv"
CONTENT = bytes(range(256)) * 1200
THIRD = 100_000
PARQUET = FileFormat.PARQUET


def source_at(url: str, *, retries: int = 5, wait: float = 5) -> HttpSource:
    return HttpSource(url, retries=retries, backoff=0.01, timeout=(2, wait))


def find(source: HttpSource) -> Offer:
    offer = source.find(GREEN, MONTH, PARQUET)
    assert offer
    return offer


class TestFind:
    def test_says_what_the_server_announces(self, server: FaultServer, source: HttpSource) -> None:
        server.publish(PATH, CONTENT)
        assert source.find(GREEN, MONTH, PARQUET) == Offer(
            type="green",
            month=MONTH,
            format=PARQUET,
            url=server.url + PATH,
            file_name="green_tripdata_2021-01.parquet",
            etag=etag_of(CONTENT),
            bytes=len(CONTENT),
            last_modified=LAST_MODIFIED,
        )
        assert [(request.method, request.path) for request in server.requests] == [("HEAD", PATH)]

    def test_names_the_product_and_wants_the_bytes_as_published(self, server: FaultServer, source: HttpSource) -> None:
        server.publish(PATH, CONTENT)
        find(source)
        headers = server.requests[0].headers
        assert headers["user-agent"].startswith("taxi-pipelines/")
        assert headers["accept-encoding"] == "identity"

    def test_takes_the_best_format_there_is(self, server: FaultServer, source: HttpSource) -> None:
        server.publish(CSV_PATH + ".gz", CONTENT)
        assert find(source).format is FileFormat.CSV_GZ
        server.publish(PATH, CONTENT)
        assert find(source).format is PARQUET
        offer = source.find(GREEN, MONTH, FileFormat.CSV)
        assert offer and offer.format is FileFormat.CSV_GZ

    @pytest.mark.parametrize("status", [403, 404, 410])
    def test_a_file_that_is_not_there_is_no_offer(self, server: FaultServer, source: HttpSource, status: int) -> None:
        for path in (PATH, CSV_PATH, CSV_PATH + ".gz"):
            server.script(path, Status(status), method="HEAD")
        assert source.find(GREEN, MONTH, PARQUET) is None
        assert len(server.requests) == 3

    def test_without_etag_the_mark_is_made_of_last_change_and_length(
        self, server: FaultServer, source: HttpSource
    ) -> None:
        server.publish(PATH, CONTENT, etag=None)
        assert find(source).etag == f"{LAST_MODIFIED}/{len(CONTENT)}"

    def test_without_etag_and_last_change_there_is_no_mark(self, server: FaultServer, source: HttpSource) -> None:
        server.publish(PATH, CONTENT, etag=None, last_modified=None)
        assert find(source).etag is None

    def test_an_unknown_length_is_none(self, server: FaultServer, source: HttpSource) -> None:
        server.publish(PATH, CONTENT, length=False)
        assert find(source).bytes is None

    @pytest.mark.parametrize("status", [405, 501])
    def test_a_server_without_head_is_asked_by_get(self, server: FaultServer, source: HttpSource, status: int) -> None:
        server.publish(PATH, CONTENT)
        server.script(PATH, Status(status), method="HEAD")
        offer = find(source)
        assert (offer.etag, offer.bytes) == (etag_of(CONTENT), len(CONTENT))
        assert [request.method for request in server.requests] == ["HEAD", "GET"]

    def test_the_get_instead_of_head_does_not_read_the_file(self, server: FaultServer, source: HttpSource) -> None:
        server.publish(PATH, CONTENT, heads=False)
        server.script(PATH, Hang(after=THIRD))
        began = time.monotonic()
        assert find(source).bytes == len(CONTENT)
        assert time.monotonic() - began < 1

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_a_server_in_trouble_is_asked_again(self, server: FaultServer, source: HttpSource, status: int) -> None:
        server.publish(PATH, CONTENT)
        server.script(PATH, Status(status), Status(status), method="HEAD")
        assert find(source).bytes == len(CONTENT)
        assert len(server.requests) == 3

    def test_retry_after_is_honoured(self, server: FaultServer, source: HttpSource) -> None:
        server.publish(PATH, CONTENT)
        server.script(PATH, Status(429, retry_after="1"), method="HEAD")
        began = time.monotonic()
        find(source)
        assert 1 <= time.monotonic() - began < 3

    def test_trouble_that_lasts_is_named_with_url_and_status(self, server: FaultServer) -> None:
        server.script(PATH, *[Status(503)] * 3, method="HEAD")
        source = source_at(f"{server.url}/trip-data", retries=2)
        with pytest.raises(SourceUnavailable) as caught:
            source.find(GREEN, MONTH, PARQUET)
        assert f"{server.url}{PATH} answered with status 503 Service Unavailable; " in str(caught.value)
        assert len(server.requests) == 3

    def test_another_status_is_an_error_at_once(self, server: FaultServer, source: HttpSource) -> None:
        server.script(PATH, Status(401), method="HEAD")
        with pytest.raises(SourceUnavailable, match="answered with status 401 Unauthorized"):
            source.find(GREEN, MONTH, PARQUET)
        assert len(server.requests) == 1

    def test_redirects_are_followed_and_the_offer_keeps_the_address_asked_for(
        self, server: FaultServer, source: HttpSource
    ) -> None:
        server.publish("/blob/8f3a", CONTENT)
        for method in ("HEAD", "GET"):
            server.script(PATH, Status(302, location="/blob/8f3a"), method=method)
        offer = find(source)
        assert (offer.url, offer.bytes) == (server.url + PATH, len(CONTENT))
        target = io.BytesIO()
        assert source.fetch(offer, target, lambda done, total: None) == offer
        assert target.getvalue() == CONTENT

    def test_zones_lie_beside_the_trips(self, server: FaultServer, source: HttpSource) -> None:
        assert source.find(ZONES, WHOLE, PARQUET) is None
        server.publish("/misc/taxi_zone_lookup.csv", b"beside")
        offer = source.find(ZONES, WHOLE, PARQUET)
        assert offer and offer.url == f"{server.url}/misc/taxi_zone_lookup.csv"
        server.publish("/trip-data/taxi_zone_lookup.csv", b"among")
        offer = source.find(ZONES, WHOLE, PARQUET)
        assert offer and offer.url == f"{server.url}/trip-data/taxi_zone_lookup.csv"
        assert (offer.month, offer.format) == (WHOLE, FileFormat.CSV)

    def test_credentials_in_the_address_are_used_but_not_shown(self, server: FaultServer) -> None:
        server.publish(PATH, CONTENT)
        source = source_at(f"{server.url.replace('//', '//me:secret@')}/trip-data/")
        assert source.address == f"{server.url}/trip-data"
        assert find(source).url == server.url + PATH
        assert server.requests[0].headers["authorization"].startswith("Basic ")


class TestReasons:
    """What is said where no answer comes: short, and without Python in it."""

    def reason(self, source: HttpSource) -> str:
        with pytest.raises(SourceUnavailable) as caught:
            source.find(GREEN, MONTH, PARQUET)
        assert caught.value.hint
        assert caught.value.what.startswith(f"cannot read {source.address}/green_tripdata_2021-01.parquet: ")
        return caught.value.what.rpartition(": ")[2]

    def test_nobody_listens(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        assert self.reason(source_at(f"http://127.0.0.1:{port}", retries=1)) == "the connection was refused"

    def test_the_name_is_unknown(self) -> None:
        assert self.reason(source_at("http://host.invalid", retries=0)) == "the host's name is not known"

    def test_the_address_is_not_a_url(self) -> None:
        assert self.reason(source_at("http://a..b", retries=0)) == "the address is not a URL"

    def test_no_answer_comes(self, server: FaultServer) -> None:
        server.script(PATH, Hang(after=None), Hang(after=None), method="HEAD")
        source = source_at(f"{server.url}/trip-data", retries=1, wait=0.2)
        assert self.reason(source) == "the answer did not come in time"
        assert len(server.requests) == 2

    def test_the_connection_is_dropped_before_an_answer(self, server: FaultServer) -> None:
        server.script(PATH, Drop(after=None), Drop(after=None), method="HEAD")
        assert self.reason(source_at(f"{server.url}/trip-data", retries=1)) == "the connection broke off"

    def test_the_server_does_not_speak_tls(self, server: FaultServer) -> None:
        url = server.url.replace("http:", "https:")
        assert self.reason(source_at(url, retries=0)).startswith("the secure connection failed")

    def test_redirects_lead_away_from_http(self, server: FaultServer, source: HttpSource) -> None:
        server.script(PATH, Status(302, location="ftp://host/x"), method="HEAD")
        assert self.reason(source) == "it redirects to an address that is not http"

    def test_the_proxy_is_not_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("NO_PROXY")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        assert self.reason(source_at("http://host.invalid", retries=0)) == "the proxy does not answer"

    def test_redirects_go_in_a_circle(self, server: FaultServer, source: HttpSource) -> None:
        server.script(PATH, *[Status(302, location=PATH)] * 40, method="HEAD")
        assert self.reason(source) == "it redirects in a circle"


class TestLatest:
    def test_is_the_newest_month_in_any_format(self, server: FaultServer, source: HttpSource) -> None:
        server.publish("/trip-data/green_tripdata_2020-11.parquet", CONTENT)
        server.publish("/trip-data/green_tripdata_2021-01.csv.gz", CONTENT)
        server.publish("/trip-data/green_tripdata_2021-04.parquet", CONTENT)
        assert source.latest(GREEN, Month(2021, 3), PARQUET) == MONTH

    def test_looks_back_a_year_at_most(self, server: FaultServer, source: HttpSource) -> None:
        server.publish(PATH, CONTENT)
        assert source.latest(GREEN, Month(2022, 1), PARQUET) == MONTH
        assert source.latest(GREEN, Month(2022, 2), PARQUET) is None

    def test_looks_not_before_the_first_month(self, server: FaultServer, source: HttpSource) -> None:
        assert source.latest(FHVHV, Month(2019, 3), PARQUET) is None
        assert len(server.requests) == 2 * 3
