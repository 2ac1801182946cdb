//! Who asks: the bearer token of a request, really checked.

use http::StatusCode;
use time::macros::format_description;

use super::error::Error;
use super::{id, subscription};
use crate::core::access_token::{self, Unfit};
use crate::core::operation::{Call, Caller};
use crate::core::world::World;
use crate::entra::resource;

/// Checks the token of a request: signed by the emulated Entra, for Azure Resource Manager, in time, of the tenant that the
/// subscription belongs to.
pub(super) fn authenticate(world: &World, call: &Call<'_>) -> Result<Caller, Error> {
    let subscription = id::subscription_of(&call.request.segments());
    let home = subscription.and_then(|id| subscription::tenant(&world.store, &id));
    let tenant = home.clone().unwrap_or_else(|| world.default("tenant").to_owned());
    let refuse = |code: &str, message: &str| {
        let challenge = format!(
            "Bearer authorization_uri=\"{}/{tenant}\", error=\"invalid_token\", error_description=\"{}\"",
            world.url,
            message.replace('"', "'")
        );
        Error::new(StatusCode::UNAUTHORIZED, code, message).header("www-authenticate", &challenge)
    };
    if call.request.header("authorization").is_none() {
        return Err(refuse("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."));
    }
    let Some(text) = call.request.bearer() else {
        return Err(refuse(
            "AuthenticationFailed",
            "Authentication failed. The 'Authorization' header is provided in an invalid format.",
        ));
    };
    let invalid = || refuse("InvalidAuthenticationToken", "The access token is invalid.");
    let now = world.clock.unix();
    let token =
        access_token::verify(access_token::published(&world.store), now, text).map_err(|unfit| match unfit {
            Unfit::Malformed => invalid(),
            Unfit::UnknownKey => refuse(
                "InvalidAuthenticationToken",
                "The access token's signing key is unknown: it was not issued by this emulator's Entra ID.",
            ),
            Unfit::Signature => refuse("InvalidAuthenticationToken", "The access token's signature is invalid."),
            Unfit::Expired(at) => {
                let format = format_description!("[month]/[day]/[year] [hour repr:12]:[minute]:[second] [period]");
                let show = |seconds| {
                    time::OffsetDateTime::from_unix_timestamp(seconds).ok().and_then(|it| it.format(format).ok())
                };
                let message = format!(
                    "The access token expiry UTC time '{}' is earlier than current UTC time '{}'.",
                    show(at).unwrap_or_default(),
                    show(now).unwrap_or_default()
                );
                refuse("ExpiredAuthenticationToken", &message)
            }
        })?;
    let audiences = token.audiences();
    if !audiences.iter().any(|audience| resource::is_resource_manager(world, audience)) {
        let message = format!(
            "The access token has been obtained for wrong audience or resource '{}'. It should exactly match with one of the \
             allowed audiences 'https://management.core.windows.net/','https://management.core.windows.net',\
             'https://management.azure.com/','https://management.azure.com'.",
            audiences.join(",")
        );
        return Err(refuse("InvalidAuthenticationTokenAudience", &message));
    }
    let claim = |name| token.claim(name).map(str::to_owned).ok_or_else(invalid);
    let caller = Caller { tenant: claim("tid")?, client_id: claim("appid")?, object_id: claim("oid")? };
    if let Some(home) = home
        && home != caller.tenant
    {
        let message = format!(
            "The access token is from the wrong issuer 'https://sts.windows.net/{}/'. It must match the tenant \
             'https://sts.windows.net/{home}/' associated with this subscription. Please use the authority (URL) \
             '{}/{home}' to get the token.",
            caller.tenant, world.url
        );
        return Err(refuse("InvalidAuthenticationTokenTenant", &message));
    }
    Ok(caller)
}

#[cfg(test)]
#[path = "caller_tests.rs"]
mod tests;
