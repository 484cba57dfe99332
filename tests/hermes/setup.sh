#!/usr/bin/env bash
# Installs each catalogued Hermes version with the extras its descriptor names, one virtual environment each, under .cache/ of the repository.
# Does nothing where that is done already.
set -euo pipefail
cd "$(dirname "$0")/../.."

for version in 0.15.2 0.19.0; do
    home=".cache/hermes-$version"
    if [ -e "$home/installed" ]; then continue; fi
    rm -rf "$home"
    python3 -m venv "$home"
    "$home/bin/pip" install --quiet --disable-pip-version-check "hermes-agent[anthropic,mcp,messaging]==$version"
    touch "$home/installed"
done
