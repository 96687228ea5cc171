"""Bodies of graphs."""

from __future__ import annotations

from collections.abc import Mapping

from taxi_pipelines.api.bodies import Body, with_example
from taxi_pipelines.api.flow_bodies import FlowName
from taxi_pipelines.domain.graph import EdgeKind, Graph, NodeKind, Progress
from taxi_pipelines.domain.states import State


class NodeBody(Body):
    """One box. `parent` is the one around it, `note` what is worth saying besides its type, `line` where it stands in the text.

    Of an execution's graph: `state`, none where the task has not begun, `runs` by state, and the seconds of one that ran once.
    """

    id: str
    kind: NodeKind
    label: str
    type: str
    parent: str | None
    task_id: str | None
    note: str
    disabled: bool
    line: int | None
    flow: FlowName | None
    state: State | None = None
    runs: dict[State, int] | None = None
    seconds: float | None = None


class EdgeBody(Body):
    """`target` comes after `source`; both stand in the same box."""

    source: str
    target: str
    kind: EdgeKind


class GraphBody(Body):
    """A flow as a graph: boxes before what is in them."""

    model_config = with_example(
        nodes=[
            {
                "id": "greet",
                "kind": "task",
                "label": "greet",
                "type": "log.Log",
                "parent": None,
                "taskId": "greet",
                "note": "",
                "disabled": False,
                "line": 4,
                "flow": None,
                "state": None,
                "runs": None,
                "seconds": None,
            }
        ],
        edges=[],
    )

    nodes: list[NodeBody]
    edges: list[EdgeBody]


def graph_body(graph: Graph, progress: Mapping[str, Progress] | None = None) -> GraphBody:
    """A graph; with how far an execution is, where that is given."""
    nodes = []
    for node in graph.nodes:
        at = (progress or {}).get(node.task_id or "")
        nodes.append(
            NodeBody(
                id=node.id,
                kind=node.kind,
                label=node.label,
                type=node.type,
                parent=node.parent,
                task_id=node.task_id,
                note=node.note,
                disabled=node.disabled,
                line=node.line,
                flow=FlowName(namespace=node.flow[0], id=node.flow[1]) if node.flow else None,
                state=at.state if at else None,
                runs=dict(at.runs) if at else None,
                seconds=at.seconds if at else None,
            )
        )
    edges = [EdgeBody(source=edge.source, target=edge.target, kind=edge.kind) for edge in graph.edges]
    return GraphBody(nodes=nodes, edges=edges)
