"""What BigQuery tasks may say. Kestra's names throughout: its flows run as they are."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AliasChoices, Field

from taxi_pipelines.task_types import DurationText, Properties
from taxi_pipelines.tasks.google_access import GoogleTask
from taxi_pipelines.tasks.sql import Fetching

Create = Literal["CREATE_IF_NEEDED", "CREATE_NEVER"]
Write = Literal["WRITE_TRUNCATE", "WRITE_TRUNCATE_DATA", "WRITE_APPEND", "WRITE_EMPTY"]
Partitioning = Literal["DAY", "HOUR", "MONTH", "YEAR"]
SchemaUpdate = Literal["ALLOW_FIELD_ADDITION", "ALLOW_FIELD_RELAXATION"]

RETRY_REASONS = ["rateLimitExceeded", "backendError", "internalError", "jobBackendError", "jobInternalError"]


class RetryAuto(Properties):
    """How often and when a job is made again that failed for a reason which may pass."""

    type: Literal["constant", "exponential", "random"] = Field(
        default="exponential",
        description="Whether pauses stay, grow, or lie anywhere between the shortest and the longest.",
    )
    interval: DurationText = Field(default="PT1S", description="The first pause, or the shortest.")
    max_interval: DurationText = Field(default="PT1M", description="The longest pause.")
    delay_factor: float = Field(default=2.0, ge=1, description="How much each pause is longer than the one before.")
    max_attempts: int = Field(
        default=5, ge=1, description="How often the job is made at most, the first time included."
    )
    max_duration: DurationText = Field(default="PT15M", description="How long all pauses may be together.")


class BigQueryTask(GoogleTask):
    """What all BigQuery tasks have in common."""

    location: str | None = Field(
        default=None, description="Where the data is, such as EU or europe-west2; found out by the tables if not given."
    )
    retry_auto: RetryAuto = Field(
        default=RetryAuto(), description="How often and when a job is made again that failed for such a reason."
    )
    retry_reasons: list[str] = Field(
        default=RETRY_REASONS, description="Google's reasons for which a job is made again."
    )
    retry_messages: list[str] = Field(
        default=[], description="Parts of messages for which a job is made again, whatever its reason."
    )


class BigQueryJob(BigQueryTask):
    """What queries and copies have in common."""

    destination_table: str | None = Field(
        default=None, description="The table for the result, as DATASET.TABLE or PROJECT.DATASET.TABLE."
    )
    write_disposition: Write | None = Field(default=None, description="What happens to rows that are there.")
    create_disposition: Create | None = Field(default=None, description="Whether the table may be made.")
    job_timeout: DurationText | None = Field(default=None, description="After how long BigQuery is to end the job.")
    labels: dict[str, str] = Field(default={}, description="Labels of the job, besides those that say whose it is.")
    dry_run: bool = Field(default=False, description="Whether the job is only checked, and its bytes estimated.")


class Query(BigQueryJob, Fetching):
    """A query job."""

    sql: str = Field(min_length=1, description="The statement, or a script of several.")
    legacy_sql: bool = Field(default=False, description="Whether it is written in the old dialect.")
    use_legacy_sql: bool | None = Field(default=None, description="The same as `legacySql`.")
    default_dataset: str | None = Field(default=None, description="The dataset of tables that name none.")
    priority: Literal["INTERACTIVE", "BATCH"] = Field(
        default="INTERACTIVE", description="BATCH waits until there is room."
    )
    use_query_cache: bool | None = Field(default=None, description="Whether a result known already will do.")
    maximum_bytes_billed: int | None = Field(default=None, ge=1, description="The most bytes it may be billed for.")
    maximum_billing_tier: int | None = Field(default=None, description="Only for the old dialect.")
    allow_large_results: bool | None = Field(default=None, description="Only for the old dialect.")
    flatten_results: bool = Field(default=True, description="Only for the old dialect.")
    max_results: int | None = Field(default=None, ge=1, description="How many rows to ask for at a time.")
    clustering_fields: list[str] = Field(default=[], description="Columns to cluster the table by.")
    schema_update_options: list[SchemaUpdate] = Field(default=[], description="How the table's columns may change.")
    time_partitioning_field: str | None = Field(default=None, description="The column to partition the table by.")
    time_partitioning_type: Partitioning = Field(default="DAY", description="How long its partitions are.")
    range_partitioning_field: str | None = Field(
        default=None, description="The column of numbers to partition the table by."
    )
    range_partitioning_start: int | None = Field(default=None, description="The first number.")
    range_partitioning_end: int | None = Field(default=None, description="The number behind the last.")
    range_partitioning_interval: int | None = Field(default=None, description="How many numbers a partition has.")


class Copy(BigQueryJob):
    """A copy job."""

    source_tables: list[str] = Field(min_length=1, description="The tables, or partitions as TABLE$20240131.")
    destination_table: str = Field(description="The table to write, as DATASET.TABLE or PROJECT.DATASET.TABLE.")
    operation_type: Literal["COPY", "SNAPSHOT", "RESTORE", "CLONE"] = Field(
        default="COPY", description="What kind of copy."
    )


class CsvOptions(Properties):
    """How a CSV file is written."""

    allow_jagged_rows: bool | None = Field(default=None, description="Whether rows may lack their last columns.")
    allow_quoted_new_lines: bool | None = Field(default=None, description="Whether quoted text may have several lines.")
    encoding: str | None = Field(default=None, description="The encoding: UTF-8 or ISO-8859-1.")
    field_delimiter: str | None = Field(default=None, description="What stands between columns.")
    quote: str | None = Field(default=None, description="What quotes.")
    skip_leading_rows: int | None = Field(default=None, ge=0, description="How many lines to skip: 1 for a header.")


class AvroOptions(Properties):
    """How an Avro file is read."""

    use_avro_logical_types: bool | None = Field(
        default=None, description="Whether times are read as times, not as numbers."
    )


class LoadTask(BigQueryTask):
    """A load job."""

    destination_table: str = Field(description="The table to write, as DATASET.TABLE or PROJECT.DATASET.TABLE.")
    format: Literal["CSV", "JSON", "AVRO", "PARQUET", "ORC"] = Field(
        description="How the file is written; JSON means a map on each line."
    )
    write_disposition: Write | None = Field(default=None, description="What happens to rows that are there.")
    create_disposition: Create | None = Field(default=None, description="Whether the table may be made.")
    autodetect: bool | None = Field(default=None, description="Whether columns are found out by looking at the file.")
    schema_: dict[str, Any] | None = Field(
        default=None,
        alias="schema",
        description="The columns: `fields`, each with `name`, `type`, `mode`, `description`.",
    )
    ignore_unknown_values: bool | None = Field(default=None, description="Whether further columns are skipped.")
    max_bad_records: int | None = Field(default=None, ge=0, description="How many rows may be wrong, and are dropped.")
    csv_options: CsvOptions = Field(default=CsvOptions(), description="How a CSV file is written.")
    avro_options: AvroOptions = Field(default=AvroOptions(), description="How an Avro file is read.")
    clustering_fields: list[str] = Field(default=[], description="Columns to cluster the table by.")
    schema_update_options: list[SchemaUpdate] = Field(default=[], description="How the table's columns may change.")
    time_partitioning_field: str | None = Field(default=None, description="The column to partition the table by.")
    time_partitioning_type: Partitioning = Field(default="DAY", description="How long its partitions are.")


class Load(LoadTask):
    """A stored file."""

    from_: str = Field(alias="from", description="The stored file's URI.")
    failed_on_empty: bool = Field(default=True, description="Whether an empty file is a failure.")


class LoadFromGcs(LoadTask):
    """Objects of a bucket."""

    from_: list[str] = Field(
        alias="from", min_length=1, description="The objects, as gs://BUCKET/NAME; one * may stand in a name."
    )


class AccessControlEntity(Properties):
    """Somebody."""

    type: Literal["USER", "GROUP", "DOMAIN", "IAM_MEMBER"] = Field(description="What it is.")
    value: str = Field(description="Its name: an address, or a domain.")


class AccessControl(Properties):
    """What somebody may do."""

    entity: AccessControlEntity = Field(description="Who.")
    role: Literal["READER", "WRITER", "OWNER"] = Field(description="What.")


class CreateDataset(BigQueryTask):
    """A dataset."""

    name: str = Field(validation_alias=AliasChoices("name", "dataset"), description="Its id.")
    if_exists: Literal["ERROR", "UPDATE", "SKIP"] = Field(default="ERROR", description="What to do where it is there.")
    friendly_name: str | None = Field(default=None, description="A name to show.")
    description: str | None = Field(default=None, description="What it is for.")
    labels: dict[str, str] | None = Field(default=None, description="Its labels.")
    default_table_lifetime: int | None = Field(
        default=None, description="After how many milliseconds its tables are deleted."
    )
    default_partition_expiration_ms: int | None = Field(
        default=None, description="After how many milliseconds partitions of its tables are deleted."
    )
    default_encryption_configuration: dict[str, str] | None = Field(
        default=None, description="`kmsKeyName`: the key its tables are encrypted with."
    )
    acl: list[AccessControl] | None = Field(default=None, description="Who may do what with it.")


class DeleteTable(BigQueryTask):
    """A table."""

    dataset: str = Field(min_length=1, description="Its dataset.")
    table: str = Field(min_length=1, description="Its name, or a partition as TABLE$20240131.")
