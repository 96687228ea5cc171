locals {
  datasets = {
    trips   = { id = var.dataset, text = "NYC taxi trips by month of publication", readers = var.reader_groups }
    staging = { id = "${var.dataset}_staging", text = "Months on their way in; a table lasts a day", readers = [] }
  }
}

# The access lists are complete: whoever is not named here has no access, whatever the project's basic roles say.
resource "google_bigquery_dataset" "dataset" {
  #checkov:skip=CKV_GCP_81:Public data, encrypted with Google's keys; a key of one's own would add a way to lose it.
  for_each = local.datasets

  dataset_id                  = each.value.id
  location                    = var.location
  description                 = each.value.text
  labels                      = local.labels
  default_table_expiration_ms = each.key == "staging" ? 86400000 : null # a day
  max_time_travel_hours       = each.key == "staging" ? "48" : "168"
  delete_contents_on_destroy  = !var.deletion_protection

  access {
    role          = "OWNER"
    special_group = "projectOwners"
  }

  access {
    role          = "WRITER" # the same as roles/bigquery.dataEditor, which the API turns into this
    user_by_email = google_service_account.taxi.email
  }

  dynamic "access" {
    for_each = each.value.readers
    content {
      role           = "READER"
      group_by_email = access.value
    }
  }

  depends_on = [google_project_service.api]
}
