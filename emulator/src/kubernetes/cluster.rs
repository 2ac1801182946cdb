//! A cluster: its name and address, its issuer and signing key, and who may sign in with what.
//!
//! The issuer need not be the address: AKS publishes it elsewhere. Whoever serves the issuer's discovery document takes
//! its keys from here ([`Cluster::jwks`]), so a token of this cluster is verified like any other.

use rand::distr::{Alphanumeric, SampleString};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Context, controllers, rbac};
use crate::core::clock::Clock;
use crate::core::jwt::SigningKey;
use crate::core::store::Store;
use crate::core::world::World;

/// A cluster as it is kept under `kubernetes/<name>/_cluster`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cluster {
    name: String,
    url: String,
    issuer: String,
    admin_token: String,
    /// PKCS#8 in PEM.
    signing_key: String,
    jwks: Value,
    api_audiences: Vec<String>,
    controllers: bool,
    /// Whether roles decide who may do what.
    #[serde(default)]
    rbac: bool,
    /// The tenant and the authority that the workload identity webhook was installed with.
    #[serde(default)]
    tenant: String,
    #[serde(default = "public_authority")]
    authority: String,
}

fn public_authority() -> String {
    "https://login.microsoftonline.com/".to_owned()
}

/// Where a cluster's API is served.
pub(crate) fn url(world: &World, name: &str) -> String {
    format!("{}/clusters/{name}", world.url)
}

impl Cluster {
    /// Creates a cluster that is served here, issuer included, with the workload identity webhook of this tenant.
    ///
    /// # Errors
    /// As [`Cluster::create`].
    pub(crate) fn serve(world: &mut World, name: &str, tenant: &str, namespaces: &[String]) -> Result<(), String> {
        let (url, issuer) = (url(world, name), format!("{}/oidc/{name}/", world.url));
        let mut cluster = Self::create(&mut world.store, &world.clock, name, &url, &issuer, namespaces)?;
        cluster.set_webhook(&mut world.store, tenant, &format!("{}/", world.url));
        Ok(())
    }

    /// Makes a cluster with a signing key, an administrator's token and these namespaces, each with its `default`
    /// service account, and stores it.
    ///
    /// `url` is where the API is served, `https://host:port/clusters/<name>`; `issuer` is the `iss` of its tokens.
    ///
    /// # Errors
    /// When the name is empty or more than letters, digits, `-`, `_` and `.`, when a cluster of this name is stored
    /// already, when a namespace's name breaks the rules, or when no key can be made.
    pub(crate) fn create(
        store: &mut Store,
        clock: &Clock,
        name: &str,
        url: &str,
        issuer: &str,
        namespaces: &[String],
    ) -> Result<Self, String> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if name.is_empty() || !name.bytes().all(plain) {
            return Err(format!("`{name}` is no name for a cluster: letters, digits, `-`, `_` and `.` are"));
        }
        if Self::load(store, name).is_some() {
            return Err(format!("the cluster `{name}` is already there"));
        }
        let key = SigningKey::generate().map_err(|why| format!("the cluster `{name}`: {why}"))?;
        let cluster = Self {
            name: name.to_owned(),
            url: url.trim_end_matches('/').to_owned(),
            issuer: issuer.to_owned(),
            admin_token: Alphanumeric.sample_string(&mut rand::rng(), 40),
            signing_key: key.pem().to_owned(),
            jwks: key.jwks(),
            api_audiences: vec![issuer.to_owned()],
            controllers: true,
            rbac: false,
            tenant: String::new(),
            authority: public_authority(),
        };
        cluster.save(store);
        let mut context = Context { store, clock, cluster: &cluster };
        for namespace in namespaces {
            controllers::establish(&mut context, namespace)
                .map_err(|why| format!("the namespace `{namespace}` of the cluster `{name}`: {why}"))?;
        }
        Ok(cluster)
    }

    /// The stored cluster of this name.
    pub(crate) fn load(store: &Store, name: &str) -> Option<Self> {
        let document = store.get(&format!("kubernetes/{name}/_cluster"))?;
        serde_json::from_value(document.clone()).ok()
    }

    /// All stored clusters, by name.
    pub(crate) fn all(store: &Store) -> Vec<Self> {
        const ALL: &str = "kubernetes/";
        let (mut all, mut from) = (Vec::new(), ALL.to_owned());
        // From cluster to cluster, past all that is in each: `0` is the character after the slash.
        while let Some((key, _)) = store.under_from(ALL, &from).next() {
            let name = key.split('/').nth(1).unwrap_or_default();
            all.extend(Self::load(store, name));
            from = format!("{ALL}{name}0");
        }
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    /// The cluster with exactly this issuer, byte for byte, as Entra ID compares it.
    pub(crate) fn by_issuer(store: &Store, issuer: &str) -> Option<Self> {
        Self::all(store).into_iter().find(|cluster| cluster.issuer == issuer)
    }

    /// The keys that its tokens are signed with, as a JSON Web Key Set.
    pub(crate) fn jwks(&self) -> Value {
        self.jwks.clone()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The `iss` of its tokens.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The token of an administrator.
    pub(crate) fn admin_token(&self) -> &str {
        &self.admin_token
    }

    /// Where its API is served, without a slash at the end.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The audiences that the API server takes for itself, which are also those of a token that names none.
    pub(crate) fn api_audiences(&self) -> &[String] {
        &self.api_audiences
    }

    /// Whether the controllers run that a real cluster has beside its API server: those that make the `default` service
    /// account and empty a namespace that is deleted. They do unless they are stopped.
    pub(crate) fn has_controllers(&self) -> bool {
        self.controllers
    }

    /// Whether roles decide who may do what. Where they do not, whoever signs in may do everything.
    pub(crate) fn has_rbac(&self) -> bool {
        self.rbac
    }

    /// Lets roles decide, or not. The roles that every cluster has are made when they first do.
    pub(crate) fn set_rbac(&mut self, store: &mut Store, clock: &Clock, on: bool) {
        self.rbac = on;
        self.save(store);
        if on {
            rbac::establish(&mut Context { store, clock, cluster: self });
        }
    }

    /// Sets the tenant and the authority that the workload identity webhook gives to pods whose account names no tenant.
    pub(crate) fn set_webhook(&mut self, store: &mut Store, tenant: &str, authority: &str) {
        self.tenant = tenant.to_owned();
        self.authority = authority.to_owned();
        self.save(store);
    }

    /// The tenant of the workload identity webhook; empty where it has none.
    pub(super) fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The `AZURE_AUTHORITY_HOST` of the workload identity webhook.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// Removes the cluster and all that is in it.
    pub(crate) fn delete(self, store: &mut Store) {
        let prefix = format!("kubernetes/{}/", self.name);
        let keys: Vec<String> = store.under(&prefix).map(|(key, _)| key.to_owned()).collect();
        for key in keys {
            store.remove(&key);
        }
    }

    /// The key that it signs with, as PKCS#8 PEM.
    pub(super) fn signing_key(&self) -> &str {
        &self.signing_key
    }

    /// The identifier of the key that it signs with.
    pub(super) fn key_id(&self) -> &str {
        self.jwks.pointer("/keys/0/kid").and_then(Value::as_str).unwrap_or_default()
    }

    fn save(&self, store: &mut Store) {
        // Strings, JSON and a flag always serialize.
        if let Ok(document) = serde_json::to_value(self) {
            store.put(format!("kubernetes/{}/_cluster", self.name), document);
        }
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, url, issuer, .. } = self;
        write!(f, "Cluster {{ name: {name:?}, url: {url:?}, issuer: {issuer:?}, .. }}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_found_again_by_its_name_and_by_its_exact_issuer() {
        let mut store = Store::in_memory();
        let issuer = "https://oidc.example/one/";
        let made =
            Cluster::create(&mut store, &Clock::default(), "one", "https://h:1/clusters/one", issuer, &[]).unwrap();
        assert_eq!(Cluster::load(&store, "one").unwrap().admin_token(), made.admin_token());
        assert_eq!(Cluster::by_issuer(&store, issuer).unwrap().name(), "one");
        assert!(Cluster::by_issuer(&store, "https://oidc.example/one").is_none());
        assert_eq!(Cluster::all(&store).len(), 1);
        let again = Cluster::create(&mut store, &Clock::default(), "one", "https://h:1", issuer, &[]);
        assert_eq!(again.unwrap_err(), "the cluster `one` is already there");
        made.delete(&mut store);
        assert!(Cluster::all(&store).is_empty());
    }
}
