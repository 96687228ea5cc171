# The orchestrator's metadata in a PostgreSQL, if wanted. Private address only; the VM's account logs in by IAM, without a password.
resource "google_compute_global_address" "sql" {
  count = var.cloud_sql ? 1 : 0

  name          = "taxi-sql"
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 24
  network       = google_compute_network.taxi.id
}

resource "google_service_networking_connection" "sql" {
  count = var.cloud_sql ? 1 : 0

  network                 = google_compute_network.taxi.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.sql[0].name]
  deletion_policy         = "ABANDON" # Google keeps it for days after the instance is gone
  depends_on              = [google_project_service.api]
}

resource "google_sql_database_instance" "metadata" {
  #checkov:skip=CKV_GCP_6:Encryption is required. Logins are by IAM token, which a client certificate would not make safer.
  #checkov:skip=CKV_GCP_108:There is one client, with one address.
  #checkov:skip=CKV_GCP_110:There is one client; its executions have logs of their own.
  #checkov:skip=CKV2_GCP_13:A line for each statement of an engine that polls would hide the others.
  count = var.cloud_sql ? 1 : 0

  name                = "taxi-metadata"
  database_version    = "POSTGRES_18"
  region              = local.region
  deletion_protection = var.deletion_protection

  settings {
    tier                        = "db-custom-1-3840"
    edition                     = "ENTERPRISE"
    disk_autoresize             = true
    user_labels                 = local.labels
    connector_enforcement       = "NOT_REQUIRED" # the grant after the first apply (README.md) connects with psql
    deletion_protection_enabled = var.deletion_protection

    ip_configuration {
      ipv4_enabled    = false
      private_network = google_compute_network.taxi.id
      ssl_mode        = "ENCRYPTED_ONLY"
    }

    backup_configuration {
      enabled                        = true
      point_in_time_recovery_enabled = true
    }

    database_flags {
      name  = "cloudsql.iam_authentication"
      value = "on"
    }

    database_flags {
      name  = "log_checkpoints"
      value = "on"
    }

    database_flags {
      name  = "log_connections"
      value = "on"
    }

    database_flags {
      name  = "log_disconnections"
      value = "on"
    }

    database_flags {
      name  = "log_lock_waits"
      value = "on"
    }

    database_flags {
      name  = "log_min_error_statement"
      value = "error"
    }

    database_flags {
      name  = "log_statement"
      value = "ddl"
    }
  }

  depends_on = [google_service_networking_connection.sql]
}

resource "google_sql_database" "metadata" {
  count = var.cloud_sql ? 1 : 0

  name     = "taxi"
  instance = google_sql_database_instance.metadata[0].name
}

resource "google_sql_user" "taxi" {
  count = var.cloud_sql ? 1 : 0

  name     = trimsuffix(google_service_account.taxi.email, ".gserviceaccount.com") # as PostgreSQL knows it
  instance = google_sql_database_instance.metadata[0].name
  type     = "CLOUD_IAM_SERVICE_ACCOUNT"

  deletion_policy = "ABANDON" # it owns the tables
}
