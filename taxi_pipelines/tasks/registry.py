"""Every type there is, by all of its names. A new family is one import and one line here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from taxi_pipelines.task_types import Role, TypeSpec
from taxi_pipelines.tasks.conditions import CONDITIONS
from taxi_pipelines.tasks.core import CORE
from taxi_pipelines.tasks.flow_control import FLOW_CONTROL
from taxi_pipelines.tasks.gcp import GCP
from taxi_pipelines.tasks.http import HTTP
from taxi_pipelines.tasks.jdbc import JDBC
from taxi_pipelines.tasks.kv import KV
from taxi_pipelines.tasks.notify import NOTIFY
from taxi_pipelines.tasks.scripts import RUNNERS, SCRIPTS
from taxi_pipelines.tasks.storage import STORAGE
from taxi_pipelines.tasks.taxi import TAXI
from taxi_pipelines.tasks.triggers import TRIGGERS


class Registry:
    """A `TypeCatalog`."""

    def __init__(self, specs: Iterable[TypeSpec]) -> None:
        """Raises ValueError where two types of a role share a name."""
        self._by_name: dict[Role, dict[str, TypeSpec]] = {role: {} for role in Role}
        for spec in specs:
            for name in (spec.name, *spec.aliases):
                if name in self._by_name[spec.role]:
                    raise ValueError(f"two {spec.role} types are called {name}")
                self._by_name[spec.role][name] = spec

    def extended(self, specs: Iterable[TypeSpec]) -> Registry:
        """With further types."""
        return Registry([*(spec for role in Role for spec in self.specs(role)), *specs])

    def find(self, name: str, role: Role = Role.TASK) -> TypeSpec | None:
        """See `TypeCatalog.find`."""
        return self._by_name[role].get(name)

    def names(self, role: Role = Role.TASK) -> Iterable[str]:
        """See `TypeCatalog.names`."""
        return self._by_name[role]

    def specs(self, role: Role = Role.TASK) -> Sequence[TypeSpec]:
        """See `TypeCatalog.specs`."""
        return sorted({spec.name: spec for spec in self._by_name[role].values()}.values(), key=lambda spec: spec.name)


FAMILIES: Mapping[str, Sequence[TypeSpec]] = {
    "flow": FLOW_CONTROL,
    "core": CORE,
    "kv": KV,
    "scripts": (*SCRIPTS, *RUNNERS),
    "http": HTTP,
    "storage": STORAGE,
    "jdbc": JDBC,
    "gcp": GCP,
    "notify": NOTIFY,
    "taxi": TAXI,
    "triggers": TRIGGERS,
    "conditions": CONDITIONS,
}
"""The types of this version by family; each family is a page of docs/tasks/."""

REGISTRY = Registry(chain.from_iterable(FAMILIES.values()))
"""The types of this version."""
