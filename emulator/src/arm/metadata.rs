//! `/metadata/endpoints`: how a client finds out what else a cloud has. It is asked before anybody signs in.
//!
//! Three shapes are in use: a small object (2015-01-01), a list of clouds (2019-05-01 and the versions after it), and one cloud
//! as an object (2022-09-01, azurerm's `metadata_host` and the Azure CLI's `cloud register`).

use http::StatusCode;
use serde_json::{Value, json};

use crate::core::http::Response;
use crate::core::operation::{Answer, Call, Operation};
use crate::core::world::World;

pub(crate) const OPERATIONS: &[Operation] =
    &[Operation::new("Metadata_Endpoints", "GET", "/metadata/endpoints", endpoints)];

fn endpoints(world: &mut World, call: &Call<'_>) -> Answer {
    let url = &world.url;
    let body = match call.request.query("api-version").unwrap_or("2019-05-01") {
        "1.0" | "2015-01-01" => json!({
            "galleryEndpoint": url,
            "graphEndpoint": format!("{url}/"),
            "portalEndpoint": url,
            "authentication": {"loginEndpoint": url, "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"]},
        }),
        "2022-09-01" => cloud(url),
        _ => json!([cloud(url)]),
    };
    Ok(Response::json(StatusCode::OK, &body))
}

fn cloud(url: &str) -> Value {
    json!({
        "name": "AzureCloud",
        "portal": url,
        "authentication": {
            "loginEndpoint": format!("{url}/"),
            "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "resourceManager": format!("{url}/"),
        "graph": format!("{url}/"),
        "graphAudience": "https://graph.microsoft.com/",
        "microsoftGraphResourceId": format!("{url}/"),
        "gallery": url,
        "media": "https://rest.media.azure.net",
        "batch": "https://batch.core.windows.net/",
        "sqlManagement": "https://management.core.windows.net:8443/",
        "vmImageAliasDoc": format!("{url}/metadata/images"),
        "activeDirectoryDataLake": "https://datalake.azure.net/",
        "appInsightsResourceId": "https://api.applicationinsights.io",
        "appInsightsTelemetryChannelResourceId": "https://dc.applicationinsights.azure.com/v2/track",
        "attestationResourceId": "https://attest.azure.net",
        "synapseAnalyticsResourceId": "https://dev.azuresynapse.net",
        "logAnalyticsResourceId": "https://api.loganalytics.io",
        "ossrDbmsResourceId": "https://ossrdbms-aad.database.windows.net",
        "suffixes": {
            "acrLoginServer": "azurecr.io",
            "attestationEndpoint": "attest.azure.net",
            "azureDataLakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
            "azureDataLakeStoreFileSystem": "azuredatalakestore.net",
            "azureFrontDoorEndpointSuffix": "azurefd.net",
            "keyVaultDns": "vault.azure.net",
            "mariadbServerEndpoint": "mariadb.database.azure.com",
            "mhsmDns": "managedhsm.azure.net",
            "mysqlServerEndpoint": "mysql.database.azure.com",
            "postgresqlServerEndpoint": "postgres.database.azure.com",
            "sqlServerHostname": "database.windows.net",
            "storage": "core.windows.net",
            "storageSyncEndpointSuffix": "afs.azure.net",
            "synapseAnalytics": "dev.azuresynapse.net",
        },
    })
}
