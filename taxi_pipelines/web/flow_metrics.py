"""What the executions of a flow have measured, one row per name, with a line of the last values. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from taxi_pipelines.domain.records import Metric
from taxi_pipelines.flow_interfaces import Glance
from taxi_pipelines.web.words import duration, number

WIDTH, HEIGHT = 220, 36
_EDGE = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """What one execution measured, its task runs added up; `x` and `y` are its place in the picture."""

    execution: Glance
    value: float
    x: float
    y: float


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricRow:
    """One name; the points in the order of time."""

    name: str
    is_timer: bool
    points: Sequence[Point]

    @property
    def last(self) -> Point:
        """The newest."""
        return self.points[-1]

    def said(self, value: float) -> str:
        """A value in words: seconds as a duration, others as a number."""
        return duration(value) if self.is_timer else number(round(value) if value == round(value) else round(value, 3))

    @property
    def line(self) -> str:
        """The points as SVG wants them."""
        return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in self.points)

    @property
    def least(self) -> float:
        """Of all values."""
        return min(point.value for point in self.points)

    @property
    def most(self) -> float:
        """Of all values."""
        return max(point.value for point in self.points)


def metric_rows(executions: Sequence[Glance], metrics: Sequence[Metric]) -> list[MetricRow]:
    """By name. The executions are given newest first; those that measured nothing of a name are no point of it."""
    sums: dict[str, dict[str, float]] = {}
    timers = {metric.name for metric in metrics if metric.type == "timer"}
    for metric in metrics:
        of_name = sums.setdefault(metric.name, {})
        of_name[metric.execution_id] = of_name.get(metric.execution_id, 0.0) + metric.value
    in_time = list(reversed(executions))
    return [
        MetricRow(name=name, is_timer=name in timers, points=_points(in_time, values))
        for name, values in sorted(sums.items())
    ]


def _points(executions: Sequence[Glance], values: Mapping[str, float]) -> list[Point]:
    measured = [(one, values[one.id]) for one in executions if one.id in values]
    least, most = min(values.values()), max(values.values())
    step = (WIDTH - 2 * _EDGE) / max(len(measured) - 1, 1)
    scale = (HEIGHT - 2 * _EDGE) / ((most - least) or 1)
    return [
        Point(execution=one, value=value, x=_EDGE + number * step, y=HEIGHT - _EDGE - (value - least) * scale)
        for number, (one, value) in enumerate(measured)
    ]
