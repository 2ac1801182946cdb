//! What the texts of the provider's attributes must look like. Each rule is applied to an attribute at validate and to a
//! variable that stands in for it, and leaves empty text alone: that switches the variable off.

use crate::azure::SubscriptionId;
use crate::azure::id::is_guid;
use crate::http::{fits_header, show_text};
use crate::value::{Known, Value};

/// The rule for text that is not empty, without the white space around it.
pub(super) fn unless_empty(
    rule: impl Fn(&str) -> Result<(), String> + Send + Sync + Copy + 'static,
) -> impl Fn(&str) -> Result<(), String> + Send + Sync + Copy + 'static {
    move |text| match text.trim() {
        "" => Ok(()),
        text => rule(text),
    }
}

/// A subscription by its ID.
pub(super) fn subscription(text: &str) -> Result<(), String> {
    let text = text.trim();
    if text.is_empty() || text.parse::<SubscriptionId>().is_ok() {
        return Ok(());
    }
    let shown = show_text(text);
    Err(format!(
        "Expected the ID of a subscription, a GUID that is not all zeros, and not its name; got `{shown}`. `az account list --output \
         table` lists the IDs of your subscriptions."
    ))
}

/// A tenant by its ID or by a domain.
pub(super) fn tenant(text: &str) -> Result<(), String> {
    let text = text.trim();
    let label = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let domain = text.contains('.') && text.split('.').all(label);
    if text.is_empty() || (is_guid(text) && !is_zero(text)) || domain {
        return Ok(());
    }
    let shown = show_text(text);
    Err(format!(
        "Expected the ID of a tenant, a GUID, or one of its domain names such as `contoso.onmicrosoft.com`; got `{shown}`. \
         `az account show --query tenantId` prints the ID."
    ))
}

/// At most three tenants.
pub(super) fn three_tenants(value: &Value) -> Result<(), String> {
    match value {
        Value::Value(Known::List(tenants)) if tenants.len() > 3 => Err(format!(
            "Azure Resource Manager accepts the tokens of at most three other tenants, and these are {}.",
            tenants.len()
        )),
        _ => Ok(()),
    }
}

/// A client ID.
pub(super) fn client(text: &str) -> Result<(), String> {
    let text = text.trim();
    if text.is_empty() || (is_guid(text) && !is_zero(text)) {
        return Ok(());
    }
    let shown = show_text(text);
    Err(format!(
        "Expected the client ID (application ID) of an application or a managed identity, a GUID, and not its name; got `{shown}`."
    ))
}

fn is_zero(guid: &str) -> bool {
    uuid::Uuid::try_parse(guid).is_ok_and(|guid| guid.is_nil())
}

/// A token that a header can carry. It is never shown.
pub(super) fn token(text: &str) -> Result<(), String> {
    let text = text.trim();
    if text.is_empty() || (fits_header(text) && !text.contains(' ')) {
        return Ok(());
    }
    Err("A token has neither spaces nor line ends nor other characters beyond visible ASCII inside it, and this has."
        .to_owned())
}

/// A URL of http or https.
pub(super) fn http_url(text: &str) -> Result<(), String> {
    match url::Url::parse(text.trim()) {
        _ if text.trim().is_empty() => Ok(()),
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(()),
        _ => Err(format!("Expected a URL that begins with http:// or https://, got `{}`.", show_text(text))),
    }
}

/// Text on one line.
pub(super) fn word(text: &str) -> Result<(), String> {
    let text = text.trim();
    if text.is_empty() || fits_header(text) {
        return Ok(());
    }
    Err(format!("Expected visible ASCII on one line, got `{}`.", show_text(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "11111111-2222-3333-4444-555555555555";
    const ZERO: &str = "00000000-0000-0000-0000-000000000000";

    #[test]
    fn subscription_is_a_guid_that_is_not_zero() {
        for good in
            ["", ID, " 11111111-2222-3333-4444-555555555555\n", "/subscriptions/11111111-2222-3333-4444-555555555555"]
        {
            assert_eq!(subscription(good), Ok(()), "{good}");
        }
        for bad in ["Demo", ZERO, "/subscriptions/00000000-0000-0000-0000-000000000000", "Pay-As-You-Go"] {
            assert!(subscription(bad).unwrap_err().contains("az account list"), "{bad}");
        }
    }

    #[test]
    fn tenant_is_a_guid_or_a_domain() {
        for good in ["", ID, "contoso.onmicrosoft.com", "contoso.com\n"] {
            assert_eq!(tenant(good), Ok(()), "{good}");
        }
        for bad in
            ["Contoso", ZERO, "a/b", "https://login.microsoftonline.com", "contoso..com", "a.b/c", "con toso.com"]
        {
            assert!(tenant(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn client_is_a_guid() {
        assert_eq!((client(""), client(ID)), (Ok(()), Ok(())));
        assert!(client("my-app").is_err() && client(ZERO).is_err());
    }

    #[test]
    fn token_fits_a_header_and_is_not_shown() {
        assert_eq!(token("abc\n"), Ok(()));
        for bad in ["hunter2\nhunter2", "hunter2 x", "hunter2\u{0}", "hünter2"] {
            let told = token(bad).unwrap_err();
            assert!(!told.contains("nter2"), "{told}");
        }
    }
}
