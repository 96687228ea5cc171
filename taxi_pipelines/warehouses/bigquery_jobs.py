"""Jobs that are never done twice: their ids are made of what they do, so that BigQuery itself refuses the second one.

A job whose answer was lost is asked for by its id. A job that failed for a reason Google calls passing is tried again under the
next attempt's id. Whoever breaks off the waiting, cancels the job.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from google.api_core import exceptions as api
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY

from taxi_pipelines.errors import PipelineError
from taxi_pipelines.warehouses.bigquery_errors import (
    DRIVER_ERRORS,
    RETRYABLE,
    bigquery_errors,
    job_error,
    worth_repeating,
)
from taxi_pipelines.warehouses.bigquery_names import Names, VersionKey

ATTEMPTS = 4
TIMEOUT = 60.0
"""Seconds for one answer."""

RETRY = DEFAULT_RETRY.with_delay(initial=0.2, maximum=10.0).with_timeout(120.0)
"""For calls that may be made twice: all but the making of jobs."""

_PAUSES = (0.2, 1.0, 3.0)
"""Seconds between attempts."""

FIRST_POLL, LONGEST_POLL = 0.5, 5.0
"""Seconds between asking what became of a job. Loading a month takes 5 to 20."""


NO_RETRY: Any = None
"""For calls that make jobs. The client takes it, though its types do not say so."""

Job = Any
"""A job of the client, of whatever kind."""

Submit = Callable[[str], Job]
"""Makes a job of the id it is given; called again only if there is none of that id. It does not retry by itself."""


class Jobs:
    """The jobs of one warehouse, all in one location."""

    def __init__(self, client: Callable[[], bigquery.Client], names: Callable[[], Names], location: str) -> None:
        self._client = client
        self._names = names
        self._location = location

    def run(self, step: str, version: VersionKey, submit: Submit, *, refused: type[PipelineError]) -> Job:
        """The finished job. Raises `refused` with the job's own words, WarehouseUnavailable, WarehouseRefused."""
        for attempt in range(1, ATTEMPTS + 1):
            job = self._attempt(self._names().job_id(step, version, attempt), submit, str(version))
            failure = job.error_result
            if not failure:
                return job
            if failure.get("reason") not in RETRYABLE or attempt == ATTEMPTS:
                raise job_error(str(version), [failure, *(job.errors or ())], refused)
            time.sleep(_PAUSES[attempt - 1])
        raise AssertionError("unreachable")

    def done_at(self, step: str, version: VersionKey) -> datetime | None:
        """When the step was done, by whomever; None where it was not. Waits for it where it is under way."""
        for attempt in range(1, ATTEMPTS + 1):
            with bigquery_errors(str(version)):
                job = self._find(self._names().job_id(step, version, attempt))
                if job is None:
                    return None
                self._wait(job)
            if not job.error_result:
                return job.ended
        return None

    def _attempt(self, job_id: str, submit: Submit, place: str) -> Job:
        try:
            with bigquery_errors(place):
                job = self._submitted(job_id, submit)
                self._wait(job)
        except PipelineError:
            raise
        except BaseException:
            self._cancel(job_id)
            raise
        return job

    def _submitted(self, job_id: str, submit: Submit) -> Job:
        """The job of that id: made now, or before, if its answer was lost."""
        for pause in (*_PAUSES, None):
            try:
                return submit(job_id)
            except DRIVER_ERRORS as error:
                if not (isinstance(error, api.Conflict) or worth_repeating(error)):
                    raise
                if found := self._find(job_id):
                    return found
                if pause is None:
                    raise
                time.sleep(pause)
        raise AssertionError("unreachable")

    def _wait(self, job: Job) -> None:
        for pause in _polls():
            if job.state == "DONE":
                return
            time.sleep(pause)
            job.reload(retry=RETRY, timeout=TIMEOUT)

    def _find(self, job_id: str) -> Job | None:
        try:
            return self._get(job_id)
        except api.NotFound:
            return None

    def _get(self, job_id: str) -> Job:
        return self._client().get_job(job_id, location=self._location, retry=RETRY, timeout=TIMEOUT)

    def _cancel(self, job_id: str) -> None:
        with suppress(*DRIVER_ERRORS):
            self._client().cancel_job(job_id, location=self._location, retry=NO_RETRY, timeout=TIMEOUT)


def _polls() -> Iterator[float]:
    pause = FIRST_POLL
    while True:
        yield pause
        pause = min(pause * 2, LONGEST_POLL)
