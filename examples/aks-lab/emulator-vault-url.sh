#!/usr/bin/env bash
# Prints where the emulator's vault kv-demo is: it has a port of its own, which Azure Resource Manager knows. In Azure this is
# az keyvault show --name VAULT --query properties.vaultUri --output tsv
set -euo pipefail
vault="/subscriptions/$ARM_SUBSCRIPTION_ID/resourceGroups/rg-demo/providers/Microsoft.KeyVault/vaults/kv-demo"
ask() { curl --silent --show-error --fail --cacert "$SSL_CERT_FILE" "$@"; }
text() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"; }
token="$(ask "$ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST/$ARM_TENANT_ID/oauth2/v2.0/token" \
    --data grant_type=client_credentials --data "client_id=$ARM_CLIENT_ID" --data-urlencode "client_secret=$ARM_CLIENT_SECRET" \
    --data-urlencode scope=https://management.azure.com/.default | text access_token)"
ask "$ARM_RESOURCE_MANAGER_ENDPOINT$vault?api-version=2023-07-01" --header "Authorization: Bearer $token" | text vaultUri
