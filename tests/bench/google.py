"""Google Cloud as target: what a month costs on our side. Google is the tests' fake, in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

from google.cloud import bigquery

from taxi_pipelines.domain.month import Month
from taxi_pipelines.gcp.clients import GoogleClients
from taxi_pipelines.gcp.names import BucketPath
from taxi_pipelines.gcp.setup import set_up
from taxi_pipelines.interfaces import LakeObject
from taxi_pipelines.months.extract import extract, find_offer
from taxi_pipelines.months.load import load
from taxi_pipelines.months.resources import Resources
from taxi_pipelines.pipeline import Silent
from taxi_pipelines.settings import Settings
from taxi_pipelines.taxi.types import YELLOW
from taxi_pipelines.wiring import build_resources
from tests.bench import data
from tests.bench.fake_google import Asked, FakeProcess, fake_process
from tests.bench.measure import Cost, Figure, median, run, taxi

PROJECT, BUCKET = "taxi-bench", "taxi-bench-lake"
ROUNDS = 5


class Google:
    """Measures with the lake in a bucket and the cleaned files going through it, as in production."""

    def __init__(self, folder: Path, yellow: Path) -> None:
        self.source = yellow.parent
        self.home = folder / "google-home"

    def figures(self) -> Iterator[Figure]:
        """Every figure, measured as it is asked for."""
        with fake_process() as self.fake, closing(self._clients(self.fake)) as self.clients:
            list(set_up(self.clients, bucket=BucketPath(BUCKET, "lake"), dataset="taxi"))
            yield from self.whole_run()
            yield self.staging()
            yield self.memory()

    def _clients(self, fake: FakeProcess) -> GoogleClients:
        return GoogleClients(
            project=PROJECT,
            location="US",
            credentials=None,
            impersonate=None,
            storage_emulator=fake.url,
            bigquery_emulator=fake.url,
        )

    def _run(self, kind: str, month: Month) -> tuple[Cost, Asked]:
        env = {
            "TAXI_LAKE": f"gs://{BUCKET}/lake",
            "TAXI_PROJECT": PROJECT,
            "STORAGE_EMULATOR_HOST": self.fake.url,
            "BIGQUERY_EMULATOR_HOST": self.fake.url,
        }
        flags = ["--home", str(self.home), "run", kind, str(month), "--target", "bigquery"]
        self.fake.asked()
        return run(taxi(*flags, "--source", str(self.source)), env), self.fake.asked()

    def whole_run(self) -> Iterator[Figure]:
        """A first load, whole process, and the same again."""
        self.first, asked = self._run("yellow", data.MONTH)
        _, again = self._run("yellow", data.MONTH)
        yield Figure(
            "BigQuery: API calls of one month",
            "≤ 12 besides upload chunks",
            f"{asked.bigquery} + {asked.storage}",
            f"BigQuery + Cloud Storage, besides {asked.chunks} chunks; an unchanged rerun: {again.bigquery} + {again.storage}."
            " Jobs are done at once here; each look at one that goes on is one call more",
        )
        jobs = list(self.clients.bigquery.list_jobs(all_users=True))
        billed = sum(job.total_bytes_billed or 0 for job in jobs if isinstance(job, bigquery.QueryJob))
        kinds = ", ".join(sorted(job.job_type for job in jobs))
        yield Figure("BigQuery: bytes billed for `replace`", "0", str(billed), f"jobs: {kinds}")

    def staging(self) -> Figure:
        """Reading, cleaning, checking, writing and sending a file that lies on this machine; in this process."""
        settings = Settings.load(
            home=self.home,
            source=str(self.source),
            target="bigquery",
            lake=str(self.home / "lake"),
            project=PROJECT,
            storage_emulator_host=self.fake.url,
            bigquery_emulator_host=self.fake.url,
        )
        with ExitStack() as stack:
            resources = build_resources(settings, Silent(), stack)
            item = extract(resources, YELLOW, data.MONTH, find_offer(resources, YELLOW, data.MONTH))
            measured = [_staging_cpu(resources, item, f"bench-{number}") for number in range(ROUNDS)]
        return Figure(
            f"BigQuery: cleaning and writing {data.YELLOW_ROWS:,} rows, CPU",
            "≤ 2.2 s",
            f"{median(measured):.2f} s",
            f"{min(measured):.2f} to {max(measured):.2f} s of {ROUNDS}, checking and sending included; the whole first `taxi run`:"
            f" {self.first.cpu:.2f} CPU s, {self.first.wall:.2f} s wall, {self.first.peak_mb:.0f} MB peak",
        )

    def memory(self) -> Figure:
        """A big month."""
        path = data.fhvhv_month(self.source, Month(2024, 2), 20_000_000)
        cost, asked = self._run("fhvhv", Month(2024, 2))
        path.unlink()
        return Figure(
            "BigQuery: peak memory, fhvhv, 20 M rows",
            "≤ 350 MB",
            f"{cost.peak_mb:.0f} MB",
            f"{cost.cpu:.0f} CPU s, {cost.wall:.0f} s wall; {asked.bigquery} + {asked.storage} calls, {asked.chunks} chunks",
        )


def _staging_cpu(resources: Resources, item: LakeObject, version: str) -> float:
    """CPU seconds of all threads of this process."""
    with resources.warehouse.lock(YELLOW.table, data.MONTH):
        start = time.process_time()
        load(resources, YELLOW, data.MONTH, item, version)
        took = time.process_time() - start
        resources.warehouse.discard(YELLOW.table, data.MONTH, version)
    return took
