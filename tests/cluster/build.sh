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

# The manifests that come with a program.
manifests() {
    local program=$1 into=$2/files
    # from MODULE PATH…: copies files or folders of a module.
    from() {
        local module
        module=$(go list -m -f '{{.Dir}}' "$1")
        mkdir -p "$into"
        (cd "$module" && cp -r --parents "${@:2}" "$into")
    }
    case $program in
        kubernetes-1.36) from sigs.k8s.io/kwok kustomize/stage/{node/fast,node/heartbeat-with-lease,pod/fast} ;;
        source-controller | kustomize-controller) from "github.com/fluxcd/$program" config/crd/bases ;;
        argo-cd) from github.com/argoproj/argo-cd/v3 manifests/crds manifests/base/config ;;
    esac
    if [ -d "$into" ]; then
        chmod -R u+w "$into"
    fi
}

build() {
    local program=$1 hash folder began=$SECONDS
    hash=$(cat "$program/go.mod" "$program/go.sum" <(declare -f compile manifests) | sha256sum | cut -c1-16)
    folder=$cache/$program-$hash
    if [ ! -d "$folder" ]; then
        mkdir -p "$cache"
        unfinished=$(mktemp -d "$cache/.$program-XXXXXX")
        trap 'rm -rf "$unfinished"' EXIT
        (cd "$program" && compile "$unfinished" && manifests "$program" "$unfinished")
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
