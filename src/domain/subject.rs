//! The subject of a service account's tokens, which a federated identity credential must name letter for letter.

/// The subject of the service account `name` in `namespace`: the `sub` claim of its tokens.
///
/// At most 22 + 63 + 1 + 253 = 339 characters, so it always fits the 600 that Azure allows.
pub(crate) fn of_service_account(namespace: &str, name: &str) -> String {
    format!("system:serviceaccount:{namespace}:{name}")
}

/// The namespace and the name in a service account's subject; `None` where it is none.
pub(crate) fn parse(subject: &str) -> Option<(&str, &str)> {
    let (namespace, name) = subject.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    (!namespace.is_empty() && !name.is_empty() && !name.contains(':')).then_some((namespace, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_names_namespace_and_account() {
        assert_eq!(of_service_account("app", "web"), "system:serviceaccount:app:web");
    }

    #[test]
    fn a_subject_is_read_back_and_others_are_not() {
        assert_eq!(parse("system:serviceaccount:app:web.v2"), Some(("app", "web.v2")));
        for other in [
            "repo:a/b:ref:refs/heads/main",
            "system:serviceaccount:app",
            "system:serviceaccount::web",
            "system:serviceaccount:a:b:c",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
