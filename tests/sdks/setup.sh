#!/usr/bin/env bash
# Installs the clients that agents use into .cache/sdks, once per set of pinned versions, and builds the router.
set -euo pipefail
cd "$(dirname "$0")"
cache=$(cd ../.. && pwd)/.cache/sdks
key=$(cat requirements.txt package-lock.json setup.sh | sha256sum | cut -c1-16)
home=$cache/$key

if ! [ -e "$home/installed" ]; then
    rm -rf "$home"
    mkdir -p "$home"
    python3 -m venv "$home/python"
    "$home/python/bin/pip" install --quiet --disable-pip-version-check --no-deps -r requirements.txt
    cp package.json package-lock.json "$home"
    (cd "$home" && npm ci --silent --no-audit --no-fund --ignore-scripts)
    touch "$home/installed"
fi
ln -sfn "$home" "$cache/current"
cd ../.. && cargo build --quiet --locked -p kars-router
