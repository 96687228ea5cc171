from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.cloud import bigquery as google

from taxi_pipelines.domain.month import Month
from taxi_pipelines.errors import WarehouseRefused, WarehouseUnavailable
from taxi_pipelines.warehouses import bigquery_jobs
from taxi_pipelines.warehouses.bigquery_jobs import NO_RETRY, Jobs
from taxi_pipelines.warehouses.bigquery_names import MonthKey, Names, VersionKey
from tests.support import bigquery
from tests.support.google.faults import LoseAnswer, Refuse

RETRYABLE = [
    "rateLimitExceeded", "backendError", "internalError", "jobBackendError", "jobInternalError", "jobRateLimitExceeded",
]  # fmt: skip


class Copies:
    """Copy jobs from one table of a dataset to another."""

    def __init__(self, dataset: str) -> None:
        self.names = Names(project=bigquery.PROJECT, dataset=dataset)
        self.version = VersionKey(month=MonthKey(table="green_tripdata", partition=Month(2021, 1)), version="v1")
        self.jobs = Jobs(bigquery.client, lambda: self.names, bigquery.LOCATION)
        self.asked: list[str] = []
        fields = [google.SchemaField("a", "INTEGER")]
        bigquery.client().create_table(google.Table(self.names.main.table("source"), schema=fields))

    def run(self) -> Any:
        return self.jobs.run("copy", self.version, self.submit, refused=WarehouseRefused)

    def submit(self, job_id: str) -> Any:
        self.asked.append(job_id)
        return bigquery.client().copy_table(
            self.names.main.table("source"), self.names.main.table("copy"), job_id=job_id,
            location=bigquery.LOCATION, retry=NO_RETRY, timeout=10,
        )  # fmt: skip

    def made(self) -> list[str]:
        """Ids of the jobs there are."""
        return [job.job_id for job in bigquery.client().list_jobs() if self.names.dataset in job.job_id]


@pytest.fixture
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Copies]:
    monkeypatch.setattr(bigquery_jobs, "_PAUSES", (0.0, 0.0, 0.0))
    made = Copies(bigquery.dataset_of(tmp_path))
    state = bigquery.fake().bigquery
    yield made
    state.jobs.polls = 0
    state.jobs.release()
    bigquery.fake().faults.clear()


def job_id(copies: Copies, attempt: int) -> str:
    return copies.names.job_id("copy", copies.version, attempt)


def test_a_job_is_made_once_and_waited_for(copies: Copies) -> None:
    bigquery.fake().bigquery.jobs.polls = 2
    assert copies.run().state == "DONE"
    assert copies.made() == [job_id(copies, 1)]


def test_work_that_was_done_before_is_found_and_not_done_again(copies: Copies) -> None:
    copies.run()
    bigquery.client().delete_table(copies.names.main.table("copy"))
    copies.run()
    assert copies.made() == [job_id(copies, 1)]
    assert [table.table_id for table in bigquery.client().list_tables(copies.names.main)] == ["source"]


@pytest.mark.parametrize(
    "fault", [LoseAnswer(), Refuse(503), Refuse(500, "internalError"), Refuse(403, "rateLimitExceeded")]
)
def test_a_job_whose_answer_was_lost_is_asked_for_by_its_id(copies: Copies, fault: Any) -> None:
    bigquery.fake().faults.on("POST", "/jobs", fault)
    assert copies.run().state == "DONE"
    assert copies.made() == [job_id(copies, 1)]
    assert len(copies.asked) == (1 if isinstance(fault, LoseAnswer) else 2)


@pytest.mark.parametrize("reason", RETRYABLE)
def test_a_passing_failure_is_tried_again_under_the_next_attempt_s_id(copies: Copies, reason: str) -> None:
    bigquery.fake().bigquery.jobs.fail("copy", reason)
    copies.run()
    assert sorted(copies.made()) == [job_id(copies, 1), job_id(copies, 2)]
    assert copies.jobs.done_at("copy", copies.version)


def test_it_is_tried_four_times_and_not_more(copies: Copies) -> None:
    bigquery.fake().bigquery.jobs.fail("copy", "backendError", times=4)
    with pytest.raises(WarehouseUnavailable, match=r"more often than we retry \(backendError, as the test wished\)"):
        copies.run()
    assert len(copies.made()) == 4
    assert not copies.jobs.done_at("copy", copies.version)


@pytest.mark.parametrize("reason", ["invalid", "accessDenied", "quotaExceeded", "resourcesExceeded", "notFound"])
def test_any_other_failure_is_told_at_once_in_the_job_s_own_words(copies: Copies, reason: str) -> None:
    bigquery.fake().bigquery.jobs.fail("copy", reason, "such and such")
    with pytest.raises(WarehouseRefused, match=r"green_tripdata 2021-01 version v1.*such and such"):
        copies.run()
    assert len(copies.made()) == 1


def test_a_refused_call_is_told_at_once(copies: Copies) -> None:
    bigquery.fake().faults.on("POST", "/jobs", Refuse(403, "accessDenied", "no right to bigquery.jobs.create"))
    with pytest.raises(WarehouseRefused, match=r"no right to bigquery\.jobs\.create"):
        copies.run()
    assert copies.made() == []


def test_whoever_stops_waiting_cancels_the_job(copies: Copies, monkeypatch: pytest.MonkeyPatch) -> None:
    state = bigquery.fake().bigquery
    state.jobs.hold("copy")

    class Interrupted:
        @staticmethod
        def sleep(seconds: float) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr(bigquery_jobs, "time", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        copies.run()
    assert job_id(copies, 1) in state.jobs.cancelled
    monkeypatch.undo()
    assert not copies.jobs.done_at("copy", copies.version)


def test_a_job_under_way_is_waited_for_before_it_is_said_what_came_of_it(copies: Copies) -> None:
    bigquery.fake().bigquery.jobs.polls = 3
    copies.submit(job_id(copies, 1))
    assert copies.jobs.done_at("copy", copies.version)


def test_of_work_that_was_never_begun_nothing_is_known(copies: Copies) -> None:
    assert not copies.jobs.done_at("copy", copies.version)
