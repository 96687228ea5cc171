"""Every type that works in Google Cloud."""

from __future__ import annotations

from taxi_pipelines.tasks.bigquery import BIGQUERY
from taxi_pipelines.tasks.gcs import GCS

GCP = (*GCS, *BIGQUERY)
"""Cloud Storage and BigQuery."""
