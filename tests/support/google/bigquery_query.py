"""Query jobs of the fake BigQuery: dry runs, the limit of bytes billed, SELECT and DML in DuckDB.

https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#jobconfigurationquery
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.google.bigquery_ddl import run_ddl
from tests.support.google.bigquery_errors import BigQueryError, not_modelled
from tests.support.google.bigquery_jobs import Job, Work
from tests.support.google.bigquery_run import (
    Plan,
    anonymous_table,
    change,
    check_binds,
    plan_statement,
    result_fields,
    select,
)
from tests.support.google.bigquery_scan import bytes_billed
from tests.support.google.bigquery_sql import DML, Parameter, Scope, parse, read_parameters, table_nodes
from tests.support.google.bigquery_state import BigQueryState

_KEYS = {
    "query", "useLegacySql", "queryParameters", "parameterMode", "maximumBytesBilled", "defaultDataset", "useQueryCache", "priority",
    "destinationTable", "createDisposition", "writeDisposition",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Query:
    """A query job's configuration, read."""

    project: str
    location: str
    details: Mapping[str, Any]
    scope: Scope
    parameters: Mapping[str, Parameter]

    def plan(self, state: BigQueryState) -> Plan:
        """Raises what is wrong with the SQL."""
        return plan_statement(state, parse(self.details["query"]), self.scope, self.location, self.parameters)


def check_query(
    state: BigQueryState, project: str, location: str | None, details: Mapping[str, Any]
) -> tuple[str, Work]:
    """Where the job runs (where its tables lie, else in the US), and its work. SQL that is wrong fails the job, not the call."""
    query = _read(state, project, location, details)
    return query.location, lambda job: _run(state, query, job)


def dry_run(
    state: BigQueryState, project: str, location: str | None, configuration: Mapping[str, Any]
) -> dict[str, Any]:
    """What the job would say of itself, without a job. Raises what is wrong with the SQL."""
    query = _read(state, project, location, configuration["query"])
    plan = query.plan(state)
    statistics = _statistics(plan)
    if plan.kind == "SELECT":
        statistics["schema"] = {"fields": [field.resource() for field in result_fields(state, plan)]}
    elif plan.kind in DML:
        check_binds(state, plan)
    now = str(state.now_ms())
    return {
        "kind": "bigquery#job",
        "jobReference": {"projectId": project, "location": query.location},
        "configuration": {"jobType": "QUERY", **configuration},
        "status": {"state": "DONE"},
        "statistics": {
            "creationTime": now,
            "totalBytesProcessed": statistics["totalBytesProcessed"],
            "query": statistics,
        },
    }


def _read(state: BigQueryState, project: str, location: str | None, details: Mapping[str, Any]) -> Query:
    if unknown := {key for key in set(details) - _KEYS if details[key]}:
        raise not_modelled(f"{', '.join(sorted(unknown))} of a query job")
    if details.get("useLegacySql", True):
        raise not_modelled("legacy SQL")
    default = details.get("defaultDataset") or {}
    scope = Scope(project=project, default=(default.get("projectId", project), default.get("datasetId", "")))
    place = location or _location(state, scope, details)
    return Query(project=project, location=place, details=details, scope=scope, parameters=read_parameters(details))


def _location(state: BigQueryState, scope: Scope, details: Mapping[str, Any]) -> str:
    """Of the first dataset the query names."""
    try:
        nodes = list(table_nodes(parse(details["query"])))
    except BigQueryError:
        return "US"
    names = [(node.catalog or scope.project, node.db) if node.db else scope.default for node in nodes]
    found = [state.catalog.datasets.get(name) for name in names]
    return next((dataset.location for dataset in found if dataset is not None), "US")


def _statistics(plan: Plan) -> dict[str, Any]:
    tables = {str(reference.table.name): reference.table.name.resource() for reference in plan.references}
    return {
        "statementType": plan.kind,
        "totalBytesProcessed": str(sum(plan.sizes)),
        "totalBytesBilled": "0",
        "cacheHit": False,
        "referencedTables": list(tables.values()),
    }


def _run(state: BigQueryState, query: Query, job: Job) -> dict[str, Any]:
    plan = query.plan(state)
    billed = bytes_billed(plan.sizes)
    limit = query.details.get("maximumBytesBilled")
    if limit is not None and int(limit) < billed:
        message = f"Query exceeded limit for bytes billed: {limit}. {billed} or higher required."
        raise BigQueryError("bytesBilledLimitExceeded", message)
    statistics = {**_statistics(plan), "totalBytesBilled": str(billed)}
    details = job.configuration["query"]
    if plan.kind == "SELECT":
        job.result = select(state, plan, details)
        details.setdefault("destinationTable", anonymous_table(job.project, job.id))
    elif details.get("destinationTable"):
        raise not_modelled(f"a destination table for {plan.kind}")
    elif plan.kind in DML:
        statistics |= change(state, plan)
    else:
        statistics |= run_ddl(state, plan, query.scope, query.location)
    return {"totalBytesProcessed": statistics["totalBytesProcessed"], "query": statistics}
