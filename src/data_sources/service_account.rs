//! `azwi_service_account`: a service account as it is in the cluster, whoever wrote which part of it.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::data_source::DataSource;
use crate::domain::service_account::{self as rules, CLIENT_ID, TENANT_ID, TOKEN_EXPIRATION};
use crate::domain::subject;
use crate::error::{Error, Result};
use crate::schema::{Schema, boolean, computed, map_of_text, number, optional_computed, required, set_of_text, text};

/// The data source.
pub(super) struct ServiceAccount;

#[derive(Serialize, Deserialize)]
pub(super) struct Model {
    name: String,
    namespace: Option<String>,
    id: Option<String>,
    uid: Option<String>,
    subject: Option<String>,
    client_id: Option<String>,
    tenant_id: Option<String>,
    token_expiration_seconds: Option<i64>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    automount_service_account_token: Option<bool>,
    image_pull_secrets: Option<BTreeSet<String>>,
}

#[async_trait]
impl DataSource for ServiceAccount {
    type Model = Model;

    fn name(&self) -> &'static str {
        "azwi_service_account"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "A Kubernetes service account as it is in the cluster, with all its labels and annotations, whoever set them.",
            vec![
                required("name", text(), "Name of the service account.").check(rules::check_name),
                optional_computed("namespace", text(), "Namespace it is in. Defaults to `default`.")
                    .check(rules::check_namespace),
                computed("id", text(), "The account as `namespace/name`."),
                computed("uid", text(), "Uid of the object in the cluster."),
                computed(
                    "subject",
                    text(),
                    "Subject of the account's tokens, `system:serviceaccount:<namespace>:<name>`, for a federated identity credential.",
                ),
                computed(
                    "client_id",
                    text(),
                    "Client id of the identity that its pods act as, from the annotation `azure.workload.identity/client-id`. Null where that is not set.",
                ),
                computed(
                    "tenant_id",
                    text(),
                    "Tenant of that identity, from the annotation `azure.workload.identity/tenant-id`. Null where that is not set.",
                ),
                computed(
                    "token_expiration_seconds",
                    number(),
                    "Lifetime of the pods' projected tokens in seconds, from the annotation `azure.workload.identity/service-account-token-expiration`. Null where that is not set, or is no number.",
                ),
                computed("labels", map_of_text(), "All labels."),
                computed("annotations", map_of_text(), "All annotations, those above included."),
                computed(
                    "automount_service_account_token",
                    boolean(),
                    "Whether pods get the account's API token mounted. Null where the account leaves it to the pod.",
                ),
                computed("image_pull_secrets", set_of_text(), "Names of the secrets with which pods pull images."),
            ],
        )
    }

    async fn read(&self, context: &Context, config: Model) -> Result<Model> {
        let namespace = config.namespace.clone().unwrap_or_else(|| "default".to_owned());
        let name = config.name.clone();
        let client = context.clients()?.kubernetes()?;
        let Some(found) = client.service_account(&namespace, &name, &context.wait).await? else {
            let exists = client.namespace_exists(&namespace, &context.wait).await;
            return Err(not_found(&namespace, &name, exists));
        };
        let fields = found.fields;
        let annotation = |key: &str| fields.annotations.get(key).cloned();
        Ok(Model {
            id: Some(format!("{namespace}/{name}")),
            uid: Some(found.uid),
            subject: Some(subject::of_service_account(&namespace, &name)),
            client_id: annotation(CLIENT_ID),
            tenant_id: annotation(TENANT_ID),
            token_expiration_seconds: annotation(TOKEN_EXPIRATION).and_then(|text| text.parse().ok()),
            labels: Some(fields.labels),
            annotations: Some(fields.annotations),
            automount_service_account_token: fields.automount,
            image_pull_secrets: Some(fields.image_pull_secrets.unwrap_or_default()),
            namespace: Some(namespace),
            name,
        })
    }
}

fn not_found(namespace: &str, name: &str, namespace_exists: Option<bool>) -> Error {
    let (what, attribute) = match namespace_exists {
        Some(false) => (format!("Namespace \"{namespace}\""), "namespace"),
        _ => (format!("Service account \"{namespace}/{name}\""), "name"),
    };
    Error::new(
        format!("{what} does not exist"),
        "Check the name, and whether the provider talks to the right cluster. Where the same configuration makes it, refer to the \
         resource's own attributes, or give this data source a `depends_on`.",
    )
    .at(attribute)
}
