#!/usr/bin/env bash
# Prometheus' own code reads the alert rules and the dashboard's queries. Needs Go.
set -euo pipefail
cd "$(dirname "$0")"
go run . ../../docs/observability/alerts.yaml ../../docs/observability/dashboard.json
