//! GUIDs, which ids in Azure are.

/// Checks a GUID and gives it in lower case, as ids are compared.
///
/// # Errors
/// When it is not 8-4-4-4-12 hexadecimal digits; `what` says what it should have been.
pub(crate) fn guid(text: &str, what: &str) -> Result<String, String> {
    if text.len() == 36
        && let Ok(id) = uuid::Uuid::try_parse(text)
    {
        return Ok(id.to_string());
    }
    Err(format!("`{text}` is not the GUID of {what}"))
}
