#!/bin/bash
# `sudo taxi …` on the VM: the command as the service runs it, with its user, its taxi.toml and its receipts.
set -euo pipefail
set -o allexport
source /etc/taxi.env
cd /var/lib/taxi
exec runuser -u taxi -- /opt/taxi/bin/taxi "$@"
