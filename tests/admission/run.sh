#!/usr/bin/env bash
# Judges policies/admission with the API server's own code. Needs Go; the OpenAPI document comes from the module of the
# Kubernetes release named here, whose content Go verifies.
set -euo pipefail
cd "$(dirname "$0")"
python3 ../posture/write.py --check
kubernetes=v1.36.3
module=$(go mod download -json "k8s.io/kubernetes@$kubernetes" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
cache=../../.cache/admission
mkdir -p "$cache"
go build -o "$cache/admission" .
"$cache/admission" -schema "$module/api/openapi-spec/swagger.json" ../../policies/admission 2>"$cache/log" || {
    grep '^error:' "$cache/log" >&2
    exit 1
}
