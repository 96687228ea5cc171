# What lasts: receipts, metadata, what is being loaded. The VM can be made anew at any time.
resource "google_compute_disk" "home" {
  #checkov:skip=CKV_GCP_37:A key of one's own would lie in the state; Google encrypts the disk.
  name   = "taxi-home"
  zone   = var.zone
  type   = "pd-balanced"
  size   = var.disk_gb
  labels = local.labels

  lifecycle {
    prevent_destroy = true
  }

  depends_on = [google_project_service.api]
}

resource "google_compute_resource_policy" "snapshots" {
  name   = "taxi-home-daily"
  region = local.region

  snapshot_schedule_policy {
    schedule {
      daily_schedule {
        days_in_cycle = 1
        start_time    = "08:00"
      }
    }
    retention_policy {
      max_retention_days    = 14
      on_source_disk_delete = "KEEP_AUTO_SNAPSHOTS"
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_compute_disk_resource_policy_attachment" "snapshots" {
  name = google_compute_resource_policy.snapshots.name
  disk = google_compute_disk.home.name
  zone = var.zone
}

resource "google_compute_instance" "taxi" {
  #checkov:skip=CKV_GCP_38:A key of one's own would lie in the state; Google encrypts the disks.
  name                      = "taxi"
  zone                      = var.zone
  machine_type              = var.machine_type
  labels                    = local.labels
  deletion_protection       = var.deletion_protection
  allow_stopping_for_update = true

  boot_disk {
    initialize_params {
      image = "debian-cloud/debian-12" # Python 3.11, with which the package is tested
      size  = 20
    }
  }

  attached_disk {
    source      = google_compute_disk.home.id
    device_name = "taxi-home"
  }

  network_interface {
    subnetwork = google_compute_subnetwork.taxi.id
  }

  service_account {
    email  = google_service_account.taxi.email
    scopes = ["cloud-platform"] # what it may do is said by its roles
  }

  shielded_instance_config {
    enable_secure_boot          = true
    enable_vtpm                 = true
    enable_integrity_monitoring = true
  }

  # Not metadata_startup_script, which makes the VM anew at every change.
  metadata = {
    enable-oslogin         = "TRUE"
    block-project-ssh-keys = "TRUE"
    startup-script         = local.startup
  }

  depends_on = [
    google_compute_router_nat.taxi,
    google_project_iam_member.taxi,
    google_storage_bucket_iam_member.taxi,
    google_secret_manager_secret_iam_member.taxi,
  ]
}
