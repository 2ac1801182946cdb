#!/bin/sh
# Builds the programs of other people that the tests against the real thing need, from their Go modules, into .tools/bin:
#
#     tests/tools/build.sh [etcd] [kube-apiserver] [kubectl] [tofu] [tfplugindocs]      all of them, where none is named
#
# Each folder beside this script with a go.mod holds versions and checksums and no line of Go; the folders are apart because the
# programs' dependencies disagree. A program that is there already, built from the same go.mod by the same Go, is left alone.
# Nothing cached, two cores: about 8 minutes; Go keeps what it compiled, so a second checkout needs one.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
bin=$(CDPATH= cd -- "$here/../.." && pwd)/.tools/bin

fail() {
    printf '\n%s\n%s\n' "$1" "$2" >&2
    exit 1
}

command -v go >/dev/null || fail "There is no Go on PATH, and the tests against a real API server and OpenTofu are built with it." \
    "Install Go 1.26.6 or later (https://go.dev/dl) and run this again. make test needs no Go."
version=$(go env GOVERSION)

# build NAME MODULE-FOLDER PACKAGE [LINKER FLAGS]
build() {
    stamp="$bin/.$1.built"
    built="$version $4 $(cat "$here/$2/go.mod" "$here/$2/go.sum" | cksum)"
    if [ -x "$bin/$1" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$built" ]; then return; fi
    echo "Building $1 from $3 with $version."
    begun=$(date +%s)
    mkdir -p "$bin"
    # A go.work of the surroundings or flags such as -mod=vendor are about other people's code.
    (cd "$here/$2" && GOWORK=off GOFLAGS=-buildvcs=false go build -mod=readonly -ldflags "-s -w $4" -o "$bin/$1.new" "$3") ||
        fail "$1 could not be built; the lines above say why." "It wants Go $(sed -n 's/^go //p' "$here/$2/go.mod") or later, and the Go module proxy (GOPROXY is $(go env GOPROXY))."
    mv "$bin/$1.new" "$bin/$1"
    echo "$built" >"$stamp"
    echo "Built $1 in $(($(date +%s) - begun)) s."
}

# What `kube-apiserver --version` and /version say; without it clients stumble over "v0.0.0-master".
kubernetes=$(sed -n 's/^.*k8s.io\/kubernetes \(v[0-9.]*\).*$/\1/p' "$here/kube-apiserver/go.mod")
release=${kubernetes#v}
minor=${release#*.}
component=k8s.io/component-base/version
kubernetes_version="-X $component.gitVersion=$kubernetes -X $component.gitMajor=${release%%.*} -X $component.gitMinor=${minor%%.*} -X $component.gitTreeState=clean"

[ $# -gt 0 ] || set -- etcd kube-apiserver kubectl tofu tfplugindocs
for program do
    case $program in
        etcd) build etcd etcd go.etcd.io/etcd/server/v3 "" ;;
        kube-apiserver) build kube-apiserver kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver "$kubernetes_version" ;;
        kubectl) build kubectl kube-apiserver k8s.io/kubernetes/cmd/kubectl "$kubernetes_version" ;;
        tofu) build tofu opentofu github.com/opentofu/opentofu/cmd/tofu "-X github.com/opentofu/opentofu/version.dev=no" ;;
        tfplugindocs) build tfplugindocs tfplugindocs github.com/hashicorp/terraform-plugin-docs/cmd/tfplugindocs "" ;;
        *) fail "$program is none of etcd, kube-apiserver, kubectl, tofu, tfplugindocs." "" ;;
    esac
done
