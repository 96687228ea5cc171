"""jobs.query and jobs.getQueryResults of the fake BigQuery.

https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/query and …/jobs/getQueryResults
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.support.google.bigquery_data import read_page
from tests.support.google.bigquery_errors import invalid
from tests.support.google.bigquery_inserts import insert_job
from tests.support.google.bigquery_jobs import Job
from tests.support.google.bigquery_state import BigQueryState, Request

_OF_THE_JOB = ("labels", "dryRun")
_OF_THE_ANSWER = {
    "kind",
    "maxResults",
    "timeoutMs",
    "location",
    "requestId",
    "formatOptions",
    "jobCreationMode",
    "jobTimeoutMs",
}


def query(state: BigQueryState, request: Request) -> dict[str, Any]:
    """jobs.query: a query job and, where it is DONE already, its first page. The same requestId is the same job."""
    body = request.body
    request_id = str(body.get("requestId") or "")
    seen = state.request_ids.get((request.project, request_id))
    if seen is not None and request_id:
        return _answer(state, seen, body)
    details = {key: value for key, value in body.items() if key not in (*_OF_THE_JOB, *_OF_THE_ANSWER)}
    configuration = {"query": details, **{key: body[key] for key in _OF_THE_JOB if body.get(key)}}
    resource = {"jobReference": {"location": body.get("location")}, "configuration": configuration}
    told = insert_job(state, request.project, resource, None)
    if body.get("dryRun"):
        return _dry_answer(told)
    reference = told["jobReference"]
    job = state.jobs.find(request.project, reference["jobId"], reference["location"])
    state.request_ids[request.project, request_id] = job
    return _answer(state, job, body)


def _dry_answer(told: Mapping[str, Any]) -> dict[str, Any]:
    statistics = told["statistics"]
    return {
        "kind": "bigquery#queryResponse",
        "jobReference": told["jobReference"],
        "jobComplete": True,
        "schema": statistics["query"].get("schema"),
        "totalBytesProcessed": statistics["totalBytesProcessed"],
        "cacheHit": False,
    }


def _answer(state: BigQueryState, job: Job, body: Mapping[str, Any]) -> dict[str, Any]:
    asked = {"maxResults": str(body.get("maxResults", ""))}
    if (body.get("formatOptions") or {}).get("useInt64Timestamp"):
        asked["formatOptions.useInt64Timestamp"] = "true"
    return {**_results(state, job, asked), "kind": "bigquery#queryResponse"}


def get_results(state: BigQueryState, request: Request) -> dict[str, Any]:
    """jobs.getQueryResults: it counts as a poll; the error of a job that failed is the error of this call."""
    job = state.jobs.find(request.project, request.path["job"], request.query.get("location"))
    if job.kind != "query":
        raise invalid(f"Cannot get query results of a {job.kind} job")
    return _results(state, state.jobs.poll(job), request.query)


def _results(state: BigQueryState, job: Job, asked: Mapping[str, str]) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "kind": "bigquery#getQueryResultsResponse",
        "etag": f"{job.id}-{job.state}",
        "jobReference": job.resource()["jobReference"],
        "jobComplete": job.done,
    }
    if not job.done:
        return answer
    if job.error is not None:
        raise job.error
    statistics = job.statistics.get("query", {})
    answer |= {"totalBytesProcessed": statistics.get("totalBytesProcessed", "0"), "cacheHit": False}
    answer |= {key: statistics[key] for key in ("numDmlAffectedRows", "dmlStats") if key in statistics}
    return {**answer, **(_page(state, job, asked) if job.result else {"totalRows": "0"})}


def _page(state: BigQueryState, job: Job, asked: Mapping[str, str]) -> dict[str, Any]:
    assert job.result is not None
    most = min(int(asked.get("maxResults") or state.page_rows), state.page_rows)
    page = read_page(
        state.data, job.result.relation, job.result.fields, where="true",
        start=int(asked.get("pageToken") or asked.get("startIndex") or 0), most=most,
        integer_timestamps=asked.get("formatOptions.useInt64Timestamp", "").lower() == "true",
    )  # fmt: skip
    told: dict[str, Any] = {
        "schema": {"fields": [field.resource() for field in job.result.fields]},
        "totalRows": str(page.total),
    }
    if page.rows:
        told["rows"] = page.rows
    return told if page.next_start is None else {**told, "pageToken": str(page.next_start)}
