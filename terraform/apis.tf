locals {
  apis = concat(
    ["bigquery", "cloudresourcemanager", "compute", "iam", "iap", "oslogin", "secretmanager", "storage"],
    var.cloud_sql ? ["servicenetworking", "sqladmin"] : [],
    var.github_repository == "" ? [] : ["iamcredentials", "sts"],
  )
}

resource "google_project_service" "api" {
  for_each = toset(local.apis)

  service            = "${each.key}.googleapis.com"
  disable_on_destroy = false # others in the project may use it
}
