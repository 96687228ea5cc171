# Derived from the variables alone, here and in startup.tf: what can be tried without Google.
locals {
  region     = regex("^(.+)-[a-z]$", var.zone)[0]
  lake       = "gs://${var.bucket}/lake"
  labels     = { app = "taxi-pipelines" }
  sync_flows = var.flows_repository != "" || var.github_repository != ""

  taxi_toml = templatefile("${path.module}/templates/taxi.toml.tftpl", {
    lake                     = local.lake
    project                  = var.project
    dataset                  = var.dataset
    location                 = var.location
    maximum_bytes_billed     = var.maximum_bytes_billed
    require_partition_filter = var.require_partition_filter
    keep_clean               = var.keep_clean
  })
}
