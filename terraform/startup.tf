# What the VM is to become, as text: one script that Google's guest agent runs at every boot. No resource stands here.
locals {
  sql_instance = var.cloud_sql ? "${var.project}:${local.region}:taxi-metadata" : ""
  database_url = var.cloud_sql ? "postgresql://taxi-pipelines%40${var.project}.iam@127.0.0.1:5432/taxi" : ""

  programs = {
    "/usr/local/bin/taxi" = file("${path.module}/templates/taxi.sh")
    "/usr/local/lib/taxi/with-secrets" = templatefile("${path.module}/templates/with-secrets.sh.tftpl", {
      project = var.project
      names   = sort(setsubtract(var.secrets, ["GIT_TOKEN"]))
    })
    "/usr/local/lib/taxi/load-months" = templatefile("${path.module}/templates/load-months.sh.tftpl", {
      months = var.months
    })
    "/usr/local/lib/taxi/sync-flows" = templatefile("${path.module}/templates/sync-flows.sh.tftpl", {
      repository = var.flows_repository
      branch     = var.flows_branch
      bucket     = var.bucket
      project    = var.project
      token      = contains(var.secrets, "GIT_TOKEN")
    })
  }

  units = merge(
    { for name in ["taxi.service", "taxi-load.service", "taxi-load.timer"] : name => file("${path.module}/templates/${name}") },
    local.sync_flows ? { for name in ["taxi-flows.service", "taxi-flows.timer"] : name => file("${path.module}/templates/${name}") } : {},
    var.cloud_sql ? { "taxi-sql.service" = templatefile("${path.module}/templates/taxi-sql.service.tftpl", { instance = local.sql_instance }) } : {},
  )

  startup = templatefile("${path.module}/templates/startup.sh.tftpl", {
    package = var.package
    sql     = var.cloud_sql
    settings = {
      "/var/lib/taxi/taxi.toml" = local.taxi_toml
      "/etc/taxi.env"           = var.cloud_sql ? "TAXI_DATABASE_URL=${local.database_url}\n" : ""
    }
    programs = local.programs
    units    = local.units
    started  = concat(var.cloud_sql ? ["taxi-sql.service"] : [], local.sync_flows ? ["taxi-flows.timer"] : [], ["taxi-load.timer", "taxi.service"])
  })
}
