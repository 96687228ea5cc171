"""An engine that is to end lets its workers finish, and begins nothing more: the next one does."""

from __future__ import annotations

import time
from pathlib import Path

from taxi_pipelines.domain.states import State
from tests.flows.heavy import CATALOG
from tests.support.engines import running

FLOW = """\
id: two
namespace: t
tasks:
  - {{id: first, type: test.Touch, folder: "{folder}", name: first, seconds: 0.5}}
  - {{id: second, type: test.Touch, folder: "{folder}", name: second}}
"""


def test_what_is_with_a_worker_ends_and_what_comes_after_is_left_to_the_next_engine(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    with running(tmp_path / "home", catalog=CATALOG) as bench:
        id = bench.submit(FLOW.format(folder=marks)).id
        bench.until(lambda: (marks / "begun").exists())
        began = time.monotonic()
        bench.engine.drain(20)
        assert time.monotonic() - began < 10
        assert bench.look(id).states == {"first": "SUCCESS", "second": "CREATED"}
    with running(tmp_path / "home", catalog=CATALOG) as bench:
        assert bench.finish(id).execution.state is State.SUCCESS
    assert (marks / "begun").read_text().split() == ["first", "second"]


def test_it_waits_no_longer_than_it_is_told(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    with running(tmp_path / "home", catalog=CATALOG) as bench:
        bench.submit(FLOW.format(folder=marks).replace("0.5", "60"))
        bench.until(lambda: (marks / "begun").exists())
        began = time.monotonic()
        bench.engine.drain(0.3)
        assert time.monotonic() - began < 5
