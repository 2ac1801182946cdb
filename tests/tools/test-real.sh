#!/bin/sh
# Tests against the real thing: builds kube-apiserver, etcd and OpenTofu where they are not there yet, and holds to them the provider's
# Kubernetes client, the contract that the emulator is held to, and every acceptance test.
#
#     tests/tools/test-real.sh            compares
#     tests/tools/test-real.sh record     writes the API server's answers into tests/contract/kubernetes instead
set -eu
cd "$(dirname -- "$0")/../.."

case ${1-} in
    "")
        tests/tools/build.sh etcd kube-apiserver tofu
        cargo test --locked --features real-server --test real
        # The provider's own tests of Kubernetes run against whatever cluster they are given.
        cargo run --quiet --locked --features real-server --example with-kubernetes -- cargo test --locked --test kubernetes
        AZWI_TERRAFORMS="$PWD/.tools/bin/tofu" cargo test --locked --test acceptance
        ;;
    record)
        tests/tools/build.sh etcd kube-apiserver
        RECORD=1 cargo test --locked --features real-server --test real contract
        git --no-pager diff --stat -- tests/contract/kubernetes
        ;;
    *)
        echo "tests/tools/test-real.sh takes nothing or: record" >&2
        exit 2
        ;;
esac
