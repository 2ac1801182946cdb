//! What Kubernetes accepts as a service account, and which of its annotations are Workload ID's.
//!
//! Every limit here is the API server's own, checked earlier: at plan, on the attribute.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// The annotation with the client id of the identity that pods act as.
pub(crate) const CLIENT_ID: &str = "azure.workload.identity/client-id";
/// The annotation with that identity's tenant; without it the webhook uses its own.
pub(crate) const TENANT_ID: &str = "azure.workload.identity/tenant-id";
/// The annotation with the lifetime of the pods' projected tokens, in seconds.
pub(crate) const TOKEN_EXPIRATION: &str = "azure.workload.identity/service-account-token-expiration";

/// What the webhook accepts as [`TOKEN_EXPIRATION`], in seconds: an hour to a day.
pub(crate) const TOKEN_EXPIRATION_SECONDS: RangeInclusive<i64> = 3600..=86_400;

/// The most that all annotations of an object may hold, keys and values, in bytes.
const ANNOTATIONS: usize = 262_144;
/// The longest DNS-1123 subdomain, such as a service account's name or the prefix of a key.
const SUBDOMAIN: usize = 253;
/// The longest DNS-1123 label, label value, or name part of a key.
const LABEL: usize = 63;
/// The longest name of a field manager, in bytes.
const MANAGER: usize = 128;

/// Checks the name of a service account or a secret.
///
/// # Errors
/// The rule, and what was found.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    if is_subdomain(name) {
        return Ok(());
    }
    Err(format!(
        "Expected at most {SUBDOMAIN} lower-case letters, digits, `-` and `.`, each part between dots beginning and ending with a \
         letter or digit, got `{name}`."
    ))
}

/// Checks the name of a namespace.
///
/// # Errors
/// The rule, and what was found.
pub(crate) fn check_namespace(namespace: &str) -> Result<(), String> {
    if is_label(namespace) {
        return Ok(());
    }
    Err(format!(
        "Expected at most {LABEL} lower-case letters, digits and `-`, beginning and ending with a letter or digit, got \
         `{namespace}`."
    ))
}

/// Checks the key of a label: `[prefix/]name`.
///
/// # Errors
/// The rule, and what was found.
pub(crate) fn check_label_key(key: &str) -> Result<(), String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if prefix.is_none_or(is_subdomain) && !name.is_empty() && is_value(name) {
        return Ok(());
    }
    Err(format!(
        "Expected a key of the form `name` or `prefix/name`, the name at most {LABEL} letters, digits, `-`, `_` and `.`, beginning \
         and ending with a letter or digit, and the prefix a lower-case DNS name, got `{key}`."
    ))
}

/// Checks the key of an annotation. Its prefix may have capitals, which a label's may not.
///
/// # Errors
/// The rule, and what was found; and the attribute to set, where the key is one of Workload ID's.
pub(crate) fn check_annotation_key(key: &str) -> Result<(), String> {
    let attribute = match key {
        CLIENT_ID => "client_id",
        TENANT_ID => "tenant_id",
        TOKEN_EXPIRATION => "token_expiration_seconds",
        _ => return check_label_key(&key.to_lowercase()).map_err(|rule| rule.replace(&key.to_lowercase(), key)),
    };
    Err(format!("`{key}` is what the attribute `{attribute}` is for. Set that instead."))
}

/// Checks the value of a label.
///
/// # Errors
/// The rule, and what was found.
pub(crate) fn check_label_value(value: &str) -> Result<(), String> {
    if is_value(value) {
        return Ok(());
    }
    Err(format!(
        "Expected at most {LABEL} letters, digits, `-`, `_` and `.`, beginning and ending with a letter or digit, got `{value}`."
    ))
}

/// Checks the size of all annotations of an object together.
///
/// # Errors
/// The limit, and how far it is passed.
pub(crate) fn check_annotations<'a>(annotations: impl Iterator<Item = (&'a str, &'a str)>) -> Result<(), String> {
    let size: usize = annotations.map(|(key, value)| key.len() + value.len()).sum();
    if size <= ANNOTATIONS {
        return Ok(());
    }
    Err(format!("Expected at most {ANNOTATIONS} bytes in all keys and values together, got {size}."))
}

/// Checks a client id or tenant id.
///
/// # Errors
/// The form, and what was found.
pub(crate) fn check_uuid(id: &str) -> Result<(), String> {
    if id.len() == 36 && uuid::Uuid::try_parse(id).is_ok() {
        return Ok(());
    }
    Err(format!("Expected a UUID such as `00000000-0000-0000-0000-000000000000`, got `{id}`."))
}

/// Checks the name of a field manager.
///
/// # Errors
/// The rule, and what was found.
pub(crate) fn check_field_manager(manager: &str) -> Result<(), String> {
    let printable = |c: char| c == ' ' || !c.is_control() && !c.is_whitespace();
    if !manager.is_empty() && manager.len() <= MANAGER && manager.chars().all(printable) {
        return Ok(());
    }
    Err(format!("Expected 1 to {MANAGER} bytes of printable characters, got `{}`.", manager.escape_debug()))
}

/// Whether a label or annotation belongs to Kubernetes itself or to one of its tools: its prefix is under kubernetes.io or k8s.io.
pub(crate) fn is_of_kubernetes(key: &str) -> bool {
    let prefix = key.split_once('/').map(|(prefix, _)| prefix.to_lowercase()).unwrap_or_default();
    ["kubernetes.io", "k8s.io"]
        .iter()
        .any(|domain| prefix.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

/// Reads an import id, `namespace/name`.
///
/// # Errors
/// What is expected, and what was found.
pub(crate) fn parse_id(id: &str) -> Result<(String, String), String> {
    let Some((namespace, name)) = id.split_once('/') else {
        return Err(format!("Expected `namespace/name`, such as `default/web`, got `{id}`."));
    };
    check_namespace(namespace).map_err(|rule| format!("The namespace in `{id}` is wrong. {rule}"))?;
    check_name(name).map_err(|rule| format!("The name in `{id}` is wrong. {rule}"))?;
    Ok((namespace.to_owned(), name.to_owned()))
}

/// The annotations that Workload ID's attributes stand for.
pub(crate) fn annotations(
    client_id: Option<&str>,
    tenant_id: Option<&str>,
    token_expiration_seconds: Option<i64>,
) -> BTreeMap<String, String> {
    let expiration = token_expiration_seconds.map(|seconds| seconds.to_string());
    [(CLIENT_ID, client_id), (TENANT_ID, tenant_id), (TOKEN_EXPIRATION, expiration.as_deref())]
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned())))
        .collect()
}

/// A map whose keys without a value are left alone: `{ team = var.team }` with a null variable.
pub(crate) type Map = BTreeMap<String, Option<String>>;

/// The keys of a configured map that have a value.
pub(crate) fn given(map: Option<&Map>) -> BTreeMap<String, String> {
    map.into_iter().flatten().filter_map(|(key, value)| Some((key.clone(), value.clone()?))).collect()
}

/// A map of the state with the values that its keys have now; those that are gone leave it.
pub(crate) fn still(map: Option<&Map>, live: &BTreeMap<String, String>) -> Option<Map> {
    let still = |(key, value): (&String, &Option<String>)| match value {
        Some(_) => live.get(key).map(|value| (key.clone(), Some(value.clone()))),
        None => Some((key.clone(), None)),
    };
    map.map(|map| map.iter().filter_map(still).collect())
}

fn is_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.len() <= LABEL && text.chars().all(inner) && framed(text)
}

fn is_subdomain(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    // A part may be longer than a DNS label: the API server limits only the whole.
    text.len() <= SUBDOMAIN && text.split('.').all(|part| part.chars().all(inner) && framed(part))
}

fn is_value(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.is_empty() || text.len() <= LABEL && text.chars().all(inner) && framed(text)
}

/// Begins and ends with a letter or digit.
fn framed(text: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_alphanumeric();
    text.starts_with(alphanumeric) && text.ends_with(alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_subdomains_of_at_most_253_characters() {
        for good in ["web", "a", "0", "my-app.v2", &"n".repeat(253)] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for bad in ["", "Bad_Name", "-a", "a-", "a..b", ".a", "a.", "ä", &"n".repeat(254)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn namespaces_are_labels_of_at_most_63_characters() {
        assert_eq!(check_namespace(&"n".repeat(63)), Ok(()));
        for bad in ["", "App", "a.b", "a_b", "-a", &"n".repeat(64)] {
            assert!(check_namespace(bad).is_err(), "{bad}");
        }
        assert!(check_namespace("App").unwrap_err().contains("`App`"));
    }

    #[test]
    fn keys_have_an_optional_prefix_and_a_name_of_at_most_63_characters() {
        let longest = format!("{}/{}", "p".repeat(253), "n".repeat(63));
        for good in ["a", "A_b.c-9", "example.org/Owner", "app.kubernetes.io/name", &longest] {
            assert_eq!(check_label_key(good), Ok(()), "{good}");
            assert_eq!(check_annotation_key(good), Ok(()), "{good}");
        }
        for bad in
            ["", "/a", "a/", "a/b/c", "-a", "a b", "ex_ample/a", &"n".repeat(64), &format!("{}/a", "p".repeat(254))]
        {
            assert!(check_label_key(bad).is_err(), "{bad}");
            assert!(check_annotation_key(bad).is_err(), "{bad}");
        }
        assert!(check_label_key("Example.org/a").is_err());
        assert_eq!(
            check_annotation_key("Example.org/a"),
            Ok(()),
            "the API server lowers an annotation's key before it looks"
        );
    }

    #[test]
    fn workload_identity_annotations_are_attributes() {
        assert!(check_annotation_key(CLIENT_ID).unwrap_err().contains("`client_id`"));
        assert!(check_annotation_key(TOKEN_EXPIRATION).unwrap_err().contains("`token_expiration_seconds`"));
        assert_eq!(check_annotation_key("azure.workload.identity/skip-containers"), Ok(()));
        assert_eq!(
            annotations(Some("c"), None, Some(3600)),
            [(CLIENT_ID.to_owned(), "c".to_owned()), (TOKEN_EXPIRATION.to_owned(), "3600".to_owned())].into()
        );
    }

    #[test]
    fn values_have_limits_of_their_own() {
        assert_eq!(check_label_value(""), Ok(()));
        assert_eq!(check_label_value(&"x".repeat(63)), Ok(()));
        assert!(check_label_value(&"x".repeat(64)).is_err());
        assert!(check_label_value("a b").is_err());
        assert_eq!(check_annotations([("k", "v".repeat(262_143).as_str())].into_iter()), Ok(()));
        assert!(check_annotations([("k", "v".repeat(262_144).as_str())].into_iter()).is_err());
    }

    #[test]
    fn ids_of_clients_are_uuids_with_dashes() {
        assert_eq!(check_uuid("11111111-1111-1111-1111-111111111111"), Ok(()));
        for bad in ["", "11111111111111111111111111111111", "{11111111-1111-1111-1111-111111111111}", "my-app"] {
            assert!(check_uuid(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn field_managers_are_printable_and_at_most_128_bytes() {
        assert_eq!(check_field_manager("azwi team-a"), Ok(()));
        assert_eq!(check_field_manager(&"m".repeat(128)), Ok(()));
        for bad in ["", "a\nb", "a\u{a0}b", &"m".repeat(129)] {
            assert!(check_field_manager(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_of_kubernetes_are_told_by_their_domain() {
        for of_kubernetes in ["kubernetes.io/x", "kubectl.kubernetes.io/last-applied-configuration", "a.k8s.io/b"] {
            assert!(is_of_kubernetes(of_kubernetes), "{of_kubernetes}");
        }
        for other in ["x", "mykubernetes.io/x", "azure.workload.identity/client-id", "kubernetes.io.example.org/x"] {
            assert!(!is_of_kubernetes(other), "{other}");
        }
    }

    #[test]
    fn an_import_id_is_namespace_and_name() {
        assert_eq!(parse_id("app/web"), Ok(("app".to_owned(), "web".to_owned())));
        for bad in ["web", "app/", "/web", "App/web", "app/web/x"] {
            assert!(parse_id(bad).is_err(), "{bad}");
        }
    }
}
