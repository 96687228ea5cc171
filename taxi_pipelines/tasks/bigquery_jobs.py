"""BigQuery jobs of a task run, none of which is done twice (S13).

A job's id is made of the task run and of what the job is to do, and a number: BigQuery refuses a second job of an id. So a job
whose answer was lost is found again, also by the next attempt, after a worker or an engine died; only one that failed is
followed by the next number. Whoever stops waiting cancels the job.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

import requests
from google.api_core import exceptions as api
from google.auth import exceptions as auth
from google.cloud import bigquery
from pydantic import TypeAdapter

from taxi_pipelines.domain.records import Level
from taxi_pipelines.errors import PipelineError, QueryFailed, TransientError, WarehouseRefused
from taxi_pipelines.gcp.errors import api_message, is_transient, translated
from taxi_pipelines.tasks.bigquery_properties import BigQueryTask, RetryAuto
from taxi_pipelines.tasks.google_access import HINT
from taxi_pipelines.tasks.worker_context import WorkerContext

RETRY = bigquery.DEFAULT_RETRY.with_timeout(120.0)
"""For calls that may be made twice: all but the making of jobs."""
NO_RETRY: Any = None
TIMEOUT = 60.0
"""Seconds for one answer."""

DRIVER_ERRORS = (api.GoogleAPIError, auth.GoogleAuthError, requests.RequestException)

_FIRST_POLL, _LONGEST_POLL = 0.1, 5.0
_LOST_PAUSES = (0.2, 1.0, 3.0)
_PLACE = re.compile(r"\bJob [^\s:]+:([A-Za-z0-9-]+)\.")
_LABEL = re.compile(r"[^a-z0-9_-]+")
_DURATION: TypeAdapter[timedelta] = TypeAdapter(timedelta)

Job = Any
"""A job of the client, of whatever kind."""

Submit = Callable[[str], Job]
"""Makes a job of the id it is given, once; does not retry by itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Jobs:
    """The jobs of one task run."""

    client: bigquery.Client
    it: BigQueryTask
    context: WorkerContext

    def run(self, configuration: Mapping[str, Any], submit: Submit) -> Job:
        """The finished job. Raises QueryFailed with the job's own words, TransientError, WarehouseRefused."""
        key = self._key(configuration)
        pauses = pauses_of(self.it.retry_auto, Random(key))
        number = 0
        while True:
            number += 1
            job, is_new = self._attempt(f"{key}_{number}", submit)
            failures = [failure for failure in (job.error_result, *(job.errors or ())) if failure]
            if not job.error_result:
                return job
            if not is_new:
                continue
            pause = next(pauses, None) if self._may_be_repeated(failures) else None
            if pause is None:
                raise job_failure(job.job_id, failures)
            self.context.log(Level.WARN, f"job {job.job_id} failed, trying again: {_said(failures)}")
            time.sleep(pause)

    def labels(self, given: Mapping[str, str]) -> dict[str, str]:
        """The job's labels: whose it is, and those given. https://cloud.google.com/bigquery/docs/labels-intro"""
        identity = self.context.identity
        names = ("namespace", "flow_id", "execution_id", "task_id")
        own = {f"taxi_{name}": _LABEL.sub("_", identity[name].lower())[:63] for name in names}
        return own | {key: str(value) for key, value in given.items()}

    def _key(self, configuration: Mapping[str, Any]) -> str:
        """The same for the same work of the same task run."""
        text = json.dumps(configuration, sort_keys=True, default=str)
        identity = self.context.identity
        work = hashlib.sha256(text.encode()).hexdigest()[:12]
        return f"taxi_{identity['execution_id']}_{identity['task_run_id']}_{work}"

    def _may_be_repeated(self, failures: list[Mapping[str, Any]]) -> bool:
        reasons = {str(failure.get("reason")) for failure in failures}
        said = _said(failures).lower()
        return bool(reasons & set(self.it.retry_reasons)) or any(
            text.lower() in said for text in self.it.retry_messages
        )

    def _attempt(self, job_id: str, submit: Submit) -> tuple[Job, bool]:
        """The job of that id, finished, and whether it was made just now."""
        location = self.client.location
        try:
            with call_errors(job_id):
                job, is_new = self._submitted(job_id, submit)
                location = job.location
                self._wait(job)
                return job, is_new
        except PipelineError:
            raise
        except BaseException:
            with suppress(*DRIVER_ERRORS):
                self.client.cancel_job(job_id, location=location, retry=NO_RETRY, timeout=TIMEOUT)
            raise

    def _submitted(self, job_id: str, submit: Submit) -> tuple[Job, bool]:
        """Where the answer is lost, the job is made again, and BigQuery says whether it is there already."""
        is_new = False
        for pause in (*_LOST_PAUSES, None):
            try:
                return submit(job_id), True
            except api.Conflict as error:
                place = _PLACE.search(str(error))
                location = place[1] if place else self.client.location
                return self.client.get_job(job_id, location=location, retry=RETRY, timeout=TIMEOUT), is_new
            except DRIVER_ERRORS as error:
                if pause is None or not self._is_worth_repeating(error):
                    raise
            is_new = True
            time.sleep(pause)
        raise AssertionError("unreachable")

    def _is_worth_repeating(self, error: Exception) -> bool:
        reasons = {str(item.get("reason")) for item in getattr(error, "errors", ()) if isinstance(item, dict)}
        return is_transient(error) or bool(reasons & set(self.it.retry_reasons))

    def _wait(self, job: Job) -> None:
        pause = _FIRST_POLL
        while job.state != "DONE":
            time.sleep(pause)
            job.reload(retry=RETRY, timeout=TIMEOUT)
            pause = min(pause * 1.5, _LONGEST_POLL)


def pauses_of(policy: RetryAuto, random: Random) -> Iterator[float]:
    """Seconds between attempts; one fewer than there may be attempts, and together not longer than they may take."""
    interval = _seconds(policy.interval)
    longest = _seconds(policy.max_interval)
    left = _seconds(policy.max_duration)
    for number in range(policy.max_attempts - 1):
        match policy.type:
            case "constant":
                pause = interval
            case "random":
                pause = random.uniform(interval, longest)
            case _:
                pause = min(interval * policy.delay_factor**number, longest)
        left -= pause
        if left < 0:
            return
        yield pause


@contextmanager
def call_errors(place: str) -> Iterator[None]:
    """Translates whatever the client raises about a thing of that name."""
    try:
        yield
    except DRIVER_ERRORS as error:
        if isinstance(error, api.BadRequest):
            raise QueryFailed(f"{place}: {api_message(error)}") from error
        raise translated(error, WarehouseRefused, place, HINT) from error


def job_failure(job_id: str, failures: list[Mapping[str, Any]]) -> PipelineError:
    """The error to raise: BigQuery's own words, and those of a bad row where there is one."""
    reason = str(failures[0].get("reason", ""))
    said = f"{_said(failures)} (job {job_id})"
    match reason:
        case "stopped":
            return TransientError(f"the job was cancelled: {said}", "give the task a `retry`")
        case "rateLimitExceeded" | "backendError" | "internalError" | "jobBackendError" | "jobInternalError":
            return TransientError(f"BigQuery failed too often: {said}", "give the task a `retry`")
        case "accessDenied" | "quotaExceeded" | "billingNotEnabled" | "responseTooLarge":
            return WarehouseRefused(said, HINT)
        case _:
            return QueryFailed(said)


def _said(failures: list[Mapping[str, Any]]) -> str:
    """The job's message; of bad rows the first, for the job's own says no more than that there are some."""
    told = next((one for one in failures[1:] if one.get("location") not in (None, "", "query")), failures[0])
    said = " ".join(str(told.get("message") or told.get("reason")).split())
    place = str(told.get("location") or "")
    return said if place in said or place == "query" else f"{place}: {said}"


def _seconds(text: str) -> float:
    return _DURATION.validate_python(text).total_seconds()
