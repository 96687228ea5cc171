"""A service with something to see: months of every state, flows, executions that succeeded, failed, wait; a backfill, keys, a secret."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from taxi_pipelines.domain.month import Month
from taxi_pipelines.synthetic.files import write_month, write_zones
from tests.support.data import ROOT
from tests.support.service import Served, serving

NAMESPACE = "company.team"
RETRY = re.compile(r"^( *)retry:\n(?:\1  .*\n)+", re.M)
"""Of the shipped flows: here what fails is to be seen at once."""

SHIPPED = ("hello", "taxi_month", "taxi_monthly", "taxi_backfill", "taxi_verify", "zones")

NESTED = f"""\
# One of each of what holds other tasks.
id: nested
namespace: {NAMESPACE}
description: Prices of all boroughs, **compared** and reported.
labels: {{team: data}}
inputs:
  - {{id: boroughs, type: ARRAY, itemType: STRING, defaults: '["Bronx", "Queens"]', description: Which ones}}
  - {{id: day, type: DATE, required: false}}
tasks:
  - id: both
    type: parallel
    tasks:
      - {{id: fares, type: return, format: "52.50"}}
      - {{id: tolls, type: return, format: "6.55"}}
  - id: each
    type: foreach
    values: "{{{{ inputs.boroughs }}}}"
    tasks:
      - {{id: price, type: return, format: "{{{{ taskrun.value }}}}: {{{{ outputs.fares.value }}}}"}}
      - {{id: say, type: log, message: "{{{{ taskrun.value }}}} is done"}}
  - id: decide
    type: if
    condition: "{{{{ outputs.tolls.value == '6.55' }}}}"
    then: [{{id: report, type: log, message: "tolls as expected"}}]
    else: [{{id: warn, type: log, level: WARN, message: "tolls have changed"}}]
outputs:
  - {{id: total, type: STRING, value: "{{{{ outputs.fares.value }}}}"}}
"""
FAILING = f"""\
id: prices
namespace: {NAMESPACE}
tasks:
  - {{id: fetch, type: return, format: "3 prices"}}
  - {{id: compare, type: fail, errorMessage: "column ehail_fee arrived as INT64, the table has DOUBLE"}}
  - {{id: publish, type: log, message: "published"}}
triggers:
  - {{id: nightly, type: schedule, cron: "30 4 * * *", timezone: America/New_York}}
"""
WAITING = f"""\
id: approval
namespace: {NAMESPACE}
tasks:
  - {{id: ask, type: pause, onResume: [{{id: reason, type: STRING}}]}}
  - {{id: go_on, type: log, message: "went on"}}
"""
MONTHLY = f"""\
id: monthly
namespace: {NAMESPACE}
tasks: [{{id: load, type: return, format: "{{{{ trigger.date }}}}"}}]
triggers: [{{id: first, type: schedule, cron: "0 6 2 * *", timezone: America/New_York}}]
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """What there is to see: `executions` by the flow's id, or by the month they load."""

    served: Served
    url: str
    executions: dict[str, str]
    backfill: str

    def pages(self) -> list[str]:
        """The address of every page."""
        failed = f"/executions/{self.executions['prices']}"
        flow = f"/flows/{NAMESPACE}/nested"
        return [
            *("/", "/months/green/2024-02", "/months/green/2024-05", "/dashboard"),
            *("/flows", "/flows?q=ehail", flow, f"{flow}/topology", f"{flow}/executions", f"{flow}/edit"),
            *(
                f"{flow}/revisions",
                f"{flow}/triggers",
                f"{flow}/logs",
                f"{flow}/metrics",
                f"{flow}/execute",
                "/flows/new",
            ),
            *("/executions", "/executions?state=FAILED", failed, f"{failed}/logs", f"{failed}/topology"),
            *(
                f"{failed}/outputs",
                f"{failed}/metrics",
                f"{failed}/overview",
                f"/executions/{self.executions['approval']}",
            ),
            *("/logs", "/logs?q=published", "/triggers", f"/triggers/{NAMESPACE}/monthly/first/backfill"),
            *(f"/backfills/{self.backfill}", "/namespaces", f"/namespaces/{NAMESPACE}"),
            *("/data", "/data/green_tripdata", "/system"),
        ]


@contextmanager
def scene(
    folder: Path,
    *,
    also: Iterable[tuple[str, Month]] = (),
    before: Callable[[Served], None] = lambda served: None,
    **settings: Any,
) -> Iterator[Scene]:
    """While the block lasts. Of the green months of 2024 six are loaded; April is of 6 rows, May fails, July and August are
    only published. `also` are other months to load, `before` is done before all that."""
    source = folder / "trip-data"
    for month in range(1, 9):
        write_month(source, "green", Month(2024, month), 6 if month == 4 else 300 + 7 * month)
    for kind, partition in also:
        write_month(source, kind, partition, 300 + 23 * (partition.month % 5))
    write_zones(source)
    damaged = source / "green_tripdata_2024-05.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-200])
    flows = folder / "flows"
    flows.mkdir()
    for name in SHIPPED:
        text = (ROOT / "flows" / f"{name}.yaml").read_text()
        (flows / f"{name}.yaml").write_text(RETRY.sub("", text))
    workers_see = patch.dict(os.environ, TAXI_SOURCE=str(source))
    with workers_see, serving(folder, source=str(source), flows=flows, **settings) as served:
        before(served)
        served.save(NESTED, FAILING, WAITING, MONTHLY)
        for kind, partition in also:
            served.service.pipeline.run(kind, str(partition))
        executions = _load(served)
        executions |= {name: served.run(f"{NAMESPACE}/{name}")["id"] for name in ("nested", "prices")}
        executions["approval"] = served.json("POST", f"/executions/{NAMESPACE}/approval")["id"]
        served.until(lambda: served.state(executions["approval"]) == "PAUSED")
        request = {"trigger": f"{NAMESPACE}.monthly.first", "start": "2024-01", "end": "2024-12"}
        backfill = served.json("POST", "/backfills", json=request)["id"]
        served.service.orchestrator.set_value(NAMESPACE, "limit", 10)
        served.service.orchestrator.set_secret(NAMESPACE, "WEBHOOK", "never to be seen")
        yield Scene(served, str(served.client.base_url).rstrip("/"), executions, backfill)


def _load(served: Served) -> dict[str, str]:
    """Two months by the flow, one of which fails, and their executions; the others at once."""
    pipeline = served.service.pipeline
    for month in ("2024-01", "2024-03", "2024-04", "2024-06"):
        pipeline.run("green", month)
    pipeline.run("zones")
    return {
        month: served.json("POST", f"/months/green/{month}/load", params={"wait": "true"})["id"]
        for month in ("2024-02", "2024-05")
    }
