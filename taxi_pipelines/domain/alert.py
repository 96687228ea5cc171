"""Alerts: which endings and delays somebody wants to hear of, where, and what is said. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

SERVER_NAMESPACE = "system"
"""Where the secrets of the server itself are kept."""


class AlertOn(StrEnum):
    """What an alert is for."""

    FAILED = "FAILED"
    WARNING = "WARNING"
    LATE = "LATE"  #: a slot not done, or an execution not ended, so long after


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertRule:
    """Which of it goes where: `to` names a secret that holds an apprise URL. `after` is what LATE means.

    `namespace` includes those below it; `flow` is an id. None means any.
    """

    on: tuple[AlertOn, ...]
    to: str
    namespace: str | None = None
    flow: str | None = None
    after: timedelta | None = None

    @property
    def place(self) -> Place:
        """Where its alerts go."""
        return Place(namespace=self.namespace or SERVER_NAMESPACE, secret=self.to)

    def covers(self, namespace: str, flow_id: str) -> bool:
        """Whether it is about that flow."""
        in_namespace = self.namespace is None or f"{namespace}.".startswith(f"{self.namespace}.")
        return in_namespace and self.flow in (None, flow_id)


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Place:
    """Where alerts go: the secret is that of the namespace, of those above it, or the server's own."""

    namespace: str
    secret: str

    def __str__(self) -> str:
        """Its secret's name, which is all of it that may be printed."""
        return self.secret


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """A message on its way. `number` is given when it is stored; `tries` counts those that failed."""

    place: Place
    title: str
    body: str
    created_at: datetime
    number: int = 0
    tries: int = 0
