"""Jobs of the fake BigQuery: their ids, their life from PENDING to DONE, and what a test wants to go wrong with them.

    state.jobs.polls = 2                        # jobs.get answers PENDING, RUNNING, then DONE; 0: DONE when first asked
    state.jobs.fail("load", "backendError")     # the next load job ends with this reason and does nothing
    state.jobs.hold("copy")                     # the next copy job stays RUNNING until it is cancelled or released
    state.jobs.cancelled                        # ids of the jobs that jobs.cancel was called for

A job does its work at one moment: when it is inserted where `polls` is 0, else when it is asked about for the last time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from tests.support.google.bigquery_errors import BigQueryError, already_exists, not_found
from tests.support.google.bigquery_schema import Fields

_MULTI_REGIONS = ("US", "EU")
USER = "tester@example.iam.gserviceaccount.com"


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """A query's rows: a relation in DuckDB."""

    relation: str
    fields: Fields


@dataclass(kw_only=True)
class Job:
    """A job. `work` does what it is for and answers its statistics ({"load": {…}}); `error` is the errorResult."""

    project: str
    location: str
    id: str
    kind: str
    configuration: dict[str, Any]
    work: Work
    polls: int
    created: int
    state: str = "PENDING"
    held: bool = False
    failure: BigQueryError | None = None
    error: BigQueryError | None = None
    ended: int | None = None
    statistics: dict[str, Any] = field(default_factory=dict)
    result: Result | None = None

    def __str__(self) -> str:
        return f"{self.project}:{self.location}.{self.id}"

    @property
    def done(self) -> bool:
        """Whether it came to its end."""
        return self.state == "DONE"

    def resource(self, *, state: str | None = None) -> dict[str, Any]:
        """As jobs.get tells it; `state` where an answer is to tell an earlier one."""
        told_state = state or self.state
        told: dict[str, Any] = {
            "kind": "bigquery#job",
            "id": str(self),
            "etag": f"{self.id}-{told_state}",
            "jobReference": {"projectId": self.project, "jobId": self.id, "location": self.location},
            "user_email": USER,
            "configuration": {"jobType": self.kind.upper(), **self.configuration},
            "status": {"state": told_state},
            "statistics": {"creationTime": str(self.created), "startTime": str(self.created)},
        }
        if told_state == "DONE":
            told["statistics"] |= {"endTime": str(self.ended), **self.statistics}
            if self.error is not None:
                told["status"] |= {"errorResult": self.error.entry, "errors": self.error.entries}
        return told


Work = Callable[[Job], dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class _Trouble:
    kind: str
    error: BigQueryError | None
    performed: bool


@dataclass(kw_only=True)
class JobBook:
    """All jobs, and what is to happen to those to come. Not safe for threads: the state's lock is held by whoever uses it."""

    now_ms: Callable[[], int]
    polls: int = 0
    cancelled: list[str] = field(default_factory=list)
    all: dict[tuple[str, str, str], Job] = field(default_factory=dict)
    _troubles: list[_Trouble] = field(default_factory=list)

    def fail(
        self, kind: str, reason: str, message: str | None = None, *, times: int = 1, performed: bool = False
    ) -> None:
        """The next jobs of the kind (load, copy, query) end with the reason; with or without having done their work."""
        error = BigQueryError(reason, message or f"{reason}, as the test wished")
        self._troubles += [_Trouble(kind=kind, error=error, performed=performed)] * times

    def hold(self, kind: str) -> None:
        """The next job of the kind stays RUNNING."""
        self._troubles.append(_Trouble(kind=kind, error=None, performed=False))

    def release(self) -> None:
        """Jobs that were held do their work when next asked about."""
        for job in self.all.values():
            job.held = False

    def check_new(self, project: str, location: str, job_id: str) -> None:
        """Raises where the id was used before, whatever came of it."""
        if found := self.all.get((project, location, job_id)):
            raise already_exists(f"Job {found}")

    def insert(self, reference: Mapping[str, str], kind: str, configuration: Mapping[str, Any], work: Work) -> Job:
        """A new job of project, location and id; it does its work at once where nothing is to be waited for."""
        key = (reference["projectId"], reference["location"], reference["jobId"])
        self.check_new(*key)
        job = Job(
            project=key[0], location=key[1], id=key[2], kind=kind, configuration=deepcopy(dict(configuration)), work=work,
            polls=self.polls, created=self.now_ms(),
        )  # fmt: skip
        self.all[key] = job
        self._trouble(job)
        if not job.polls and not job.held:
            self._finish(job)
        return job

    def _trouble(self, job: Job) -> None:
        """What a test wished for the next job of the kind happens to this one."""
        found = next((trouble for trouble in self._troubles if trouble.kind == job.kind), None)
        if found is None:
            return
        self._troubles.remove(found)
        job.held, job.failure = found.error is None, found.error
        if found.error is not None and not found.performed:
            job.work = _nothing

    def find(self, project: str, job_id: str, location: str | None) -> Job:
        """Raises where there is none; outside the US and EU the location has to be told, as at Google."""
        for place in (location,) if location else _MULTI_REGIONS:
            if job := self.all.get((project, place, job_id)):
                return job
        raise not_found(f"Job {project}:{job_id}", location)

    def poll(self, job: Job) -> Job:
        """It was asked about once more."""
        if job.done:
            return job
        job.state = "RUNNING"
        if job.held:
            return job
        if job.polls:
            job.polls -= 1
            return job
        self._finish(job)
        return job

    def cancel(self, job: Job) -> Job:
        """Ends it, unless it did its work already."""
        self.cancelled.append(job.id)
        if not job.done:
            job.held, job.work = False, _nothing
            job.failure = BigQueryError("stopped", "Job execution was cancelled: User requested cancellation")
            self._finish(job)
        return job

    def _finish(self, job: Job) -> None:
        try:
            job.statistics = job.work(job)
        except BigQueryError as error:
            job.error = error
        job.error = job.failure or job.error
        job.state, job.ended = "DONE", self.now_ms()


def _nothing(_: Job) -> dict[str, Any]:
    return {}
