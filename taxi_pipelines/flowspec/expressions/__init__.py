"""The expression language of flows: Pebble as Kestra 1.1 uses it, bounded, and without a way to any Python object.

Its users' page is docs/expressions.md.
"""

from __future__ import annotations

from taxi_pipelines.flowspec.expressions.budget import Limits
from taxi_pipelines.flowspec.expressions.environment import Environment
from taxi_pipelines.flowspec.expressions.template import Template, compile_template, render_deep
from taxi_pipelines.flowspec.expressions.values import is_true_text

__all__ = ["Environment", "Limits", "Template", "compile_template", "is_true_text", "render_deep"]
