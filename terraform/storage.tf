resource "google_storage_bucket" "lake" {
  #checkov:skip=CKV_GCP_62:Google's audit logs tell who read what; a second bucket of access logs would add nothing.
  name                        = var.bucket
  location                    = var.location
  labels                      = local.labels
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.deletion_protection

  versioning {
    enabled = true
  }

  soft_delete_policy {
    retention_duration_seconds = 604800 # a week
  }

  # Cleaned files are deleted once they are loaded; this finds those of a process that was killed.
  dynamic "lifecycle_rule" {
    for_each = var.keep_clean ? [] : [1]
    content {
      condition {
        age            = 7
        matches_prefix = ["lake/clean/"]
      }
      action {
        type = "Delete"
      }
    }
  }

  lifecycle_rule {
    condition {
      days_since_noncurrent_time = 30
    }
    action {
      type = "Delete"
    }
  }

  lifecycle_rule {
    condition {
      age = 7
    }
    action {
      type = "AbortIncompleteMultipartUpload"
    }
  }

  depends_on = [google_project_service.api]
}

# A folder of its own, so that those who deploy flows can be given it and nothing else.
resource "google_storage_managed_folder" "flows" {
  bucket        = google_storage_bucket.lake.name
  name          = "flows/"
  force_destroy = !var.deletion_protection
}
