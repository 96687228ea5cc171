"""Flows for the tests of the command line."""

from __future__ import annotations

from pathlib import Path

HELLO = """\
id: hello
namespace: demo
inputs:
  - {id: name, type: STRING, defaults: world}
tasks:
  - {id: greet, type: log, message: "Hello {{ inputs.name }}!"}
outputs:
  - {id: said, type: STRING, value: "hello {{ inputs.name }}"}
"""

FAILING = """\
id: failing
namespace: demo
tasks:
  - id: each
    type: forEach
    values: [green, yellow]
    tasks:
      - {id: say, type: log, message: "did {{ taskrun.value }}"}
  - {id: boom, type: fail, errorMessage: no luck today}
"""

ASKING = """\
id: asking
namespace: demo
tasks:
  - id: gate
    type: pause
    onResume:
      - {id: reason, type: STRING}
      - {id: ok, type: BOOLEAN, defaults: true}
  - {id: out, type: log, message: "because {{ outputs.gate.onResume.reason }} {{ outputs.gate.onResume.ok }}"}
"""

PARENT = """\
id: parent
namespace: demo
tasks:
  - {id: call, type: subflow, namespace: demo, flowId: hello, inputs: {name: kid}}
outputs:
  - {id: heard, type: STRING, value: "{{ outputs.call.outputs.said }}"}
"""

SCHEDULED = """\
id: scheduled
namespace: demo
inputs:
  - {id: taxi, type: STRING, defaults: none}
tasks:
  - {id: out, type: log, message: "{{ inputs.taxi }} {{ trigger.date | date('yyyy-MM') }}"}
outputs:
  - {id: month, type: STRING, value: "{{ inputs.taxi }} {{ trigger.date | date('yyyy-MM') }}"}
triggers:
  - {id: green, type: schedule, cron: "0 9 1 * *", timezone: America/New_York, inputs: {taxi: green}, labels: {by: clock}}
  - {id: yellow, type: schedule, cron: "0 10 1 * *", inputs: {taxi: yellow}}
"""

NAPPING = """\
id: napping
namespace: demo
tasks:
  - {id: nap, type: sleep, duration: PT30S}
  - {id: out, type: log, message: after}
"""


def write(folder: Path, *texts: str) -> list[Path]:
    """The flows in files named after them."""
    paths = []
    for text in texts:
        path = folder / f"{text.split(maxsplit=2)[1]}.yaml"
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths
