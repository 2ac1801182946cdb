//! What to do about a failure, by the service's code: the advice a colleague who has seen it before would give.

use super::error::{Error, ErrorKind};

/// Advice for a failure, where there is some to give.
pub(super) fn of(error: &Error) -> Option<&'static str> {
    if error.is_duplicate_issuer_and_subject() {
        return Some(
            "An identity trusts a pair of issuer and subject only once. List its credentials with `az identity federated-credential list`; import the one that holds the pair, or delete it.",
        );
    }
    if error.is_too_many_credentials() {
        return Some(
            "An identity holds 20 credentials at most. Delete unused ones, spread the workloads over several identities, or use an AKS identity binding, which has no such limit.",
        );
    }
    if error.says_federated_is_unsupported() {
        return Some(
            "Federated identity credentials are not supported in the identity's region; create the identity in another one.",
        );
    }
    by_code(error.code.as_deref()?).or_else(|| by_kind(error.kind))
}

fn by_code(code: &str) -> Option<&'static str> {
    let hint = match code {
        "AuthorizationFailed" | "LinkedAuthorizationFailed" => {
            "Grant the identity that Terraform signs in with a role that has the action named above at this scope (for identities and credentials `Managed Identity Contributor`, for role assignments `Role Based Access Control Administrator`). A new grant takes some minutes to count."
        }
        "PrincipalNotFound" => {
            "`principal_id` is the object id of the identity (its `principal_id`), not its client id; the two are often confused. A new identity is also not known everywhere at once."
        }
        "RoleDefinitionDoesNotExist" => {
            "This lists the roles that can be assigned there:\n\n  az role definition list --scope SCOPE --query \"[].roleName\""
        }
        "RoleAssignmentUpdateNotPermitted" => {
            "Role, principal and scope of an assignment cannot change: it must be replaced."
        }
        "SubscriptionNotFound" | "InvalidSubscriptionId" => {
            "Check the subscription id, and that `tenant_id` is the tenant this subscription belongs to: another tenant does not see it."
        }
        "ResourceGroupNotFound" => "Create the resource group first, or refer to it so that Terraform does.",
        "MissingSubscriptionRegistration" => {
            "Register the resource provider once: `az provider register --namespace Microsoft.ManagedIdentity`."
        }
        "InvalidAuthenticationTokenTenant" => {
            "The token is for another tenant than the subscription's: set `tenant_id`."
        }
        "ScopeLocked" => "A management lock protects this scope; remove it, or exclude the object.",
        "RequestDisallowedByPolicy" => "An Azure Policy refuses this; the message names the assignment.",
        "AADSTS7000215" => {
            "Set `client_secret` (ARM_CLIENT_SECRET) to the secret's value; the portal also shows its id, which is something else."
        }
        "AADSTS7000222" => "The client secret has expired: create another and set `client_secret` (ARM_CLIENT_SECRET).",
        "AADSTS700016" => {
            "No such application in this tenant: check `client_id` (ARM_CLIENT_ID) and `tenant_id` (ARM_TENANT_ID)."
        }
        "AADSTS90002" | "AADSTS900023" => {
            "Check `tenant_id` (ARM_TENANT_ID), and that `environment` (ARM_ENVIRONMENT) is the cloud of this tenant."
        }
        "AADSTS700027" => {
            "Entra ID does not know the certificate: upload its public part to the application, or check `client_certificate_path`."
        }
        "AADSTS70021" | "AADSTS700211" | "AADSTS700212" | "AADSTS700213" | "AADSTS7002138" | "AADSTS70025" => {
            "The application or identity in `client_id` has no federated identity credential with exactly this issuer, subject and audience. A new one takes some minutes to work."
        }
        "AADSTS700024" => {
            "The OIDC token has expired or is not valid yet: get a new one, and check this machine's clock."
        }
        "AADSTS500011" => "Entra ID knows no such resource: check `environment` and the endpoints.",
        _ => return None,
    };
    Some(hint)
}

fn by_kind(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::Unauthorized => {
            Some("Azure refused the token: check that `tenant_id` and `environment` belong to the subscription.")
        }
        _ => None,
    }
}

impl Error {
    fn says_federated_is_unsupported(&self) -> bool {
        self.status == Some(405) && self.message.contains("federated identity credentials not enabled")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_that_is_not_found_is_often_a_client_id() {
        let mut error = Error::new(
            ErrorKind::BadRequest,
            "PUT role assignment",
            "/x",
            "Principal 1 does not exist in the directory 2.",
        );
        error.code = Some("PrincipalNotFound".to_owned());
        assert!(of(&error).unwrap().contains("client id"));
    }
}
