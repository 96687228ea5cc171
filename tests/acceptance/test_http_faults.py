"""A whole run against a server that misbehaves: it gets through, or says in one line why not and leaves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from taxi_pipelines import Pipeline
from taxi_pipelines.domain.month import Month
from taxi_pipelines.errors import SourceMissing
from taxi_pipelines.synthetic.files import write_month
from taxi_pipelines.synthetic.server import serve
