#!/usr/bin/env bash
# Builds the programs that the cluster suites run, each from the Go module in `programs/`, and prints `PROGRAM FOLDER` for
# each: executables are in FOLDER/bin, the manifests that a program needs beside it in FOLDER/files.
# `build.sh` builds all, `build.sh cosign oras` those named. What is built already is found by the hash of what made it.
# Needs Go 1.26 and, the first time, the Go module proxy. Nothing is downloaded later.
set -euo pipefail
cd "$(dirname "$0")/programs"

cache=${KARSC_PROGRAMS:-${XDG_CACHE_HOME:-$HOME/.cache}/karsc/programs}
export CGO_ENABLED=0 GOFLAGS=-mod=readonly GOWORK=off GOTOOLCHAIN=local

# What the executable of a package is called.
executable() {
    case $1 in
        go.etcd.io/etcd/server/v3) echo etcd ;;
        github.com/argoproj/argo-cd/v3/cmd) echo argocd ;;
        sigs.k8s.io/kustomize/kustomize/v5) echo kustomize ;;
        */programs/argo-cd) echo hydrate ;;
        *) echo "${1##*/}" ;;
    esac
}

# The executables of the module in the working directory, one for each of its `tool` lines.
compile() {
    local into=$1 version flags='-s -w' package variable
    version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes 2>/dev/null) || version=
    if [ -n "$version" ]; then
        # Clients refuse a server that calls itself v0.0.0.
        for variable in gitVersion=$version gitMajor=1 gitMinor="$(cut -d. -f2 <<<"$version")" gitTreeState=clean; do
            flags+=" -X k8s.io/component-base/version.$variable -X k8s.io/client-go/pkg/version.$variable"
        done
    fi
    for package in $(go list tool); do
        go build -p 2 -trimpath -ldflags "$flags" -o "$into/bin/$(executable "$package")" "$package"
    done
}

# The files that `files.txt` lists, one module and its paths a line: what a program needs beside it.
extras() {
    local into=$1/files module paths
    [ -f files.txt ] || return 0
    mkdir "$into"
    while read -r module paths; do
        go mod download "$module"
        # shellcheck disable=SC2086 # The paths are words.
        (cd "$(go list -m -f '{{.Dir}}' "$module")" && cp -r --parents $paths "$into")
    done <files.txt
    chmod -R u+w "$into"
    # Modules do not keep the mode of a file.
    find "$into" -name '*.sh' -exec chmod +x {} +
}

build() {
    local program=$1 hash folder began=$SECONDS
    hash=$(cat "$program"/* <(declare -f compile extras) | sha256sum | cut -c1-16)
    folder=$cache/$program-$hash
    if [ ! -d "$folder" ]; then
        unfinished=$cache/.$program-$$
        mkdir -p "$unfinished"
        trap 'rm -rf "$unfinished"' EXIT
        (cd "$program" && compile "$unfinished" && extras "$unfinished")
        # Somebody else may have finished first: theirs is as good.
        mv -T "$unfinished" "$folder" 2>/dev/null || rm -rf "$unfinished"
        echo "built $program in $((SECONDS - began)) s" >&2
    fi
    echo "$program $folder"
}

if [ $# = 0 ]; then
    set -- */
fi
for program; do
    program=${program%/}
    [ -f "$program/go.mod" ] || { echo "error: there is no program \`$program\`; programs:" */ >&2; exit 2; }
    build "$program"
done
