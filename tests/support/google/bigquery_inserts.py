"""jobs.* of the fake BigQuery, but for queries' results: what is checked when a job is inserted, and what it then does.

https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.google.bigquery_copy import check_copy, run_copy
from tests.support.google.bigquery_errors import invalid, not_modelled
from tests.support.google.bigquery_jobs import Job, Work
from tests.support.google.bigquery_layout import check_labels
from tests.support.google.bigquery_load import check_load, run_load
from tests.support.google.bigquery_objects import SourceFile
from tests.support.google.bigquery_query import check_query, dry_run
from tests.support.google.bigquery_state import BigQueryState, Request
from tests.support.google.bigquery_write import Destination

_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,1024}")
_KEYS = {"load", "copy", "query", "labels", "dryRun", "jobTimeoutMs", "jobType"}
_KINDS = ("load", "copy", "query")


def insert(state: BigQueryState, request: Request) -> dict[str, Any]:
    """jobs.insert without a file."""
    return insert_job(state, request.project, request.body, None)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Order:
    """What jobs.insert was asked for, checked as far as it is before a job comes to be."""

    reference: dict[str, str]
    kind: str
    work: Work


def insert_job(
    state: BigQueryState, project: str, resource: Mapping[str, Any], upload: SourceFile | None
) -> dict[str, Any]:
    """jobs.insert: never DONE in this answer, but for a dry run, which leaves no job."""
    configuration = _configuration(state, project, resource)
    if "query" in configuration and configuration.get("dryRun"):
        return dry_run(state, project, (resource.get("jobReference") or {}).get("location"), configuration)
    order = _order(state, project, resource, upload)
    job = state.jobs.insert(order.reference, order.kind, configuration, order.work)
    return job.resource(state="PENDING" if state.jobs.polls else "RUNNING")


def check_insert(state: BigQueryState, project: str, resource: Mapping[str, Any]) -> None:
    """Raises what inserting the job would, but for what its file decides: when an upload begins."""
    _configuration(state, project, resource)
    reference = _order(state, project, resource, None).reference
    state.jobs.check_new(reference["projectId"], reference["location"], reference["jobId"])


def _configuration(state: BigQueryState, project: str, resource: Mapping[str, Any]) -> Mapping[str, Any]:
    state.projects.check_enabled(project)
    state.projects.check_granted("bigquery.jobs.create", project)
    configuration: Mapping[str, Any] = resource.get("configuration") or {}
    if unknown := {key for key in set(configuration) - _KEYS if configuration[key]}:
        raise not_modelled(f"{', '.join(sorted(unknown))} of a job")
    if len([kind for kind in _KINDS if kind in configuration]) != 1:
        raise invalid("Job configuration must contain exactly one job-specific configuration object")
    check_labels(configuration.get("labels"))
    return configuration


def _order(state: BigQueryState, project: str, resource: Mapping[str, Any], upload: SourceFile | None) -> _Order:
    configuration, told = resource["configuration"], resource.get("jobReference") or {}
    kind = next(kind for kind in _KINDS if kind in configuration)
    job_id = told.get("jobId") or f"job_{uuid.uuid4().hex}"
    if not _JOB_ID.fullmatch(job_id):
        raise invalid(f"Invalid job ID: {job_id}")
    location, work = _prepare(state, project, kind, configuration, told.get("location"), upload)
    return _Order(reference={"projectId": project, "location": location, "jobId": job_id}, kind=kind, work=work)


def _prepare(
    state: BigQueryState,
    project: str,
    kind: str,
    configuration: Mapping[str, Any],
    location: str | None,
    upload: SourceFile | None,
) -> tuple[str, Work]:
    """Where the job runs, and its work. Raises what Google refuses at once."""
    details = configuration[kind]
    if kind == "query":
        return check_query(state, project, location, details)
    destination = check_load(project, details) if kind == "load" else check_copy(project, details)
    location = _location(state, destination, location)
    _check_rights(state, destination)
    if kind == "load":
        return location, lambda _: run_load(state, destination, details, upload)
    return location, lambda _: run_copy(state, location, destination, details)


def _location(state: BigQueryState, destination: Destination, told: str | None) -> str:
    return state.catalog.dataset(destination.name.project, destination.name.dataset, told).location


def _check_rights(state: BigQueryState, destination: Destination) -> None:
    """Truncating wants tables.update, too: measured by others, github.com/flink-gcp/flink-connector-gcp, ADR-0183."""
    name = destination.name
    if state.catalog.find(name) is None:
        state.projects.check_granted("bigquery.tables.create", name.project, name.dataset)
    if destination.write == "WRITE_TRUNCATE" or destination.updates:
        state.projects.check_granted("bigquery.tables.update", name.project, name.dataset, name.table)
    state.projects.check_granted("bigquery.tables.updateData", name.project, name.dataset, name.table)


def get(state: BigQueryState, request: Request) -> dict[str, Any]:
    """jobs.get; it counts as a poll."""
    return state.jobs.poll(_find(state, request)).resource()


def cancel(state: BigQueryState, request: Request) -> dict[str, Any]:
    """jobs.cancel; of a job that is DONE it changes nothing."""
    return {"kind": "bigquery#jobCancelResponse", "job": state.jobs.cancel(_find(state, request)).resource()}


def forget(state: BigQueryState, request: Request) -> None:
    """jobs.delete: the job's metadata."""
    job = _find(state, request)
    if not job.done:
        raise invalid(f"Job {job} is still running")
    del state.jobs.all[job.project, job.location, job.id]


def list_jobs(state: BigQueryState, request: Request) -> dict[str, Any]:
    """jobs.list, newest first."""
    wanted = request.query.get("stateFilter", "").upper()
    since, until = request.number("minCreationTime", 0), request.number("maxCreationTime", 2**62)
    jobs = [
        job
        for job in reversed(state.jobs.all.values())
        if job.project == request.project and wanted in ("", job.state) and since <= job.created <= until
    ]
    start = int(request.query.get("pageToken") or 0)
    end = start + request.number("maxResults", 1000)
    answer: dict[str, Any] = {"kind": "bigquery#jobList"}
    if jobs[start:end]:
        answer["jobs"] = [_listed(job) for job in jobs[start:end]]
    return {**answer, "nextPageToken": str(end)} if end < len(jobs) else answer


def _listed(job: Job) -> dict[str, Any]:
    told = job.resource()
    return {**told, "state": job.state} | ({"errorResult": job.error.entry} if job.error else {})


def _find(state: BigQueryState, request: Request) -> Job:
    return state.jobs.find(request.project, request.path["job"], request.query.get("location"))
