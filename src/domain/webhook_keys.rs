//! Keys that are meant for the webhook of Workload ID and that it does not read: misspelt, or a label that should be an annotation.
//! The webhook passes over them without a word, and the pod starts without a token.

use tf_provider::AttributePath;

use crate::error::Error;

/// The prefix of the webhook's keys.
const PREFIX: &str = "azure.workload.identity";
/// Annotations of a service account that the webhook reads.
const OF_ACCOUNTS: [&str; 3] = ["client-id", "tenant-id", "service-account-token-expiration"];
/// Annotations that it reads on pods only.
const OF_PODS: [&str; 3] = ["skip-containers", "inject-proxy-sidecar", "proxy-sidecar-port"];
/// The label that it reads on pods. On a service account it says nothing, but older guides set it.
const LABEL: &str = "use";
/// How alike two prefixes, or two names, must be to be meant for each other, from 0 to 1.
const ALIKE: (f64, f64) = (0.8, 0.6);

/// The warning on a key of `annotations` or `labels` that was meant for the webhook and is not read by it. The account is in the
/// attribute `parent` if there is one.
pub(crate) fn warning(parent: Option<&'static str>, attribute: &'static str, key: &str) -> Option<Error> {
    let detail = if attribute == "labels" { check_label(key) } else { check_annotation(key) }?;
    let path = parent.map_or_else(AttributePath::root, AttributePath::new).attribute(attribute).key(key.to_owned());
    Some(Error::new("The webhook of Workload ID does not read a key", detail).at_path(path))
}

/// What is wrong with a key of the annotations of a service account, if it was meant for the webhook.
fn check_annotation(key: &str) -> Option<String> {
    let (name, exact) = meant(key)?;
    match name {
        LABEL => Some(label(key)),
        _ if exact => None,
        name => Some(format!("The webhook does not read the annotation `{key}`. Is `{PREFIX}/{name}` meant?")),
    }
}

/// The same for a key of the labels.
fn check_label(key: &str) -> Option<String> {
    let (name, exact) = meant(key)?;
    match name {
        LABEL if exact => None,
        LABEL => Some(label(key)),
        name => Some(format!("The webhook does not read the label `{key}`: `{PREFIX}/{name}` is an annotation.")),
    }
}

fn label(key: &str) -> String {
    format!(
        "The webhook does not read `{key}` here: the label `{PREFIX}/{LABEL}` belongs to the pods, with the value `true`."
    )
}

/// The name of the webhook's that a key comes near, and whether it is that to the letter.
fn meant(key: &str) -> Option<(&'static str, bool)> {
    let (prefix, name) = key.split_once('/')?;
    // `use-SUFFIX` is read where the webhook was told to, as in AKS.
    if prefix == PREFIX && name.starts_with("use-") {
        return None;
    }
    let names = || OF_ACCOUNTS.into_iter().chain(OF_PODS).chain([LABEL]);
    if prefix == PREFIX
        && let Some(exact) = names().find(|known| *known == name)
    {
        return Some((exact, true));
    }
    if strsim::normalized_damerau_levenshtein(PREFIX, &prefix.to_lowercase()) < ALIKE.0 {
        return None;
    }
    let name = name.to_lowercase();
    let alike = |known: &&str| {
        let part = name.len() > LABEL.len() && known.ends_with(&name);
        if part { 1.0 } else { strsim::normalized_damerau_levenshtein(known, &name) }
    };
    let nearest = names().max_by(|a, b| alike(a).total_cmp(&alike(b)))?;
    (alike(&nearest) >= ALIKE.1).then_some((nearest, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_annotation_is_told_with_the_likely_key() {
        for (key, likely) in [
            ("azure.workload.identity/client_id", "azure.workload.identity/client-id"),
            ("azure.workload.identity/clientid", "azure.workload.identity/client-id"),
            ("azure.workload.identity/Client-Id", "azure.workload.identity/client-id"),
            ("azure.workload.identity/tenantId", "azure.workload.identity/tenant-id"),
            ("azure.workload-identity/tenant-id", "azure.workload.identity/tenant-id"),
            ("azure.workloadidentity/client-id", "azure.workload.identity/client-id"),
            ("azure.workload.identity/token-expiration", "azure.workload.identity/service-account-token-expiration"),
            ("azure.workload.identity/Use", "azure.workload.identity/use"),
            ("azure.workload.identity/use", "azure.workload.identity/use"),
        ] {
            let told = check_annotation(key).unwrap_or_default();
            assert!(told.contains(&format!("`{likely}`")) && told.contains(&format!("`{key}`")), "{key}: {told}");
        }
    }

    #[test]
    fn keys_of_others_and_the_webhook_s_own_pass() {
        for key in [
            "azure.workload.identity/client-id",
            "azure.workload.identity/skip-containers",
            "azure.workload.identity/use-identity-binding",
            "azure.workload.identity/owner",
            "example.org/client_id",
            "client_id",
            "eks.amazonaws.com/role-arn",
            "app.kubernetes.io/name",
        ] {
            assert_eq!(check_annotation(key), None, "{key}");
        }
        for key in ["azure.workload.identity/use", "app.kubernetes.io/name", "team"] {
            assert_eq!(check_label(key), None, "{key}");
        }
    }

    #[test]
    fn a_label_that_is_an_annotation_is_told_and_so_is_a_misspelt_one() {
        for key in ["azure.workload.identity/client-id", "azure.workload.identity/USE"] {
            assert!(check_label(key).is_some(), "{key}");
        }
    }
}
