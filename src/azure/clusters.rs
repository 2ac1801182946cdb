//! Clusters of AKS and Azure Arc, as far as workload identity needs them: read, never written.
//!
//! The two services say the same things under different names (`issuerURL` and `issuerUrl`), and leave out what is off.
//! [`Cluster`] is one model of both.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::answer::Subject;
use super::arm::Request;
use super::error::{Error, ErrorKind, Result};
use super::id::{ClusterId, ClusterKind};
use super::identities::null_is_empty;
use super::secret::Secret;
use super::{AccessToken, Azure};
use crate::wait::Wait;

/// The newest stable version of both services (azure-rest-api-specs, `aks/stable` and `HybridKubernetes/stable`).
const API: &str = "2026-05-01";

/// The application that stands for the API servers of all AKS clusters with Entra ID; Arc uses it as well.
pub(crate) const SERVER_APPLICATION: &str = "6dae42f8-4368-4678-94ff-3960e28e3630";

/// A cluster, as Azure describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Its full id, in the service's casing.
    pub id: String,
    /// AKS or Arc.
    pub kind: ClusterKind,
    /// Its name.
    pub name: String,
    /// Its region, as the service writes it.
    pub location: String,
    /// The issuer of its service account tokens, byte for byte; none while the feature is off or still being set up.
    pub issuer: Option<String>,
    /// Whether it publishes its issuer.
    pub oidc_issuer_enabled: bool,
    /// Whether the webhook of workload identity runs in it.
    pub workload_identity_enabled: bool,
    /// The host name of its API server; Arc names none.
    pub api_server: Option<String>,
    /// Whether its API server has a private address only. Of an Arc cluster Azure does not know.
    pub private: bool,
    /// The tenant of its users, or of its own identity.
    pub tenant_id: Option<String>,
    /// Such as `Succeeded` or `Updating`.
    pub provisioning_state: Option<String>,
    /// `Running` or `Stopped`; Arc has none.
    pub power_state: Option<String>,
    /// The version of Kubernetes it runs.
    pub kubernetes_version: Option<String>,
    /// Whether certificates of its own (`--admin`) are off, so that Entra ID is the only way in.
    pub local_accounts_disabled: bool,
    /// Entra ID as the source of its users, where it is.
    pub entra: Option<Entra>,
    /// What only Arc knows.
    pub arc: Option<Connected>,
}

/// Entra ID at an AKS cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Entra {
    /// Whether AKS manages the applications; before, they were the user's own.
    #[serde(deserialize_with = "null_is_empty")]
    pub managed: bool,
    /// Whether Azure roles decide what a user may do, instead of Kubernetes' own.
    #[serde(rename = "enableAzureRBAC", deserialize_with = "null_is_empty")]
    pub azure_rbac: bool,
    /// The tenant of its users.
    #[serde(rename = "tenantID")]
    pub tenant_id: Option<String>,
    /// The server application of an integration that AKS does not manage.
    #[serde(rename = "serverAppID")]
    pub server_app_id: Option<String>,
}

/// The state of a cluster's agents, which connect it to Azure Arc.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connected {
    /// Their version.
    pub agent_version: Option<String>,
    /// Such as `Succeeded` or `Failed`.
    pub agent_state: Option<String>,
    /// `Connected`, `Connecting`, `Offline` or `Expired`.
    pub connectivity_status: Option<String>,
    /// When Azure last heard of them, RFC 3339.
    pub last_connectivity_time: Option<String>,
    /// Such as `k3s`, `eks` or `generic`.
    pub distribution: Option<String>,
    /// Whether it is a cluster of AKS that Azure made on other premises, not one that somebody has connected.
    pub provisioned: bool,
}

/// Which kubeconfig is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    /// For whoever is signed in. With Entra ID it names kubelogin; without, it holds a local account.
    User,
    /// For a local account that may do everything. AKS only.
    Admin,
}

/// A kubeconfig. It may hold a key, so it does not print.
#[derive(Clone)]
pub struct ClusterCredential {
    /// Its name, such as `clusterUser`.
    pub name: String,
    /// The YAML.
    pub kubeconfig: Secret,
}

impl fmt::Debug for ClusterCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterCredential").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Calls about clusters.
#[derive(Debug, Clone, Copy)]
pub struct Clusters<'a> {
    pub(super) azure: &'a Azure,
}

impl Clusters<'_> {
    /// The cluster, or nothing when it does not exist.
    ///
    /// # Errors
    /// When Azure cannot be asked or does not allow it.
    pub async fn get(&self, id: &ClusterId, wait: &Wait) -> Result<Option<Cluster>> {
        let found: Option<Resource> =
            self.azure.find(&Request::new(Method::GET, what(id.kind()), id.to_string(), API), wait).await?;
        Ok(found.map(|resource| resource.cluster(id.kind())))
    }

    /// The cluster as it was within the last minute, where it has an issuer by now: for what many bindings ask of one cluster.
    ///
    /// # Errors
    /// When Azure cannot be asked or does not allow it.
    pub async fn recent(&self, id: &ClusterId, wait: &Wait) -> Result<Option<Cluster>> {
        // An issuer and a webhook that are missing may be switched on in the same run.
        let complete = |cluster: &Cluster| cluster.issuer.is_some() && cluster.workload_identity_enabled;
        self.azure.inner.seen_clusters.read(id.key(), wait, self.get(id, wait), complete).await
    }

    /// A kubeconfig of the cluster, the first of those that Azure gives.
    ///
    /// # Errors
    /// When Azure refuses (`Admin` where local accounts are off), gives none, or gives what does not decode.
    pub async fn credential(&self, id: &ClusterId, kind: CredentialKind, wait: &Wait) -> Result<ClusterCredential> {
        let (action, body) = match (id.kind(), kind) {
            (ClusterKind::Aks, CredentialKind::Admin) => ("listClusterAdminCredential", None),
            (ClusterKind::Aks, CredentialKind::User) => ("listClusterUserCredential", None),
            // `clientProxy` would ask for a kubeconfig that leads to a proxy on this machine.
            (ClusterKind::Arc, _) => {
                let body = json!({"authenticationMethod": "AAD", "clientProxy": false});
                ("listClusterUserCredential", Some(body))
            }
        };
        let what = format!("credentials of {}", what(id.kind()));
        let mut request = Request::new(Method::POST, &what, format!("{id}/{action}"), API).repeatable();
        if (id.kind(), kind) == (ClusterKind::Aks, CredentialKind::User) {
            request = request.query("format", "exec");
        }
        if let Some(body) = &body {
            request = request.body(body);
        }
        let answer = self.azure.send(&request, wait).await?;
        // Not read with `Answer::json`, whose errors quote the answer.
        let refuse = |message: &str| request.subject.error(ErrorKind::Decode, message);
        let list: Credentials = serde_json::from_slice(&answer.body)
            .map_err(|_| refuse("the answer is not a list of kubeconfigs as the service documents it"))?;
        let first = list.kubeconfigs.into_iter().next().ok_or_else(|| refuse("the list of kubeconfigs is empty"))?;
        let text = BASE64_STANDARD.decode(first.value.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.ok_or_else(|| refuse("the kubeconfig is not text in base64"))?;
        Ok(ClusterCredential { name: first.name, kubeconfig: Secret::new(text) })
    }
}

impl Clusters<'_> {
    /// A token for the API server of a cluster that takes users of Entra ID: for `application`, which stands for it, in the
    /// cluster's `tenant`, where that is not the one signed in to. `refused` is a token that the API server did not accept; it is
    /// not given again.
    ///
    /// # Errors
    /// When signing in fails.
    pub(crate) async fn token(
        &self,
        application: &str,
        tenant: Option<&str>,
        refused: Option<&str>,
        wait: &Wait,
    ) -> Result<AccessToken> {
        let subject = Subject::new(format!("sign in with {}", self.azure.sign_in_method()), "Entra ID");
        let cloud = self.azure.bounded_cloud(&subject, wait).await?;
        let sign_in = &self.azure.inner.sign_in;
        // A method that knows no tenant of its own signs in where the subscription is.
        let own = sign_in.method().tenant_id();
        let tenant = tenant.filter(|tenant| own.is_some_and(|own| !own.eq_ignore_ascii_case(tenant)));
        let scope = format!("{application}/.default");
        if let Some(refused) = refused {
            sign_in.forget(tenant, &scope, refused).await;
        }
        wait.bound(sign_in.token(cloud, tenant, &scope))
            .await
            .map_err(|why| Error::interrupted(why, &subject.operation, &subject.target, "a token for the cluster"))?
    }
}

fn what(kind: ClusterKind) -> &'static str {
    match kind {
        ClusterKind::Aks => "AKS cluster",
        ClusterKind::Arc => "Azure Arc cluster",
    }
}

#[derive(Deserialize)]
struct Credentials {
    #[serde(default, deserialize_with = "null_is_empty")]
    kubeconfigs: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    name: String,
    value: String,
}

/// A cluster of either service, on the wire.
#[derive(Deserialize)]
struct Resource {
    id: String,
    name: String,
    #[serde(default)]
    location: String,
    kind: Option<String>,
    identity: Option<OwnIdentity>,
    #[serde(default, deserialize_with = "null_is_empty")]
    properties: Properties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OwnIdentity {
    tenant_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Properties {
    provisioning_state: Option<String>,
    kubernetes_version: Option<String>,
    current_kubernetes_version: Option<String>,
    #[serde(deserialize_with = "null_is_empty")]
    oidc_issuer_profile: Issuer,
    #[serde(deserialize_with = "null_is_empty")]
    security_profile: Security,
    // AKS.
    fqdn: Option<String>,
    #[serde(rename = "privateFQDN")]
    private_fqdn: Option<String>,
    #[serde(deserialize_with = "null_is_empty")]
    power_state: Power,
    disable_local_accounts: Option<bool>,
    aad_profile: Option<Entra>,
    #[serde(deserialize_with = "null_is_empty")]
    api_server_access_profile: Access,
    // Arc.
    agent_version: Option<String>,
    #[serde(deserialize_with = "null_is_empty")]
    arc_agent_profile: Agents,
    connectivity_status: Option<String>,
    last_connectivity_time: Option<String>,
    distribution: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Issuer {
    enabled: Option<bool>,
    #[serde(alias = "issuerURL", rename = "issuerUrl")]
    url: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Security {
    workload_identity: Option<Feature>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Feature {
    enabled: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Agents {
    agent_state: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Power {
    code: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Access {
    enable_private_cluster: Option<bool>,
}

impl Resource {
    fn cluster(self, kind: ClusterKind) -> Cluster {
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        let of = self.properties;
        let private = of.api_server_access_profile.enable_private_cluster.unwrap_or(false);
        let (public_host, private_host) = (some(of.fqdn), some(of.private_fqdn));
        // A private cluster may have a public name too, which then resolves to its private address.
        let api_server = if private { private_host.or(public_host) } else { public_host.or(private_host) };
        let entra_tenant = of.aad_profile.as_ref().and_then(|entra| some(entra.tenant_id.clone()));
        Cluster {
            id: self.id,
            kind,
            name: self.name,
            location: self.location,
            issuer: some(of.oidc_issuer_profile.url),
            oidc_issuer_enabled: of.oidc_issuer_profile.enabled.unwrap_or(false),
            workload_identity_enabled: of.security_profile.workload_identity.unwrap_or_default().enabled == Some(true),
            api_server,
            private,
            tenant_id: entra_tenant.or_else(|| some(self.identity.and_then(|identity| identity.tenant_id))),
            provisioning_state: some(of.provisioning_state),
            power_state: some(of.power_state.code),
            kubernetes_version: some(of.current_kubernetes_version).or_else(|| some(of.kubernetes_version)),
            local_accounts_disabled: of.disable_local_accounts.unwrap_or(false),
            entra: of.aad_profile,
            arc: (kind == ClusterKind::Arc).then_some(Connected {
                agent_version: some(of.agent_version),
                agent_state: some(of.arc_agent_profile.agent_state),
                connectivity_status: some(of.connectivity_status),
                last_connectivity_time: some(of.last_connectivity_time),
                distribution: some(of.distribution),
                provisioned: self.kind.is_some_and(|kind| kind.eq_ignore_ascii_case("ProvisionedCluster")),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: ClusterKind, properties: serde_json::Value) -> Cluster {
        let json = json!({"id": "/x", "name": "x", "location": "eastus", "properties": properties});
        serde_json::from_value::<Resource>(json).unwrap().cluster(kind)
    }

    #[test]
    fn aks_and_arc_say_the_same_under_different_names() {
        let aks = read(
            ClusterKind::Aks,
            json!({"oidcIssuerProfile": {"enabled": true, "issuerURL": "https://a/"}, "fqdn": "host",
                "securityProfile": {"workloadIdentity": {"enabled": true}}, "powerState": {"code": "Running"},
                "aadProfile": {"managed": true, "enableAzureRBAC": true, "tenantID": "t"}, "disableLocalAccounts": true}),
        );
        assert_eq!((aks.issuer.as_deref(), aks.api_server.as_deref()), (Some("https://a/"), Some("host")));
        assert!(aks.oidc_issuer_enabled && aks.workload_identity_enabled && aks.local_accounts_disabled);
        assert_eq!((aks.tenant_id.as_deref(), aks.power_state.as_deref()), (Some("t"), Some("Running")));
        assert!(aks.entra.unwrap().azure_rbac && aks.arc.is_none());
        let arc = read(
            ClusterKind::Arc,
            json!({"oidcIssuerProfile": {"enabled": true, "issuerUrl": "https://b/"}, "agentVersion": "1",
                "securityProfile": {"workloadIdentity": {"enabled": true}}, "connectivityStatus": "Offline"}),
        );
        assert!(arc.oidc_issuer_enabled && arc.workload_identity_enabled && arc.entra.is_none());
        assert_eq!(arc.issuer.as_deref(), Some("https://b/"));
        assert_eq!(arc.arc.unwrap().connectivity_status.as_deref(), Some("Offline"));
    }

    #[test]
    fn a_cluster_that_azure_made_elsewhere_is_told_from_one_that_was_connected() {
        let agents = json!({"arcAgentProfile": {"agentState": "Failed"}});
        let connected = read(ClusterKind::Arc, agents.clone()).arc.unwrap();
        assert_eq!((connected.agent_state.as_deref(), connected.provisioned), (Some("Failed"), false));
        let made = json!({"id": "/x", "name": "x", "kind": "provisionedCluster", "properties": agents});
        let made: Resource = serde_json::from_value(made).unwrap();
        assert!(made.cluster(ClusterKind::Arc).arc.unwrap().provisioned);
    }

    #[test]
    fn what_is_left_out_or_null_is_off() {
        for properties in [
            json!({}),
            json!(null),
            json!({"oidcIssuerProfile": null, "securityProfile": null, "powerState": null, "aadProfile": null,
                "apiServerAccessProfile": null, "disableLocalAccounts": null}),
            json!({"oidcIssuerProfile": {"enabled": null, "issuerURL": ""}, "securityProfile": {"workloadIdentity": null}}),
        ] {
            let cluster = read(ClusterKind::Aks, properties);
            assert!(!cluster.oidc_issuer_enabled && !cluster.workload_identity_enabled && !cluster.private);
            assert_eq!((cluster.issuer, cluster.entra, cluster.tenant_id), (None, None, None));
        }
    }

    #[test]
    fn a_private_cluster_has_its_private_name() {
        let profile = json!({"enablePrivateCluster": true});
        let named = json!({"apiServerAccessProfile": profile, "fqdn": "public", "privateFQDN": "private"});
        let cluster = read(ClusterKind::Aks, named);
        assert!(cluster.private);
        assert_eq!(cluster.api_server.as_deref(), Some("private"));
        let public = json!({"apiServerAccessProfile": profile, "fqdn": "public"});
        assert_eq!(read(ClusterKind::Aks, public).api_server.as_deref(), Some("public"));
    }
}
