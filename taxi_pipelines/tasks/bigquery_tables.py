"""Tables and datasets as a whole, in a worker: copied, made, deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.api_core import exceptions as api
from google.cloud import bigquery
from google.cloud.bigquery.table import TableReference

from taxi_pipelines.domain.records import Level
from taxi_pipelines.errors import NotFound, PermanentError
from taxi_pipelines.tasks.bigquery_jobs import NO_RETRY, RETRY, TIMEOUT, Job, Jobs, call_errors
from taxi_pipelines.tasks.bigquery_properties import AccessControl, Copy, CreateDataset, DeleteTable
from taxi_pipelines.tasks.bigquery_query import table_reference, timeout_ms
from taxi_pipelines.tasks.google_access import google_clients
from taxi_pipelines.tasks.worker_context import WorkerContext

_ENTITIES = {"USER": "userByEmail", "GROUP": "groupByEmail", "DOMAIN": "domain", "IAM_MEMBER": "iamMember"}

Outputs = Mapping[str, Any]


def copy(values: Mapping[str, Any], context: WorkerContext) -> Outputs:
    """Copies the tables. Raises QueryFailed, WarehouseRefused."""
    it = Copy.model_validate(values)
    with google_clients(it, context, it.location) as clients:
        client = clients.bigquery
        jobs = Jobs(client=client, it=it, context=context)
        sources = [table_reference(name, client.project) for name in it.source_tables]
        to = table_reference(it.destination_table, client.project)
        config = bigquery.CopyJobConfig(operation_type=it.operation_type, labels=jobs.labels(it.labels))
        given = {"write_disposition": it.write_disposition, "create_disposition": it.create_disposition}
        for name, value in (given | {"job_timeout_ms": timeout_ms(it)}).items():
            if value is not None:
                setattr(config, name, value)

        def submit(job_id: str) -> Job:
            return client.copy_table(sources, to, job_id=job_id, job_config=config, retry=NO_RETRY, timeout=TIMEOUT)

        work = {"from": [str(source) for source in sources], "to": str(to), "config": config.to_api_repr()}
        job = jobs.run(work, submit)
    if job.started and job.ended:
        context.metric("duration", (job.ended - job.started).total_seconds(), type="timer")
    return {"jobId": job.job_id}


def create_dataset(values: Mapping[str, Any], context: WorkerContext) -> Outputs:
    """Makes the dataset, or does with one that is there what is asked for. Raises PermanentError where it must not be there."""
    it = CreateDataset.model_validate(values)
    with google_clients(it, context, it.location) as clients:
        client = clients.bigquery
        wanted, changed = _dataset(it, client)
        with call_errors(f"dataset {client.project}.{it.name}"):
            try:
                found = client.create_dataset(wanted, retry=RETRY, timeout=TIMEOUT)
                context.log(Level.INFO, f"dataset {found.full_dataset_id} made in {found.location}")
            except api.Conflict as error:
                if it.if_exists == "ERROR":
                    place = f"{client.project}.{it.name}"
                    raise PermanentError(
                        f"the dataset {place} is there already", "ifExists: SKIP allows that"
                    ) from error
                found = client.get_dataset(wanted.reference, retry=RETRY, timeout=TIMEOUT)
                if it.if_exists == "UPDATE" and changed:
                    found = client.update_dataset(wanted, changed, retry=RETRY, timeout=TIMEOUT)
                context.log(Level.INFO, f"dataset {found.full_dataset_id} is there, in {found.location}")
    return {
        "dataset": found.dataset_id,
        "project": found.project,
        "friendlyName": found.friendly_name,
        "description": found.description,
        "location": found.location,
    }


def delete_table(values: Mapping[str, Any], context: WorkerContext) -> Outputs:
    """Deletes the table. Raises NotFound."""
    it = DeleteTable.model_validate(values)
    with google_clients(it, context, it.location) as clients:
        client = clients.bigquery
        table = TableReference(bigquery.DatasetReference(client.project, it.dataset), it.table)
        with call_errors(str(table)):
            try:
                client.delete_table(table, retry=RETRY, timeout=TIMEOUT)
            except api.NotFound as error:
                raise NotFound(f"there is no table {table}", "see `dataset` and `table`") from error
    return {"projectId": table.project, "datasetId": table.dataset_id, "table": table.table_id}


def _dataset(it: CreateDataset, client: bigquery.Client) -> tuple[bigquery.Dataset, list[str]]:
    """The dataset as it is to be, and which of its fields are given."""
    found = bigquery.Dataset(bigquery.DatasetReference(client.project, it.name))
    if it.location:
        found.location = it.location
    key = (it.default_encryption_configuration or {}).get("kmsKeyName")
    given = {
        "friendly_name": it.friendly_name,
        "description": it.description,
        "labels": it.labels,
        "default_table_expiration_ms": it.default_table_lifetime,
        "default_partition_expiration_ms": it.default_partition_expiration_ms,
        "default_encryption_configuration": bigquery.EncryptionConfiguration(key) if key else None,
        "access_entries": [_entry(one) for one in it.acl] if it.acl is not None else None,
    }
    changed = [name for name, value in given.items() if value is not None]
    for name in changed:
        setattr(found, name, given[name])
    return found, changed


def _entry(control: AccessControl) -> bigquery.AccessEntry:
    return bigquery.AccessEntry(control.role, _ENTITIES[control.entity.type], control.entity.value)
