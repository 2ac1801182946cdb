//! Who this provider is signed in as, by the token it got: nobody's word but Entra ID's own.

use super::answer::Subject;
use super::error::{Error, Result};
use super::{Azure, claim};
use crate::wait::Wait;

/// Whoever is signed in, as far as the token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The application, or the user-assigned identity: `appid`. For a person, that of the Azure CLI.
    pub client_id: Option<String>,
    /// The object that roles are assigned to: `oid`.
    pub object_id: Option<String>,
    /// The tenant: `tid`.
    pub tenant_id: Option<String>,
}

impl Azure {
    /// Who is signed in. Fetches a token for Azure Resource Manager, unless there is one.
    ///
    /// # Errors
    /// When signing in fails.
    pub(crate) async fn caller(&self, wait: &Wait) -> Result<Caller> {
        let subject = Subject::new(format!("sign in with {}", self.sign_in_method()), "Entra ID");
        let scope = self.bounded_cloud(&subject, wait).await?.resource_manager_scope();
        let token = wait
            .bound(self.token(&scope))
            .await
            .map_err(|why| Error::interrupted(why, &subject.operation, &subject.target, "a token"))??;
        // A token of the first version calls the application `appid`, one of the second `azp`.
        let client_id = claim(&token, "appid").or_else(|| claim(&token, "azp"));
        Ok(Caller { client_id, object_id: claim(&token, "oid"), tenant_id: claim(&token, "tid") })
    }
}
