//! The subject of a service account's tokens, which a federated identity credential must name letter for letter.

/// The subject of the service account `name` in `namespace`: the `sub` claim of its tokens.
///
/// At most 22 + 63 + 1 + 253 = 339 characters, so it always fits the 600 that Azure allows.
pub fn of_service_account(namespace: &str, name: &str) -> String {
    format!("system:serviceaccount:{namespace}:{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_names_namespace_and_account() {
        assert_eq!(of_service_account("app", "web"), "system:serviceaccount:app:web");
    }
}
