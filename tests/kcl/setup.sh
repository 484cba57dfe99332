#!/bin/sh
# Installs the KCL engine for the tests into .cache/kcl, once. Prints the value for KARSC_KCL.
set -eu
version=0.13.2
cd "$(dirname "$0")/../.."
folder=$PWD/.cache/kcl
if ! [ -f "$folder/$version" ]; then
    rm -rf "$folder"
    python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check "kcl-lib==$version" >&2
    touch "$folder/$version"
fi
echo "$folder/bin/python"
