# Empty secrets: the values are added by hand and are in no state file.
#   printf %s VALUE | gcloud secrets versions add taxi-NAME --data-file=-
resource "google_secret_manager_secret" "secret" {
  for_each = var.secrets

  secret_id           = "taxi-${each.key}"
  labels              = local.labels
  deletion_protection = var.deletion_protection

  replication {
    auto {}
  }

  depends_on = [google_project_service.api]
}

resource "google_secret_manager_secret_iam_member" "taxi" {
  for_each = google_secret_manager_secret.secret

  secret_id = each.value.id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.taxi.member
}
