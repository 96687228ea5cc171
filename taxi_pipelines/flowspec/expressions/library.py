"""Every filter, function and test of the language, by the name a template uses."""

from __future__ import annotations

from taxi_pipelines.flowspec.expressions import (
    filters_data,
    filters_dates,
    filters_lists,
    filters_text,
    functions_values,
    functions_world,
    tests_of_values,
)
from taxi_pipelines.flowspec.expressions.operations import Operation

FILTERS: dict[str, Operation] = {
    **filters_text.FILTERS,
    **filters_lists.FILTERS,
    **filters_data.FILTERS,
    **filters_dates.FILTERS,
}
FUNCTIONS: dict[str, Operation] = {
    **functions_values.FUNCTIONS,
    **functions_world.FUNCTIONS,
    **filters_dates.FUNCTIONS,
}
TESTS: dict[str, Operation] = tests_of_values.TESTS
