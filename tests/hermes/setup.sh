#!/usr/bin/env bash
# Installs each catalogued Hermes version as its image does, from the lock with hashes, one virtual environment each, under .cache/ of the
# repository. Does nothing where that is done already.
set -euo pipefail
cd "$(dirname "$0")/../.."

for version in 0.15.2 0.19.0; do
    home=".cache/hermes-$version"
    if [ -e "$home/installed" ]; then continue; fi
    rm -rf "$home"
    python3 -m venv "$home"
    "$home/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r ".ci/images/hermes/requirements-$version.txt"
    touch "$home/installed"
done
