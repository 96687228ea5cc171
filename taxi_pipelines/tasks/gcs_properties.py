"""What Cloud Storage tasks may say. Kestra's names throughout: its flows run as they are."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from taxi_pipelines.task_types import Properties
from taxi_pipelines.tasks.google_access import GoogleTask

StorageClass = Literal[
    "STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE", "REGIONAL", "MULTI_REGIONAL", "DURABLE_REDUCED_AVAILABILITY"
]


class LifecycleCondition(Properties):
    """When a rule applies."""

    age: int = Field(ge=0, description="To objects so many days old.")


class LifecycleAction(Properties):
    """What a rule does."""

    type: Literal["DELETE", "SET_STORAGE_CLASS"] = Field(description="What to do.")
    value: StorageClass | None = Field(default=None, description="The storage class to set.")


class LifecycleRule(Properties):
    """What becomes of objects in time."""

    condition: LifecycleCondition = Field(description="When.")
    action: LifecycleAction = Field(description="What.")


class CorsOrigin(Properties):
    """A site."""

    value: str = Field(description="Its origin, such as https://example.com.")


class Cors(Properties):
    """Which sites' pages may read the bucket."""

    origins: list[CorsOrigin] = Field(default=[], description="The sites.")
    methods: list[str] = Field(default=[], description="The methods they may use.")
    response_headers: list[str] = Field(default=[], description="The headers they may see.")
    max_age_seconds: int | None = Field(default=None, description="How long a browser may remember.")


class BucketEntity(Properties):
    """Somebody."""

    type: Literal["USER", "GROUP", "DOMAIN"] = Field(description="What it is.")
    value: str = Field(description="Its name: an address, or a domain.")


class BucketAccess(Properties):
    """What somebody may do."""

    entity: BucketEntity = Field(description="Who.")
    role: Literal["READER", "WRITER", "OWNER"] = Field(description="What.")


class IamConfiguration(Properties):
    """Who may be let in at all."""

    uniform_bucket_level_access_enabled: bool | None = Field(
        default=None, description="Whether rights are the bucket's alone, not each object's."
    )
    public_access_prevention: Literal["ENFORCED", "INHERITED"] | None = Field(
        default=None, description="Whether nothing may be made public."
    )


class BucketLogging(Properties):
    """Where accesses are noted."""

    log_bucket: str = Field(description="The bucket to write to.")
    log_object_prefix: str | None = Field(default=None, description="How the names of these objects begin.")


class CreateBucket(GoogleTask):
    """A bucket."""

    name: str = Field(description="Its name, of which there is only one in the world.")
    if_exists: Literal["ERROR", "UPDATE", "SKIP"] = Field(default="ERROR", description="What to do where it is there.")
    location: str | None = Field(default=None, description="Where: US, EU, or a region such as europe-west2.")
    storage_class: StorageClass | None = Field(default=None, description="The class of new objects.")
    labels: dict[str, str] | None = Field(default=None, description="Its labels.")
    versioning_enabled: bool | None = Field(default=None, description="Whether versions that are replaced are kept.")
    requester_pays: bool | None = Field(default=None, description="Whether whoever reads is billed.")
    lifecycle_rules: list[LifecycleRule] | None = Field(default=None, description="What becomes of objects in time.")
    retention_period: int | None = Field(default=None, description="For how many seconds nothing can be deleted.")
    default_event_based_hold: bool | None = Field(default=None, description="Whether new objects are held.")
    default_kms_key_name: str | None = Field(default=None, description="The key new objects are encrypted with.")
    index_page: str | None = Field(default=None, description="Of a website: what a folder shows.")
    not_found_page: str | None = Field(default=None, description="Of a website: what is shown for what is not there.")
    cors: list[Cors] | None = Field(default=None, description="Which sites' pages may read it.")
    acl: list[BucketAccess] | None = Field(default=None, description="Who may do what with it.")
    default_acl: list[BucketAccess] | None = Field(default=None, description="Who may do what with new objects.")
    iam_configuration: IamConfiguration | None = Field(default=None, description="Who may be let in at all.")
    logging: BucketLogging | None = Field(default=None, description="Where accesses are noted.")


class Upload(GoogleTask):
    """Stored files into a bucket."""

    from_: Any = Field(alias="from", description="The stored file's URI, or a list of them.")
    to: str = Field(
        description="The object, as gs://BUCKET/NAME; of several files, or with a / at its end, the folder for them."
    )
    content_type: str | None = Field(default=None, description="What the file is; told by its name if not given.")
    content_encoding: str | None = Field(default=None, description="How it is packed, such as gzip.")
    content_disposition: str | None = Field(default=None, description="What a browser is to call it.")
    cache_control: str | None = Field(default=None, description="How long a browser may remember it.")


class Download(GoogleTask):
    """An object of a bucket."""

    from_: str = Field(alias="from", description="The object, as gs://BUCKET/NAME.")


class Listing(GoogleTask):
    """Objects of a bucket."""

    from_: str = Field(alias="from", description="The bucket, or how the names begin, as gs://BUCKET/PREFIX.")
    listing_type: Literal["DIRECTORY", "RECURSIVE"] = Field(
        default="DIRECTORY", description="Whether what is in folders below is listed, too."
    )
    filter: Literal["FILES", "DIRECTORY", "BOTH"] = Field(default="BOTH", description="What to list.")
    reg_exp: str | None = Field(default=None, description="What the whole URI must be like: a regular expression.")
    all_versions: bool = Field(default=False, description="Whether versions that were replaced are listed, too.")
    max_files: int = Field(default=25, ge=1, description="How many to list at most.")


class Deletion(GoogleTask):
    """An object of a bucket."""

    uri: str = Field(description="The object, as gs://BUCKET/NAME.")
    error_on_missing: bool = Field(default=False, description="Whether a missing object is a failure.")


class ObjectCopy(GoogleTask):
    """An object of a bucket, copied."""

    from_: str = Field(alias="from", description="The object, as gs://BUCKET/NAME.")
    to: str = Field(description="The copy, as gs://BUCKET/NAME.")
    delete: bool = Field(default=False, description="Whether the object is deleted afterwards.")
