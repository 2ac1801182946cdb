#!/bin/sh
# Runs `terraform test` against an emulator of Azure and Kubernetes, which lives as long as the tests do. Needs no account and no secret.
set -eu
emulator="$PWD/.azwi/bin/azwi-emulator"
folder="$(mktemp -d)"
: >"$folder/ready"
"$emulator" serve --dir "$folder" >"$folder/ready" &
process=$!
trap 'kill "$process"; wait "$process" || true; rm -rf "$folder"' EXIT
until grep -q '^ready ' "$folder/ready"; do
    kill -0 "$process"
    sleep 0.1
done
# Whom the pipeline signs in as must not matter here: what the emulator says comes on top of nothing.
unset ARM_USE_OIDC ARM_CLIENT_ID ARM_TENANT_ID ARM_SUBSCRIPTION_ID
set -a
. "$folder/env"
set +a
terraform init -backend=false
terraform test
