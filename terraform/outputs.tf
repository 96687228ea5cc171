output "taxi_toml" {
  description = "The settings for your own machine: terraform output -raw taxi_toml > taxi.toml"
  value       = local.taxi_toml
}

output "service_account" {
  description = "As whom the VM works; for TAXI_IMPERSONATE."
  value       = google_service_account.taxi.email
}

output "workload_identity_provider" {
  description = "For google-github-actions/auth; null without github_repository."
  value       = one(google_iam_workload_identity_pool_provider.github[*].name)
}

output "commands" {
  description = "What is typed most."
  value = {
    login   = "gcloud compute ssh taxi --project=${var.project} --zone=${var.zone} --tunnel-through-iap"
    doctor  = "gcloud compute ssh taxi --project=${var.project} --zone=${var.zone} --tunnel-through-iap --command='sudo taxi doctor'"
    web     = "gcloud compute ssh taxi --project=${var.project} --zone=${var.zone} --tunnel-through-iap -- -N -L 8080:127.0.0.1:8080"
    startup = "gcloud compute ssh taxi --project=${var.project} --zone=${var.zone} --tunnel-through-iap --command='sudo google_metadata_script_runner startup'"
    secrets = [for name in sort(var.secrets) : "printf %s VALUE | gcloud secrets versions add taxi-${name} --project=${var.project} --data-file=-"]
  }
}
