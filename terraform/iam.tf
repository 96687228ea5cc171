# The VM works as this account. It has no keys: the VM gets its tokens from the metadata server.
resource "google_service_account" "taxi" {
  account_id   = "taxi-pipelines"
  display_name = "taxi-pipelines on its VM"
  depends_on   = [google_project_service.api]
}

# Jobs belong to a project, not to a dataset. What they may touch is said by the datasets (bigquery.tf).
resource "google_project_iam_member" "taxi" {
  for_each = toset(concat(
    ["roles/bigquery.jobUser"],
    var.cloud_sql ? ["roles/cloudsql.client", "roles/cloudsql.instanceUser"] : [],
  ))

  project = var.project
  role    = each.key
  member  = google_service_account.taxi.member
}

# legacyBucketReader: `taxi doctor` reads the bucket's location. Neither role may change who has access.
resource "google_storage_bucket_iam_member" "taxi" {
  for_each = toset(["roles/storage.objectUser", "roles/storage.legacyBucketReader"])

  bucket = google_storage_bucket.lake.name
  role   = each.key
  member = google_service_account.taxi.member
}

# People who log in: through Identity-Aware Proxy, with OS Login, as sudoers of this VM alone.
resource "google_iap_tunnel_instance_iam_member" "operator" {
  for_each = var.operators

  zone     = var.zone
  instance = google_compute_instance.taxi.name
  role     = "roles/iap.tunnelResourceAccessor"
  member   = each.key
}

resource "google_compute_instance_iam_member" "operator" {
  for_each = var.operators

  zone          = var.zone
  instance_name = google_compute_instance.taxi.name
  role          = "roles/compute.osAdminLogin"
  member        = each.key
}

resource "google_service_account_iam_member" "operator" {
  for_each = var.operators

  service_account_id = google_service_account.taxi.name
  role               = "roles/iam.serviceAccountUser"
  member             = each.key
}

resource "google_project_iam_member" "operator" {
  for_each = var.operators

  project = var.project
  role    = "roles/compute.viewer" # gcloud looks the VM up before it connects
  member  = each.key
}

# Workload Identity: the token that GitHub gives a run on the branch is exchanged for one of Google's, which reaches flows/ only.
locals {
  github_subject = "repo:${var.github_repository}:ref:refs/heads/${var.flows_branch}"
}

resource "google_iam_workload_identity_pool" "github" {
  count = var.github_repository == "" ? 0 : 1

  workload_identity_pool_id = "taxi-github"
  display_name              = "GitHub Actions"
  depends_on                = [google_project_service.api]
}

resource "google_iam_workload_identity_pool_provider" "github" {
  #checkov:skip=CKV_GCP_125:The condition is one subject: this repository and this branch. checkov does not follow the local.
  count = var.github_repository == "" ? 0 : 1

  workload_identity_pool_id          = google_iam_workload_identity_pool.github[0].workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  attribute_condition                = "assertion.sub == '${local.github_subject}'"
  attribute_mapping                  = { "google.subject" = "assertion.sub" }

  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_storage_managed_folder_iam_member" "github" {
  count = var.github_repository == "" ? 0 : 1

  bucket         = google_storage_bucket.lake.name
  managed_folder = google_storage_managed_folder.flows.name
  role           = "roles/storage.objectUser"
  member         = "principal://iam.googleapis.com/${google_iam_workload_identity_pool.github[0].name}/subject/${local.github_subject}"
}
