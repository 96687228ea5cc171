"""NYC taxi (TLC) trip data, month by month, into a lake and a warehouse: every published row exactly once.

from taxi_pipelines import Pipeline
receipt = Pipeline().run("green", "2021-01")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from taxi_pipelines.pipeline import Pipeline

__version__ = "0.1.0"
__all__ = ["Pipeline", "__version__"]


def __getattr__(name: str) -> Any:
    """Imports `Pipeline` when it is first asked for, so that importing the package is free."""
    if name == "Pipeline":
        from taxi_pipelines.pipeline import Pipeline

        return Pipeline
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
