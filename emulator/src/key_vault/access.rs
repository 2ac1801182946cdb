//! Who may do what with a vault's secrets: the token first, then roles, or the vault's own access policies where it has no
//! roles.
//!
//! A refusal for the lack of a role is what everybody meets who assigns one and reads at once; its text is Azure's.

use serde_json::Value;

use super::error::Error;
use crate::arm::access::{self, Asked, Right};
use crate::arm::vault;
use crate::core::access_token::{self, Unfit};
use crate::core::json::Json as _;
use crate::core::operation::{Call, Caller};
use crate::core::rule::Rule;
use crate::core::world::World;

const RESOURCE: &str = "https://vault.azure.net";

/// What can be done with secrets: the last part of the role's action, and the access policy's word for it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Action {
    Get,
    Set,
    Update,
    List,
    Delete,
    Recover,
    Purge,
}

impl Action {
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Get => ("getSecret/action", "get"),
            Self::Set => ("setSecret/action", "set"),
            Self::Update => ("update/action", "set"),
            Self::List => ("readMetadata/action", "list"),
            Self::Delete => ("delete", "delete"),
            Self::Recover => ("recover/action", "recover"),
            Self::Purge => ("purge/action", "purge"),
        }
    }
}

/// The vault that a request has reached, for somebody who may do what it asks.
#[derive(Debug)]
pub(super) struct Vault {
    /// As it was created.
    pub(super) name: String,
    /// With a slash at the end.
    pub(super) uri: String,
}

/// Opens the vault of a request for whoever sends it.
///
/// # Errors
/// 401 with a challenge when there is no good token for a vault; 403 when its bearer may not; 400 without an api-version.
pub(super) fn open(world: &World, call: &Call<'_>, action: Action) -> Result<Vault, Error> {
    let name = call.parameter("vault");
    let gone = || Error::new(http::StatusCode::NOT_FOUND, "NotFound", format!("The vault '{name}' is gone."));
    let document = vault::by_name(&world.store, name).ok_or_else(gone)?;
    let caller = authenticate(world, call, document.at("properties").text("tenantId"))?;
    if call.request.query("api-version").is_none_or(str::is_empty) {
        return Err(Error::bad_parameter("api-version must be specified"));
    }
    let rbac = document.at("properties").at("enableRbacAuthorization") == true;
    if rbac {
        check_roles(world, call, document, &caller, action)?
    } else {
        check_policies(document, &caller, action)?
    }
    Ok(Vault { name: document.text("name").to_owned(), uri: vault::uri(world, name).ok_or_else(gone)? })
}

fn authenticate(world: &World, call: &Call<'_>, tenant: &str) -> Result<Caller, Error> {
    let challenge = format!("Bearer authorization=\"{}/{tenant}\", resource=\"{RESOURCE}\"", world.url);
    let Some(text) = call.request.bearer() else {
        return Err(Error::unauthorized("AKV10000: Request is missing a Bearer or PoP token.", challenge));
    };
    let refuse = |message: String| {
        let described = format!("{challenge}, error=\"invalid_token\", error_description=\"{message}\"");
        Error::unauthorized(message, described)
    };
    let token =
        access_token::verify(access_token::published(&world.store), world.clock.unix(), text).map_err(|unfit| {
            refuse(match unfit {
                Unfit::Malformed => "AKV10001: The token is not a signed JWT with an expiry.".to_owned(),
                Unfit::UnknownKey | Unfit::Signature => {
                    "AKV10001: The token's signature cannot be validated.".to_owned()
                }
                Unfit::Expired(at) => format!("AKV10001: The token has expired at {at}, in seconds since 1970."),
            })
        })?;
    let audiences = token.audiences();
    if !audiences.iter().any(|audience| audience.strip_suffix('/').unwrap_or(audience) == RESOURCE) {
        let found = audiences.join(", ");
        return Err(refuse(format!("AKV10022: Invalid audience. Expected {RESOURCE}, found: {found}.")));
    }
    let claim =
        |name| token.claim(name).map(str::to_owned).ok_or_else(|| refuse(format!("AKV10001: No claim {name}.")));
    let caller = Caller { tenant: claim("tid")?, client_id: claim("appid")?, object_id: claim("oid")? };
    if !caller.tenant.eq_ignore_ascii_case(tenant) {
        return Err(refuse(format!(
            "AKV10032: Invalid issuer. Expected one of https://sts.windows.net/{tenant}/, found \
             https://sts.windows.net/{}/.",
            caller.tenant
        )));
    }
    Ok(caller)
}

fn check_roles(world: &World, call: &Call<'_>, vault: &Value, caller: &Caller, action: Action) -> Result<(), Error> {
    let data_action = format!("Microsoft.KeyVault/vaults/secrets/{}", action.names().0);
    let resource = match call.parameter("secret") {
        "" => vault.text("id").to_lowercase(),
        secret => format!("{}/secrets/{secret}", vault.text("id").to_lowercase()),
    };
    let right = Right::Data(&data_action);
    let asked = Asked { tenant: &caller.tenant, principal: &caller.object_id, right, resource: &resource };
    if access::allows(world, asked) || !world.settings.keeps(Rule::VaultRole) {
        return Ok(());
    }
    let Caller { tenant, client_id, object_id } = caller;
    let message = format!(
        "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role definitions \
         were changed recently, please observe propagation time.\r\nCaller: appid={client_id};oid={object_id};\
         iss=https://sts.windows.net/{tenant}/\r\nAction: '{data_action}'\r\nResource: '{resource}'\r\nAssignment: (not \
         found)\r\nDenyAssignmentId: null\r\nDecisionReason: 'DeniedWithNoValidRBAC' \r\nVault: {};location={}\r\n",
        vault.text("name"),
        vault.text("location"),
    );
    Err(Error::forbidden("ForbiddenByRbac", message))
}

fn check_policies(vault: &Value, caller: &Caller, action: Action) -> Result<(), Error> {
    let word = action.names().1;
    let policies = vault.at("properties").at("accessPolicies").as_array();
    let mine = policies.into_iter().flatten().filter(|it| it.text("objectId").eq_ignore_ascii_case(&caller.object_id));
    let mut permissions = mine.flat_map(|it| it.at("permissions").at("secrets").as_array().into_iter().flatten());
    let granted = |it: &Value| {
        it.as_str().is_some_and(|given| given.eq_ignore_ascii_case(word) || given.eq_ignore_ascii_case("all"))
    };
    if permissions.any(granted) {
        return Ok(());
    }
    let message = format!(
        "The user, group or application 'appid={};oid={};iss=https://sts.windows.net/{}/' does not have secrets {word} \
         permission on key vault '{};location={}'. For help resolving this issue, please see \
         https://go.microsoft.com/fwlink/?linkid=2125287",
        caller.client_id,
        caller.object_id,
        caller.tenant,
        vault.text("name"),
        vault.text("location"),
    );
    Err(Error::forbidden("AccessDenied", message))
}
