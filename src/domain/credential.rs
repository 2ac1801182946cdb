//! What a federated identity credential may say.
//!
//! Lengths are those of Microsoft's page "Important considerations and restrictions for federated identity credentials";
//! a space around the issuer is accepted by Azure and blocks every exchange later.

/// The longest issuer, subject or audience, in characters.
pub(crate) const LONGEST: usize = 600;

/// Checks an issuer: an absolute https URL without a space around it, without user, query or fragment.
///
/// # Errors
/// What is wrong, and where the right issuer is found.
pub(crate) fn check_issuer(issuer: &str) -> Result<(), String> {
    const WHERE: &str = "The issuer must be written exactly as in the cluster's tokens. AKS prints it: az aks show --resource-group GROUP --name CLUSTER --query oidcIssuerProfile.issuerUrl --output tsv";
    check_text("issuer", issuer)?;
    let fault = match url::Url::parse(issuer) {
        Err(error) => format!("is no URL: {error}"),
        Ok(url) if url.scheme() != "https" => format!("is an {} URL and must be an https URL", url.scheme()),
        Ok(url) if !url.username().is_empty() || url.password().is_some() => "must not hold a user".to_owned(),
        Ok(url) if url.query().is_some() || url.fragment().is_some() => {
            "must not have a query or a fragment".to_owned()
        }
        Ok(_) => return Ok(()),
    };
    Err(format!("The issuer `{issuer}` {fault}. {WHERE}"))
}

/// Checks a subject: 1 to 600 characters, no space around it, no wildcard.
///
/// # Errors
/// What is wrong.
pub(crate) fn check_subject(subject: &str) -> Result<(), String> {
    check_text("subject", subject)?;
    if subject.contains('*') {
        return Err(format!(
            "The subject `{subject}` has a wildcard, and Entra ID compares subjects to the letter: a credential is for one subject. A service account's is `system:serviceaccount:NAMESPACE:NAME`."
        ));
    }
    Ok(())
}

/// Checks an audience: 1 to 600 characters, no space around it.
///
/// # Errors
/// What is wrong.
pub(crate) fn check_audience(audience: &str) -> Result<(), String> {
    check_text("audience", audience)
}

fn check_text(what: &str, text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err(format!("The {what} must not be empty."));
    }
    if text.trim() != text {
        return Err(format!(
            "The {what} `{text}` has white space around it, which blocks every token exchange. Remove it."
        ));
    }
    let length = text.chars().count();
    if length > LONGEST {
        return Err(format!("The {what} has {length} characters; at most {LONGEST} are allowed."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::assert_golden;

    #[test]
    fn issuers_of_real_clusters_pass() {
        for issuer in [
            "https://westeurope.oic.prod-aks.azure.com/11111111-2222-3333-4444-555555555555/66666666-7777-8888-9999-000000000000/",
            "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE",
            "https://token.actions.githubusercontent.com",
            "https://127.0.0.1:8443/oidc/demo/",
        ] {
            assert_eq!(check_issuer(issuer), Ok(()), "{issuer}");
        }
    }

    #[test]
    fn an_issuer_that_can_never_work_is_refused_with_the_reason() {
        let issuers = [
            "http://example.org",
            "https://example.org ",
            "example.org",
            "https://example.org/?a=b",
            "https://me@example.org/",
            "",
        ];
        assert_golden("domain::credential", issuers.map(|issuer| (issuer, check_issuer(issuer).unwrap_err())));
        assert!(
            check_issuer(&format!("https://example.org/{}", "x".repeat(600))).unwrap_err().contains("620 characters")
        );
    }

    #[test]
    fn a_subject_of_600_characters_passes_and_one_more_does_not() {
        assert_eq!(check_subject(&"x".repeat(600)), Ok(()));
        assert!(check_subject(&"x".repeat(601)).unwrap_err().contains("601 characters"));
        assert!(check_subject("system:serviceaccount:ns:*").unwrap_err().contains("wildcard"));
    }
}
