#!/usr/bin/env bash
# Reads the secret as the SDK in a pod does, from outside of it: with what the webhook gave the pod, and a token that is bound to
# it. It shows which link of the chain does not hold, in Azure as in the emulator, where nothing runs in a pod.
#
#   ./read-secret.sh NAMESPACE POD
set -euo pipefail
namespace="$1" pod="$2"

step() { printf '%-9s %s\n' "$1" "$2"; }
fail() { step "$@" >&2; exit 1; }
ask() { curl --silent --show-error ${SSL_CERT_FILE:+--cacert "$SSL_CERT_FILE"} "$@"; }
of_the_pod() { kubectl --namespace "$namespace" get pod "$pod" --output jsonpath="$1"; }
variable() {
    local value
    value="$(of_the_pod "{.spec.containers[0].env[?(@.name=='$1')].value}")"
    [ -n "$value" ] || fail "pod" "$pod has no $1. Has it the label, and its account the annotation, and was it made after both?"
    echo "$value"
}
text() { sed -n "s/.*\"$1\": *\"\(\([^\"\\\\]\|\\\\.\)*\)\".*/\1/p"; }

client="$(variable AZURE_CLIENT_ID)"
tenant="$(variable AZURE_TENANT_ID)"
authority="$(variable AZURE_AUTHORITY_HOST)"
vault="$(variable KEYVAULT_URL)"
secret="$(variable SECRET_NAME)"
account="$(of_the_pod '{.spec.serviceAccountName}')"
audience="$(of_the_pod '{.spec.volumes[*].projected.sources[*].serviceAccountToken.audience}')"
step "pod" "$pod runs under $account and signs in as $client"

# What the kubelet asks for and writes to AZURE_FEDERATED_TOKEN_FILE.
token="$(kubectl --namespace "$namespace" create token "$account" --audience "$audience" --bound-object-kind Pod --bound-object-name "$pod")"
step "cluster" "a token for $audience"

# Tokens go to curl through a pipe, so that they are in no list of processes.
answer="$(ask "${authority%/}/$tenant/oauth2/v2.0/token" --data grant_type=client_credentials \
    --data "client_id=$client" --data-urlencode scope=https://vault.azure.net/.default \
    --data-urlencode client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer \
    --data-urlencode client_assertion@<(printf %s "$token"))"
access="$(text access_token <<<"$answer")"
[ -n "$access" ] || fail "Entra ID" "$(text error_description <<<"$answer")"
step "Entra ID" "an access token for the vault"

answer="$(ask --write-out '\n%{http_code}' "${vault%/}/secrets/$secret?api-version=7.4" \
    --header @<(printf 'Authorization: Bearer %s' "$access"))"
status="${answer##*$'\n'}"
[ "$status" = 200 ] || fail "vault" "$status: $(text message <<<"$answer")"
step "vault" "$secret is: $(text value <<<"$answer")"
