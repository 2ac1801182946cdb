//! A cluster by its Azure resource id: kubeconfig from Azure Resource Manager, tokens from Entra ID. This is where the two
//! planes meet, each unaware of the other.

use async_trait::async_trait;

use crate::azure::clusters::{Cluster, CredentialKind, SERVER_APPLICATION};
use crate::azure::{self, Azure, ClusterId, ClusterKind, ErrorKind};
use crate::error::Error;
use crate::kubernetes::{self, Audience, Kind, Remote};
use crate::wait::Wait;

/// How long the cluster may take to tell why it cannot be reached.
const ADVICE: std::time::Duration = std::time::Duration::from_secs(10);

/// A cluster that Azure knows.
#[derive(Debug)]
pub(super) struct AzureCluster {
    pub(super) azure: Azure,
    pub(super) id: ClusterId,
}

#[async_trait]
impl Remote for AzureCluster {
    async fn kubeconfig(&self, wait: &Wait) -> Result<String, kubernetes::Error> {
        match self.azure.clusters().credential(&self.id, CredentialKind::User, wait).await {
            Ok(credential) => Ok(credential.kubeconfig.expose().to_owned()),
            Err(error) if error.is_gone() => Err(kubernetes::Error::on_the_way(
                Kind::NoCluster,
                self.name(),
                format!("it does not exist: Azure knows no `{}`.", self.id),
                "Check `cluster_id` in the provider's `kubernetes` block. What is in the state of a cluster that is gone for good is \
                 forgotten with `terraform state rm`.",
            )),
            Err(error) => {
                let kind = match error.kind {
                    ErrorKind::Cancelled => Kind::Cancelled,
                    ErrorKind::Timeout => Kind::TimedOut,
                    ErrorKind::Forbidden => Kind::Forbidden,
                    ErrorKind::SignIn | ErrorKind::Unauthorized => Kind::Unauthorized,
                    _ => Kind::Configuration,
                };
                Err(kubernetes::Error::on_the_way(kind, self.name(), told(error), self.alternatives(kind)))
            }
        }
    }

    async fn token(
        &self,
        audience: &Audience,
        refused: Option<&str>,
        wait: &Wait,
    ) -> Result<String, kubernetes::Error> {
        let application = audience.server_id.as_deref().unwrap_or(SERVER_APPLICATION);
        let asked = self.azure.clusters().token(application, audience.tenant_id.as_deref(), refused, wait).await;
        asked.map(|token| token.token.expose().to_owned()).map_err(|error| {
            let kind = match error.kind {
                ErrorKind::Cancelled => Kind::Cancelled,
                ErrorKind::Timeout => Kind::TimedOut,
                _ => Kind::Unauthorized,
            };
            kubernetes::Error::on_the_way(kind, self.name(), told(error), "")
        })
    }

    async fn advise(&self, wait: &Wait) -> String {
        let (group, name) = (self.id.group().name(), self.id.name());
        let found = self.azure.clusters().get(&self.id, &wait.within(ADVICE)).await.ok().flatten();
        match (self.id.kind(), found) {
            (ClusterKind::Arc, found) => {
                let state = found.and_then(|cluster| cluster.arc?.connectivity_status);
                let state =
                    state.map(|state| format!("Azure Arc says that its agents are `{state}`. ")).unwrap_or_default();
                format!("{state}{}", self.alternatives(Kind::Unreachable))
            }
            (ClusterKind::Aks, Some(Cluster { power_state: Some(state), .. })) if state != "Running" => {
                format!(
                    "The cluster is `{state}`: start it with `az aks start --resource-group {group} --name {name}`."
                )
            }
            (ClusterKind::Aks, Some(Cluster { private: true, api_server, .. })) => format!(
                "The cluster is private: {} has an address in its virtual network only. Run Terraform where that name resolves and \
                 the address can be reached (an agent in that network or in a peered one with its private DNS zone, a VPN), or set \
                 `proxy_url` to a proxy there.",
                api_server.as_deref().map_or_else(|| "its API server".to_owned(), |host| format!("`{host}`")),
            ),
            (ClusterKind::Aks, Some(Cluster { provisioning_state: Some(state), .. })) if state != "Succeeded" => {
                format!("The cluster is not ready: its provisioning state is `{state}`.")
            }
            (ClusterKind::Aks, _) => format!(
                "If the API server takes authorized addresses only, add this machine's with `az aks update --resource-group {group} \
                 --name {name} --api-server-authorized-ip-ranges …`."
            ),
        }
    }
}

impl AzureCluster {
    /// The cluster, as errors call it.
    fn name(&self) -> String {
        match self.id.kind() {
            ClusterKind::Aks => format!("AKS cluster \"{}\"", self.id.name()),
            ClusterKind::Arc => format!("Azure Arc cluster \"{}\"", self.id.name()),
        }
    }

    /// The other ways to a cluster, where this one is closed.
    fn alternatives(&self, kind: Kind) -> String {
        let (group, name) = (self.id.group().name(), self.id.name());
        match (self.id.kind(), kind) {
            (_, Kind::Cancelled | Kind::TimedOut | Kind::Unauthorized) => String::new(),
            (ClusterKind::Aks, Kind::Forbidden) => {
                "Assign `Azure Kubernetes Service Cluster User Role` at the cluster to whoever Terraform signs in as, or set \
                 `config_path` instead of `cluster_id`."
                    .to_owned()
            }
            (ClusterKind::Aks, _) => "Set `config_path`, or `host` with `token`, instead of `cluster_id`.".to_owned(),
            (ClusterKind::Arc, _) => format!(
                "Azure Arc hands out a way to a cluster only where cluster connect is on and the caller has `Azure Arc Enabled Kubernetes \
                 Cluster User Role`. Otherwise, instead of `cluster_id`: run `az connectedk8s proxy --resource-group {group} --name \
                 {name} --file FILE` beside Terraform and set `config_path` to FILE; or set `host` with a service account's `token`; or \
                 run Terraform in the cluster with `in_cluster_config = true`."
            ),
        }
    }
}

/// What Azure said, in one text.
fn told(error: azure::Error) -> String {
    let Error { summary, detail, .. } = error.into();
    format!("{summary}. {detail}")
}
