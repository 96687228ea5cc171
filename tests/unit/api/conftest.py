"""One service for all tests of the API: each has flows and executions of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.cli_flows import ASKING, FAILING, HELLO, NAPPING, PARENT
from tests.support.service import Served, serving


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("api")) as served:
        served.save(HELLO, FAILING, ASKING, PARENT, NAPPING)
        yield served
        assert served.said == []  # nothing went wrong that no answer tells of
