"""Files like the TLC's, made up: for tests, the demo and benchmarks. All four types, every epoch, any size, deterministic."""

from taxi_pipelines.synthetic.epochs import published_schema
from taxi_pipelines.synthetic.files import write_month, write_zones
from taxi_pipelines.synthetic.republish import RepublishedCounts, republish
from taxi_pipelines.synthetic.server import serve
from taxi_pipelines.synthetic.tables import generate

__all__ = ["RepublishedCounts", "generate", "published_schema", "republish", "serve", "write_month", "write_zones"]
