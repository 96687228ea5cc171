"""The types that work in Cloud Storage. The work is in `gcs_objects` and `gcs_bucket`."""

from __future__ import annotations

from taxi_pipelines.task_types import TypeSpec
from taxi_pipelines.tasks.gcs_properties import CreateBucket, Deletion, Download, Listing, ObjectCopy, Upload

_PLUGIN = "io.kestra.plugin.gcp.gcs."
_RUN = "taxi_pipelines.tasks.gcs_"

GCS = (
    TypeSpec(
        name=f"{_PLUGIN}CreateBucket",
        aliases=("gcs.createBucket",),
        title="Makes a bucket.",
        properties=CreateBucket,
        outputs={
            "bucket": "The bucket: `name`, `uri`, `location`, `indexPage`, `notFoundPage`.",
            "created": "Whether it was made.",
            "updated": "Whether it was changed.",
        },
        run=f"{_RUN}bucket:create_bucket",
        example=(
            "type: gcs.createBucket\nprojectId: my-project\nname: my-bucket\nlocation: EU\nstorageClass: STANDARD\n"
            "ifExists: SKIP"
        ),
    ),
    TypeSpec(
        name=f"{_PLUGIN}Upload",
        aliases=("gcs.upload",),
        title="Uploads stored files to a bucket.",
        properties=Upload,
        outputs={
            "uri": "The object's URI; of several the folder's.",
            "uris": "The URIs of all objects.",
            "md5": "The file's MD5, in base64; of a single file.",
            "crc32c": "The file's CRC32C, in base64; of a single file.",
        },
        run=f"{_RUN}objects:upload",
        repeatable=True,
        example=(
            "type: gcs.upload\nprojectId: my-project\nserviceAccount: \"{{ secret('GCP_CREDS') }}\"\n"
            "from: kestra:///taxi/green_tripdata_2024-01.csv\nto: gs://my-bucket/green_tripdata_2024-01.csv"
        ),
    ),
    TypeSpec(
        name=f"{_PLUGIN}Download",
        aliases=("gcs.download",),
        title="Downloads an object of a bucket.",
        properties=Download,
        outputs={"uri": "The stored file's URI.", "bucket": "The bucket.", "path": "The object's name."},
        run=f"{_RUN}objects:download",
        repeatable=True,
        example="type: gcs.download\nprojectId: my-project\nfrom: gs://my-bucket/zones.csv",
    ),
    TypeSpec(
        name=f"{_PLUGIN}List",
        aliases=("gcs.list",),
        title="Lists objects of a bucket.",
        properties=Listing,
        outputs={
            "blobs": "What was found: `uri`, `bucket`, `name`, `isDirectory`; of objects also `size`, `md5`, `updateTime`, …."
        },
        run=f"{_RUN}objects:list_objects",
        repeatable=True,
        example='type: gcs.list\nprojectId: my-project\nfrom: gs://my-bucket/trips/\nregExp: ".*2024-.*\\\\.parquet"',
    ),
    TypeSpec(
        name=f"{_PLUGIN}Delete",
        aliases=("gcs.delete",),
        title="Deletes an object of a bucket.",
        properties=Deletion,
        outputs={"uri": "The object's URI.", "deleted": "Whether it was there."},
        run=f"{_RUN}objects:delete",
        example="type: gcs.delete\nprojectId: my-project\nuri: gs://my-bucket/zones.csv",
    ),
    TypeSpec(
        name=f"{_PLUGIN}Copy",
        aliases=("gcs.copy",),
        title="Copies an object of a bucket, or moves it.",
        properties=ObjectCopy,
        outputs={"uri": "The copy's URI."},
        run=f"{_RUN}objects:copy",
        example=(
            "type: gcs.copy\nprojectId: my-project\nfrom: gs://my-bucket/new/zones.csv\n"
            "to: gs://my-bucket/done/zones.csv\ndelete: true"
        ),
    ),
)
"""Every type that works in Cloud Storage."""
