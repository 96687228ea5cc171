resource "google_compute_network" "taxi" {
  name                    = "taxi"
  auto_create_subnetworks = false
  depends_on              = [google_project_service.api]
}

resource "google_compute_subnetwork" "taxi" {
  name                     = "taxi"
  network                  = google_compute_network.taxi.id
  region                   = local.region
  ip_cidr_range            = "10.10.0.0/28"
  private_ip_google_access = true # bucket and BigQuery are reached without the NAT

  log_config {
    aggregation_interval = "INTERVAL_10_MIN"
    flow_sampling        = 0.5
  }
}

# Without a rule nothing comes in. The only way: SSH from Identity-Aware Proxy, which asks who you are.
resource "google_compute_firewall" "ssh_from_iap" {
  name                    = "taxi-ssh-from-iap"
  network                 = google_compute_network.taxi.id
  direction               = "INGRESS"
  source_ranges           = ["35.235.240.0/20"] # https://cloud.google.com/iap/docs/using-tcp-forwarding#create-firewall-rule
  target_service_accounts = [google_service_account.taxi.email]

  allow {
    protocol = "tcp"
    ports    = ["22"]
  }

  log_config {
    metadata = "INCLUDE_ALL_METADATA"
  }
}

# The VM has no public address; this is its way out, to the TLC's files, to pip and Git.
resource "google_compute_router" "taxi" {
  name    = "taxi"
  network = google_compute_network.taxi.id
  region  = local.region
}

resource "google_compute_router_nat" "taxi" {
  name                               = "taxi"
  router                             = google_compute_router.taxi.name
  region                             = local.region
  nat_ip_allocate_option             = "AUTO_ONLY"
  source_subnetwork_ip_ranges_to_nat = "LIST_OF_SUBNETWORKS"

  subnetwork {
    name                    = google_compute_subnetwork.taxi.id
    source_ip_ranges_to_nat = ["ALL_IP_RANGES"]
  }

  log_config {
    enable = true
    filter = "ERRORS_ONLY"
  }
}
