//! The exchange that a workload makes: a token of another issuer in, a token of a managed identity out.
//!
//! Made here to see whether Entra ID accepts it. What it gives is dropped unread.

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Deserialize;

use super::Azure;
use super::answer::Subject;
use super::error::{Error, ErrorKind, Result};
use super::id::is_guid;
use super::secret::Secret;
use super::transport::Outgoing;
use crate::wait::Wait;

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The codes with which Entra ID answers as long as a credential, or the identity itself, is not known everywhere: no matching
/// credential (as a whole; its issuer, audience, subject; none at all), no such application, and an issuer that could not be
/// asked. Microsoft says that codes may change, so others are shown and not waited for.
const NOT_KNOWN_YET: [&str; 10] = [
    "AADSTS70021",
    "AADSTS700211",
    "AADSTS700212",
    "AADSTS700213",
    "AADSTS70025",
    "AADSTS700016",
    "AADSTS7000229",
    "AADSTS50166",
    "AADSTS501661",
    "AADSTS90061",
];

#[derive(Deserialize)]
struct Issued {
    access_token: String,
}

impl Azure {
    /// Exchanges `assertion` for a token of the application or identity `client_id`, for Azure Resource Manager, and drops it.
    ///
    /// # Errors
    /// When Entra ID refuses ([`Error::is_not_known_yet`] tells whether that may pass), or cannot be asked.
    pub async fn exchange(&self, tenant_id: &str, client_id: &str, assertion: &Secret, wait: &Wait) -> Result<()> {
        let subject = Subject::new("exchange a service account token", format!("client {client_id}"));
        if !is_guid(tenant_id) {
            return Err(subject.error(ErrorKind::BadRequest, format!("the tenant `{tenant_id}` is not a GUID")));
        }
        let cloud = self.bounded_cloud(&subject, wait).await?;
        let url = cloud
            .authority
            .join(&format!("{tenant_id}/oauth2/v2.0/token"))
            .map_err(|problem| subject.error(ErrorKind::Config, format!("no address to sign in at: {problem}")))?;
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", client_id)
            .append_pair("scope", &cloud.resource_manager_scope())
            .append_pair("client_assertion_type", JWT_BEARER)
            .append_pair("client_assertion", assertion.expose())
            .finish();
        let content_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, content_type)]);
        let request = Outgoing { headers, body: Bytes::from(form), alone: true, ..Outgoing::new(Method::POST, url) };
        let answer = self.inner.transport.send(&subject, request, None, wait).await?;
        // Not read with `Answer::json`, whose errors quote the answer.
        match serde_json::from_slice::<Issued>(&answer.body) {
            Ok(issued) if !issued.access_token.is_empty() => Ok(()),
            _ => Err(subject.error(ErrorKind::Decode, "Entra ID did not answer with a token")),
        }
    }
}

impl Error {
    /// Whether a refused exchange may be accepted a while later: the credential has not spread to all of Entra ID.
    pub(crate) fn is_not_known_yet(&self) -> bool {
        NOT_KNOWN_YET.iter().any(|code| self.has_code(code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_passes_by_itself_is_waited_for() {
        let refused = |code: &str| {
            let mut error = Error::new(ErrorKind::SignIn, "exchange", "x", "refused");
            error.code = Some(code.to_owned());
            error.is_not_known_yet()
        };
        for passing in ["AADSTS70021", "AADSTS700211", "AADSTS700213", "AADSTS70025", "AADSTS700016", "AADSTS50166"] {
            assert!(refused(passing), "{passing}");
        }
        // Another case of letters, Conditional Access, a token that has expired, a signature that is wrong.
        for lasting in ["AADSTS7002138", "AADSTS53003", "AADSTS700024", "AADSTS700027", "access_denied"] {
            assert!(!refused(lasting), "{lasting}");
        }
    }
}
