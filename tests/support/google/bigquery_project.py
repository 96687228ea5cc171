"""What the fake BigQuery grants: projects that are not there, services that are off, permissions that are lacking.

Google's sentences: https://cloud.google.com/bigquery/docs/troubleshoot-iam-permissions
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.google.bigquery_errors import BigQueryError

if TYPE_CHECKING:
    from tests.support.google.bigquery_state import BigQueryState, Request

SERVICE = "bigquery.googleapis.com"


@dataclass(kw_only=True)
class Projects:
    """Every project exists, with everything enabled and granted, but for what is named here."""

    missing: set[str] = field(default_factory=set)
    disabled: set[tuple[str, str]] = field(default_factory=set)
    """(project, "bigquery.googleapis.com")"""
    denied: set[tuple[str, str]] = field(default_factory=set)
    """(project, "bigquery.jobs.create")"""

    def check_enabled(self, project: str) -> None:
        """Raises where the project is not there or has BigQuery switched off."""
        if project in self.missing:
            raise BigQueryError("notFound", f"Not found: Project {project}")
        if (project, SERVICE) in self.disabled:
            raise BigQueryError(
                "accessDenied",
                f"BigQuery API has not been used in project {project} before or it is disabled. Enable it, then retry.",
            )

    def check_granted(
        self, permission: str, project: str, dataset: str | None = None, table: str | None = None
    ) -> None:
        """Raises where the permission is lacking on the table, dataset or project."""
        if (project, permission) not in self.denied:
            return
        if dataset is None:
            said = f"Project {project}: User does not have {permission} permission in project {project}."
        else:
            kind, name = ("table", f"{project}:{dataset}.{table}") if table else ("dataset", f"{project}:{dataset}")
            said = f"{kind.title()} {name}: Permission {permission} denied on {kind} {name} (or it may not exist)."
        raise BigQueryError("accessDenied", f"Access Denied: {said}")


def test_permissions(state: BigQueryState, request: Request) -> dict[str, Any]:
    """tables.testIamPermissions: those of the permissions asked for that are granted."""
    state.catalog.table(request.table)
    wanted = request.body.get("permissions", [])
    granted = [permission for permission in wanted if (request.project, permission) not in state.projects.denied]
    return {"permissions": granted} if granted else {}
