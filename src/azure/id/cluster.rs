//! Clusters that Azure knows: AKS, and clusters elsewhere that are connected by Azure Arc.

use std::fmt;
use std::str::FromStr;

use super::identity::in_group;
use super::{IdError, Kind, ResourceGroupId, id_without_case, same};

/// The id of a cluster, of AKS or of Azure Arc.
#[derive(Debug, Clone)]
pub struct ClusterId {
    group: ResourceGroupId,
    kind: ClusterKind,
    name: String,
}

/// Which service of Azure a cluster belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClusterKind {
    /// `Microsoft.ContainerService/managedClusters`.
    Aks,
    /// `Microsoft.Kubernetes/connectedClusters`.
    Arc,
}

impl ClusterKind {
    /// As configurations write it: `aks` or `arc`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Aks => "aks",
            Self::Arc => "arc",
        }
    }

    /// Namespace and type, as in ids.
    pub(crate) fn resource_type(self) -> &'static str {
        match self {
            Self::Aks => "Microsoft.ContainerService/managedClusters",
            Self::Arc => "Microsoft.Kubernetes/connectedClusters",
        }
    }
}

impl ClusterId {
    /// The resource group it is in.
    pub(crate) fn group(&self) -> &ResourceGroupId {
        &self.group
    }

    /// The GUID of the subscription it is in.
    pub(crate) fn subscription(&self) -> &str {
        self.group.subscription().guid()
    }

    /// Which service it belongs to.
    pub(crate) fn kind(&self) -> ClusterKind {
        self.kind
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl Kind for ClusterId {
    const EXPECTED: &'static str = "the id of an AKS or Azure Arc cluster";
    const EXAMPLE: &'static str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/shop/providers/Microsoft.ContainerService/managedClusters/prod";
}

impl FromStr for ClusterId {
    type Err = IdError;

    fn from_str(given: &str) -> Result<Self, IdError> {
        let parts = Self::parts(given)?;
        match parts[..] {
            [subscriptions, subscription, groups, group, providers, namespace, clusters, name]
                if same(subscriptions, "subscriptions")
                    && same(groups, "resourceGroups")
                    && same(providers, "providers") =>
            {
                let found = format!("{namespace}/{clusters}");
                let kind =
                    [ClusterKind::Aks, ClusterKind::Arc].into_iter().find(|kind| same(&found, kind.resource_type()));
                let kind = kind.ok_or_else(|| {
                    let (aks, arc) = (ClusterKind::Aks.resource_type(), ClusterKind::Arc.resource_type());
                    Self::error(given, format!("`{found}` is neither `{aks}` nor `{arc}`"))
                })?;
                check_name(name).map_err(|reason| Self::error(given, reason))?;
                Ok(Self { group: in_group::<Self>(given, subscription, group)?, kind, name: name.to_owned() })
            }
            _ => Err(Self::error(given, "it does not have the parts of one")),
        }
    }
}

/// AKS allows 1 to 63 letters, digits, `-` and `_`. For Arc no rule is documented; a period is let through as well.
fn check_name(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.len() <= 63 && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(allowed) {
        return Ok(());
    }
    Err(format!(
        "the cluster name `{name}` must have 1 to 63 letters, digits, `-` or `_`, and start with a letter or digit"
    ))
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/providers/{}/{}", self.group, self.kind.resource_type(), self.name)
    }
}

id_without_case!(ClusterId);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::assert_golden;

    const ARC: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/shop/providers/Microsoft.Kubernetes/connectedClusters/edge";

    #[test]
    fn both_kinds_are_told_apart_in_any_casing_and_written_as_documented() {
        let aks: ClusterId = ClusterId::EXAMPLE.to_lowercase().parse().unwrap();
        assert_eq!((aks.kind(), aks.name(), aks.group().name()), (ClusterKind::Aks, "prod", "shop"));
        assert_eq!(aks.to_string(), ClusterId::EXAMPLE);
        let arc: ClusterId = ARC.to_uppercase().parse().unwrap();
        assert_eq!((arc.kind(), arc.subscription()), (ClusterKind::Arc, "11111111-2222-3333-4444-555555555555"));
        assert_eq!(arc, ARC.parse().unwrap());
        assert_ne!(arc, aks);
    }

    #[test]
    fn what_is_no_cluster_is_refused_with_the_reason() {
        let good = ClusterId::EXAMPLE;
        let refused = [
            "prod".to_owned(),
            good.replace("managedClusters", "fleets"),
            good.replace("/prod", ""),
            format!("{good}/agentPools/one"),
            good.replace("/prod", "/pro d"),
            good.replace("/prod", "/-prod"),
            good.replace("/prod", &format!("/{}", "a".repeat(64))),
            good.replace("/shop/", "/../"),
            good.replace("11111111-", "1111111-"),
        ];
        let reason = |given: &String| given.parse::<ClusterId>().unwrap_err().reason;
        assert_golden("azure::id::cluster", refused.iter().map(|given| (given, reason(given))));
    }
}
