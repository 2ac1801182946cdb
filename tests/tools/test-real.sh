#!/bin/sh
# Tests against the real thing: builds kube-apiserver, etcd, OpenTofu and the Registry's validator where they are not there yet, and holds
# to them the provider's Kubernetes client, the contract that the emulator is held to, every acceptance test, and docs/. At the end it
# counts what ran where.
#
#     tests/tools/test-real.sh            compares
#     tests/tools/test-real.sh record     writes the API server's answers into emulator/tests/contract/kubernetes instead
set -eu
cd "$(dirname -- "$0")/../.."

# stage NAME COMMAND...: runs it, with a report of its own, and goes on; the end tells what failed.
stage() {
    name=$1
    shift
    printf '\n-- %s\n' "$name"
    begun=$(date +%s)
    if AZWI_TEST_REPORT="$reports/$name" "$@"; then result=passed; else result=FAILED && failed="$failed $name"; fi
    printf '%s\t%s\t%s s\n' "$name" "$result" "$(($(date +%s) - begun))" >>"$reports/stages"
}

# count STAGE WHERE: the tests that have a line in the report with WHERE in its third field.
count() {
    awk -F '\t' -v where="$2" '$3 == where && !seen[$1]++ { n++ } END { print n + 0 }' "$reports/$1" 2>/dev/null || echo 0
}

tell() {
    steps=$(awk -F '\t' '{ n += $2 } END { print n + 0 }' "$reports/contract" 2>/dev/null || echo 0)
    printf '\n== What was held to the real thing\n\n'
    awk -F '\t' '{ printf "  %-22s %-7s %6s\n", $1, $2, $3 }' "$reports/stages"
    printf '\n  %s steps of the contract answered as recorded by kube-apiserver %s\n' "$steps" "$kubernetes"
    printf '  %s acceptance tests with the real API server as their cluster, under %s\n' "$(count real-cluster 'real cluster')" "$(terraform_of real-cluster)"
    printf '  %s more in the same run that ask no cluster anything\n' "$(count real-cluster 'no cluster')"
    printf '  %s acceptance tests under %s\n' "$(count opentofu 'emulated cluster')" "$(terraform_of opentofu)"
    awk -F '\t' '$3 == "not for a real cluster" { printf "  not for a real cluster: %s: %s\n", $1, $4 }' "$reports/real-cluster" 2>/dev/null || true
}

terraform_of() {
    awk -F '\t' '$2 != "-" { print $2; exit }' "$reports/$1" 2>/dev/null
}

case ${1-} in
    "")
        tests/tools/build.sh etcd kube-apiserver tofu tfplugindocs
        kubernetes=$(.tools/bin/kube-apiserver --version | sed 's/.* //')
        reports=$(mktemp -d)
        trap 'rm -rf "$reports"' EXIT
        failed=
        cargo build --quiet --locked --workspace --bins
        cargo build --quiet --locked --features real-server --example with-kubernetes
        beside=target/debug/examples/with-kubernetes
        stage contract cargo test --locked --features real-server --test real
        # The provider's own tests of Kubernetes, and the acceptance tests, run against whatever clusters they are given.
        stage kubernetes-client "$beside" cargo test --locked --test kubernetes
        # Under one Terraform as many runs beside each other as under two: each waits for the other end most of its time.
        export RUST_TEST_THREADS=$((2 * $(getconf _NPROCESSORS_ONLN)))
        # The emulator's Entra fetches the keys of the real issuers, and has to trust their certificates.
        stage real-cluster env AZWI_TERRAFORMS="$(tests/tools/terraforms | cut -d : -f 1)" \
            "$beside" sh -c 'SSL_CERT_FILE=$AZWI_TEST_AUTHORITIES exec cargo test --locked --test acceptance'
        stage opentofu env AZWI_TERRAFORMS="$PWD/.tools/bin/tofu" cargo test --locked --test acceptance
        stage documentation tests/tools/validate-docs
        tell
        [ -z "$failed" ] || { printf '\nFailed:%s\n' "$failed" >&2 && exit 1; }
        ;;
    record)
        tests/tools/build.sh etcd kube-apiserver
        RECORD=1 cargo test --locked --features real-server --test real contract
        git --no-pager diff --stat -- emulator/tests/contract/kubernetes
        ;;
    *)
        echo "tests/tools/test-real.sh takes nothing or: record" >&2
        exit 2
        ;;
esac
