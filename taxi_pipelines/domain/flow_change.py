"""What taking over the flows of another place changes in those that are kept: a plan, as it is printed and performed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from taxi_pipelines.domain.records import StoredFlow

Name = tuple[str, str]
"""Namespace and id of a flow."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CommitFiles:
    """The files of a Git commit that may be flows, by path in the repository."""

    commit: str
    files: Mapping[str, bytes]


class ChangeKind(StrEnum):
    """What becomes of a flow."""

    NEW = "new"
    CHANGED = "changed"
    ADOPTED = "adopted"  #: the text stays as it is; from now on it counts as that of the place
    DELETED = "deleted"


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowChange:
    """One flow's. `before` is the revision that it is to replace."""

    kind: ChangeKind
    namespace: str
    id: str
    before: int | None = None

    @property
    def name(self) -> Name:
        """Namespace and id."""
        return self.namespace, self.id


def changes_to(wanted: Mapping[Name, str], kept: Iterable[StoredFlow]) -> list[FlowChange]:
    """From the flows kept to these texts, by name. Only flows that came from Git are deleted."""
    before = {(flow.namespace, flow.id): flow for flow in kept}
    found = [_change(name, text, before.get(name)) for name, text in wanted.items()]
    gone = [flow for name, flow in before.items() if name not in wanted and flow.git_commit]
    found += [
        FlowChange(kind=ChangeKind.DELETED, namespace=flow.namespace, id=flow.id, before=flow.revision) for flow in gone
    ]
    return sorted((one for one in found if one), key=lambda one: one.name)


def _change(name: Name, text: str, before: StoredFlow | None) -> FlowChange | None:
    namespace, id = name
    if before is None:
        return FlowChange(kind=ChangeKind.NEW, namespace=namespace, id=id)
    if before.source == text and before.git_commit:
        return None
    kind = ChangeKind.ADOPTED if before.source == text else ChangeKind.CHANGED
    return FlowChange(kind=kind, namespace=namespace, id=id, before=before.revision)
