variable "project" {
  description = "Id of the Google Cloud project; it exists and has billing."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "A project's id has 6 to 30 lower-case letters, digits and dashes, and starts with a letter. See: gcloud projects list"
  }
}

variable "location" {
  description = "Where bucket and datasets lie: a region, or US or EU. BigQuery loads only from a bucket in the same place, so there is one for both."
  type        = string
  default     = "US"

  validation {
    condition     = can(regex("^(US|EU|[a-z]+-[a-z]+[0-9]+)$", var.location))
    error_message = "A location is a region such as europe-west3, or US or EU."
  }
}

variable "zone" {
  description = "Where the VM runs; best inside the location. Its region is that of the network and of Cloud SQL, too."
  type        = string
  default     = "us-central1-a"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+-[a-z]$", var.zone))
    error_message = "A zone is a region and a letter, for example europe-west3-a."
  }
}

variable "bucket" {
  description = "Name of the lake's bucket; no other bucket in the world may have it."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9._-]+[a-z0-9]$", var.bucket)) && !strcontains(var.bucket, "..")
    error_message = "A bucket's name has at least 3 lower-case letters, digits, dashes, underscores and dots, starts and ends with a letter or a digit, and has no two dots in a row."
  }
  validation {
    condition     = length(var.bucket) <= 222 && alltrue([for part in split(".", var.bucket) : length(part) <= 63])
    error_message = "A bucket's name has at most 63 characters; with dots 222, and 63 between two dots."
  }
  validation {
    condition     = !startswith(var.bucket, "goog") && !can(regex("google|g00gle|^[0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+$", var.bucket))
    error_message = "A bucket's name must not start with goog, contain google or look like an IP address."
  }
}

variable "dataset" {
  description = "Name of the BigQuery dataset with the trips; a second one beside it, NAME_staging, holds months on their way in."
  type        = string
  default     = "taxi"

  validation {
    condition     = can(regex("^[A-Za-z0-9_]+$", var.dataset)) && length(var.dataset) <= 1016 # 1024 with _staging
    error_message = "A dataset's name has letters, digits and underscores, no dash."
  }
}

variable "reader_groups" {
  description = "E-mail addresses of the Google groups that may query the trips. Nobody else may, but the project's owners and the VM."
  type        = set(string)
  default     = []
}

variable "operators" {
  description = "Who may log in to the VM, as IAM writes it: user:ada@example.com, group:ops@example.com."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.operators : can(regex("^(user|group|serviceAccount):[^@ ]+@[^@ ]+$", member))])
    error_message = "An operator is user:ADDRESS, group:ADDRESS or serviceAccount:ADDRESS."
  }
}

variable "maximum_bytes_billed" {
  description = "Most bytes a single query may be billed for."
  type        = number
  default     = 10737418240

  validation {
    condition     = var.maximum_bytes_billed >= 1 && floor(var.maximum_bytes_billed) == var.maximum_bytes_billed
    error_message = "It is a whole number of bytes, 1 or more."
  }
}

variable "require_partition_filter" {
  description = "Whether every query of the trips must say which months it wants."
  type        = bool
  default     = false
}

variable "keep_clean" {
  description = "Whether the cleaned Parquet files stay in the bucket after they were loaded."
  type        = bool
  default     = false
}

variable "package" {
  description = "What pip installs on the VM: a name with extras and a version, or \"taxi-pipelines[gcp] @ git+https://…@TAG\"."
  type        = string
  default     = "taxi-pipelines[gcp]"

  validation {
    condition     = can(regex("^[^'\\n]*\\[[^]]*gcp[^]]*\\][^'\\n]*$", var.package))
    error_message = "It is one line without quotes that names the extra gcp, for example taxi-pipelines[gcp]."
  }
  validation {
    condition     = !var.cloud_sql || can(regex("\\[[^]]*postgres[^]]*\\]", var.package))
    error_message = "With cloud_sql the extra postgres is needed, too: taxi-pipelines[gcp,postgres]."
  }
}

variable "months" {
  description = "What the VM loads each night while the package has no `taxi up`: taxi type = first month."
  type        = map(string)
  default     = { yellow = "2024-01", green = "2024-01" }

  validation {
    condition     = alltrue([for type in keys(var.months) : contains(["yellow", "green", "fhv", "fhvhv"], type)])
    error_message = "The types are yellow, green, fhv and fhvhv."
  }
  validation {
    condition     = alltrue([for first in values(var.months) : can(regex("^20[0-9]{2}-(0[1-9]|1[0-2])$", first))])
    error_message = "A first month is written YYYY-MM."
  }
}

variable "flows_repository" {
  description = "https address of the Git repository with flows/, which the VM fetches every five minutes. Empty: none. Where it is private, name GIT_TOKEN in secrets."
  type        = string
  default     = ""

  validation {
    condition     = var.flows_repository == "" || can(regex("^https://[^'@ ]+$", var.flows_repository))
    error_message = "It is an https:// address without user or password."
  }
  validation {
    condition     = var.flows_repository == "" || var.github_repository == ""
    error_message = "Flows come from one place: flows_repository (the VM fetches) or github_repository (GitHub Actions deploys)."
  }
}

variable "github_repository" {
  description = "OWNER/NAME of the GitHub repository whose Actions may write gs://BUCKET/flows, by Workload Identity, without a key. Empty: none."
  type        = string
  default     = ""

  validation {
    condition     = var.github_repository == "" || can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github_repository))
    error_message = "It is OWNER/NAME, as in the address of the repository."
  }
}

variable "flows_branch" {
  description = "The branch whose flows are deployed."
  type        = string
  default     = "main"

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._/-]*$", var.flows_branch))
    error_message = "It is a branch's name of letters, digits and . _ / -"
  }
}

variable "secrets" {
  description = "Secrets in Secret Manager, as taxi-NAME: GIT_TOKEN for flows_repository, all others as environment variables of `taxi up`. Values are added by hand, never here."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for name in var.secrets : can(regex("^[A-Z][A-Z0-9_]*$", name))])
    error_message = "A secret is named like an environment variable: SECRET_SLACK, TAXI_AUTH."
  }
}

variable "machine_type" {
  description = "Of the VM. Two cores and 4 GB load any month."
  type        = string
  default     = "e2-medium"
}

variable "disk_gb" {
  description = "Size of the disk with receipts, metadata and what is being loaded."
  type        = number
  default     = 20

  validation {
    condition     = var.disk_gb >= 10 && floor(var.disk_gb) == var.disk_gb
    error_message = "It is a whole number of gigabytes, 10 or more."
  }
}

variable "cloud_sql" {
  description = "Whether the orchestrator's metadata lie in a Cloud SQL PostgreSQL instead of on the VM's disk. Of use from `taxi up` on."
  type        = bool
  default     = false
}

variable "deletion_protection" {
  description = "Whether VM and Cloud SQL, and bucket and datasets that are not empty, are kept from `terraform destroy`."
  type        = bool
  default     = true
}
