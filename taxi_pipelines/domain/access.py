"""Who may do what over the API: roles, and tokens that carry one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AccessRole(StrEnum):
    """The weakest first. Each may do what those before it may."""

    VIEWER = "viewer"  #: sees everything but secrets
    OPERATOR = "operator"  #: runs, stops, and repeats executions, triggers and months
    ADMIN = "admin"  #: changes flows, keys and values, and deletes

    def covers(self, wanted: AccessRole) -> bool:
        """Whether it may do what `wanted` may."""
        order = list(AccessRole)
        return order.index(self) >= order.index(wanted)


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """A token as it is kept: `digest` is what its secret part was hashed to."""

    id: str
    role: AccessRole
    digest: str
    created_at: datetime
