"""The Google part of `taxi doctor`: credentials, project, APIs, bucket, datasets, permissions, clock; each with its fix."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property, partial

import requests
from google.api_core import exceptions as api
from google.auth.transport.requests import Request
from google.cloud import bigquery

from taxi_pipelines.domain.outcome import Finding
from taxi_pipelines.errors import LakeRefused, PipelineError, WarehouseRefused
from taxi_pipelines.gcp import permissions
from taxi_pipelines.gcp.clients import BIGQUERY_BRIEFLY, STORAGE_BRIEFLY, GoogleClients
from taxi_pipelines.gcp.errors import api_message, denied_permission, disabled_api, google_errors
from taxi_pipelines.gcp.names import BucketPath, location_name, staging_dataset
from taxi_pipelines.gcp.setup import find_bucket, find_dataset, refuse_other_location

MOST_SKEW = timedelta(seconds=60)
"""Google refuses a signature that is a few minutes off; leases between machines need less."""

SETUP = "run: taxi gcp setup"
RUN_JOBS = "bigquery.jobs.create"
CREATE_TABLES = "bigquery.tables.create"
_LOOK_UP = "see https://cloud.google.com/bigquery/docs/error-messages"
_NO_CREDENTIALS = "cannot be asked without credentials"
Look = Callable[[], Finding]


@dataclass(frozen=True, kw_only=True)
class GoogleDoctor:
    """Looks at what one configuration needs of Google: a bucket for its lake, a dataset for its warehouse, or both."""

    clients: GoogleClients
    bucket: BucketPath | None
    dataset: str | None
    clock: Callable[[], datetime]

    def __call__(self) -> list[Finding]:
        """Every finding; one that is bad hides no other."""
        findings = [_look("credentials", self._credentials)]
        known = findings[0].ok
        for name, look in self._looks():
            findings.append(_look(name, look) if known else Finding(name=name, ok=False, detail=_NO_CREDENTIALS))
        return [*findings, _look("clock", self._clock)]

    def _looks(self) -> Iterator[tuple[str, Look]]:
        datasets = [self.dataset, staging_dataset(self.dataset)] if self.dataset else []
        if datasets:
            yield "project", self._project
            yield "BigQuery API", self._bigquery_api
        if self.bucket:
            yield "Storage API", partial(self._storage_api, self.bucket)
            yield "bucket", partial(self._bucket, self.bucket)
        for name in datasets:
            yield f"dataset {name}", partial(self._dataset, name)
        if self.bucket:
            yield "rights on bucket", partial(self._rights_on_bucket, self.bucket)
        if datasets:
            yield "right to run jobs", self._right_to_run_jobs
        for name in datasets:
            yield f"rights on {name}", partial(self._rights_on_dataset, name)

    @property
    def _member(self) -> str | None:
        return None if self.clients.emulated else self.clients.identity.principal

    def _credentials(self) -> Finding:
        if self.clients.emulated:
            return Finding(name="credentials", ok=True, detail="none: an emulator stands in for Google")
        with google_errors(WarehouseRefused, "credentials"), requests.Session() as session:
            self.clients.identity.credentials.refresh(Request(session))
        detail = self._member or "a user's login, whose name only Google knows"
        return Finding(name="credentials", ok=True, detail=detail)

    @cached_property
    def _dry_run(self) -> bigquery.QueryJob | api.GoogleAPICallError:
        """What Google says to the cheapest call that needs project, API and the right to run jobs; nothing is billed."""
        config = bigquery.QueryJobConfig(dry_run=True, use_query_cache=False)
        try:
            return self.clients.bigquery.query("SELECT 1", job_config=config, retry=BIGQUERY_BRIEFLY, job_retry=None)
        except api.GoogleAPICallError as error:
            return error

    def _project(self) -> Finding:
        name, project = "project", self.clients.project
        said = self._dry_run
        if isinstance(said, api.NotFound | api.BadRequest) and not disabled_api(said):
            fix = "set project in taxi.toml or TAXI_PROJECT; see: gcloud projects list"
            return Finding(name=name, ok=False, detail=f"{project}: {api_message(said)}", fix=fix)
        return Finding(name=name, ok=True, detail=project)

    def _bigquery_api(self) -> Finding:
        name, said = "BigQuery API", self._dry_run
        if isinstance(said, api.GoogleAPICallError) and disabled_api(said):
            fix = f"run: gcloud services enable bigquery.googleapis.com --project={self.clients.project}"
            return Finding(name=name, ok=False, detail=f"not enabled in {self.clients.project}", fix=fix)
        return Finding(name=name, ok=True, detail="enabled")

    def _right_to_run_jobs(self) -> Finding:
        name, said = "right to run jobs", self._dry_run
        if isinstance(said, bigquery.QueryJob):
            return Finding(name=name, ok=True, detail=RUN_JOBS + (f", as {said.user_email}" if said.user_email else ""))
        if denied_permission(said) != RUN_JOBS:
            raise said
        fix = f"run: {permissions.grant_on_project(self.clients.project, self._member, 'roles/bigquery.jobUser')}"
        return self._rights(name, [RUN_JOBS], [RUN_JOBS], fix)

    def _storage_api(self, place: BucketPath) -> Finding:
        try:
            self.clients.storage.bucket(place.bucket).test_iam_permissions(
                [permissions.BUCKET[0]], retry=STORAGE_BRIEFLY
            )
        except api.GoogleAPICallError as error:
            if disabled_api(error):
                fix = "run: gcloud services enable storage.googleapis.com"
                return Finding(name="Storage API", ok=False, detail="not enabled in the credentials' project", fix=fix)
        return Finding(name="Storage API", ok=True, detail="enabled")

    def _bucket(self, place: BucketPath) -> Finding:
        found = find_bucket(self.clients.storage, place.bucket)
        if found is None:
            return Finding(name="bucket", ok=False, detail=f"gs://{place.bucket} does not exist", fix=SETUP)
        refuse_other_location(LakeRefused, f"gs://{place.bucket}", found.location, self.clients.location)
        return Finding(name="bucket", ok=True, detail=f"{place}, in {location_name(found.location)}")

    def _dataset(self, dataset: str) -> Finding:
        name, place = f"dataset {dataset}", f"{self.clients.project}.{dataset}"
        found = find_dataset(self.clients.bigquery, dataset)
        if found is None:
            return Finding(name=name, ok=False, detail=f"{place} does not exist", fix=SETUP)
        refuse_other_location(WarehouseRefused, place, found.location, self.clients.location)
        expires = found.default_table_expiration_ms or found.default_partition_expiration_ms
        if expires and dataset == self.dataset:
            days = expires / timedelta(days=1).total_seconds() / 1000
            fix = f"run: bq update --default_table_expiration=0 --default_partition_expiration=0 {self._bq(dataset)}"
            detail = f"its tables or partitions are deleted after {days:g} days (in the sandbox: until billing is on)"
            return Finding(name=name, ok=False, detail=detail, fix=fix)
        return Finding(name=name, ok=True, detail=f"{place}, in {found.location}")

    def _bq(self, dataset: str) -> str:
        return f"{self.clients.project}:{dataset}"

    def _rights_on_bucket(self, place: BucketPath) -> Finding:
        held = self.clients.storage.bucket(place.bucket).test_iam_permissions(
            list(permissions.BUCKET), retry=STORAGE_BRIEFLY
        )
        lacking = [right for right in permissions.BUCKET if right not in held]
        fix = f"run: {permissions.grant_on_bucket(place.bucket, self._member, lacking)}"
        return self._rights("rights on bucket", permissions.BUCKET, lacking, fix)

    def _rights_on_dataset(self, dataset: str) -> Finding:
        """BigQuery tells nobody what they may do with a dataset: a table that expires in an hour is made, asked and deleted."""
        name, client, now = f"rights on {dataset}", self.clients.bigquery, self.clock()
        fix = f"run: {permissions.grant_on_dataset(self.clients.project, dataset, self._member)}"
        probe = bigquery.Table(f"{self.clients.project}.{dataset}.taxi_doctor_{now:%Y%m%d_%H%M%S_%f}")
        probe.schema = [bigquery.SchemaField("probe", "INTEGER")]
        probe.expires = now + timedelta(hours=1)
        try:
            client.create_table(probe, retry=BIGQUERY_BRIEFLY)
        except api.Forbidden as error:
            if denied_permission(error) != CREATE_TABLES:
                raise
            return self._rights(name, [CREATE_TABLES], [CREATE_TABLES], fix)
        held = client.test_iam_permissions(probe, permissions.TABLE, retry=BIGQUERY_BRIEFLY).get("permissions", [])
        lacking = [right for right in permissions.TABLE if right not in held]
        if "bigquery.tables.delete" in held:
            client.delete_table(probe, not_found_ok=True, retry=BIGQUERY_BRIEFLY)
        return self._rights(name, [CREATE_TABLES, *permissions.TABLE], lacking, fix)

    def _rights(self, name: str, needed: Collection[str], lacking: Collection[str], fix: str) -> Finding:
        if not lacking:
            return Finding(name=name, ok=True, detail=f"all {len(needed)} that are needed")
        return Finding(name=name, ok=False, detail=f"denied to {self._member or 'you'}: {', '.join(lacking)}", fix=fix)

    def _clock(self) -> Finding:
        """By an answer's Date header; no credentials are needed for that, and a wrong clock makes them fail."""
        with google_errors(WarehouseRefused, "clock"):
            answer = requests.head(self.clients.storage_url, timeout=10)
        skew = abs(self.clock() - parsedate_to_datetime(answer.headers["Date"]))
        return Finding(
            name="clock",
            ok=skew <= MOST_SKEW,
            detail=f"{skew.total_seconds():.0f} s off Google's",
            fix="run: sudo timedatectl set-ntp true",
        )


def _look(name: str, look: Look) -> Finding:
    try:
        with google_errors(WarehouseRefused, name, _LOOK_UP):
            return look()
    except PipelineError as error:
        if isinstance(error.__cause__, api.NotFound):
            return Finding(name=name, ok=False, detail="cannot be asked: it does not exist", fix=SETUP)
        return Finding(name=name, ok=False, detail=error.what, fix=error.hint)
