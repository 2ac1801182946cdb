//! Resources: what an access token can be for.

use http::StatusCode;

use super::error::SignInError;
use crate::core::world::World;

/// The resources that exist in every tenant, without the slash that some clients add.
const KNOWN: &[&str] = &[
    "https://management.azure.com",
    "https://management.core.windows.net",
    "https://graph.microsoft.com",
    "https://vault.azure.net",
    "https://storage.azure.com",
    "https://servicebus.azure.net",
    "https://database.windows.net",
    "https://cosmos.azure.com",
    "https://ossrdbms-aad.database.windows.net",
    "api://AzureADTokenExchange",
    // The server application of AKS.
    "6dae42f8-4368-4678-94ff-3960e28e3630",
];

/// The audience that a scope asks for: the resource as it is spelled before `/.default`.
pub(crate) fn of_scope(world: &World, tenant: &str, scope: &str) -> Result<String, SignInError> {
    // OpenID's own scopes may come along; MSAL adds them.
    let wanted: Vec<&str> =
        scope.split_ascii_whitespace().filter(|it| !["openid", "profile", "offline_access"].contains(it)).collect();
    let [wanted] = wanted[..] else {
        let text = format!(
            "The provided request must include a 'scope' input parameter. The provided value for the input parameter \
             'scope' is not valid. The scope {scope} is not valid."
        );
        return Err(SignInError::new(70011, StatusCode::BAD_REQUEST, "invalid_scope", text));
    };
    let Some(resource) = wanted.strip_suffix("/.default").filter(|resource| !resource.is_empty()) else {
        let text = format!(
            "The provided value for scope {wanted} is not valid. Client credential flows must have a scope value with \
             /.default suffixed to the resource identifier (application ID URI)."
        );
        return Err(SignInError::new(1_002_012, StatusCode::BAD_REQUEST, "invalid_scope", text));
    };
    check(world, tenant, resource)?;
    Ok(resource.to_owned())
}

/// Refuses a resource that no application of the tenant stands for.
pub(crate) fn check(world: &World, tenant: &str, resource: &str) -> Result<(), SignInError> {
    let bare = resource.trim_end_matches('/');
    if KNOWN.iter().any(|known| known.eq_ignore_ascii_case(bare)) || is_emulator(world, bare) {
        return Ok(());
    }
    let text = format!(
        "The resource principal named {resource} was not found in the tenant named {tenant}. This can happen if the \
         application has not been installed by the administrator of the tenant or consented to by any user in the tenant. \
         You might have sent your authentication request to the wrong tenant."
    );
    Err(SignInError::new(500_011, StatusCode::BAD_REQUEST, "invalid_resource", text))
}

/// Whether an audience is one that Azure Resource Manager takes.
pub(crate) fn is_resource_manager(world: &World, audience: &str) -> bool {
    let bare = audience.trim_end_matches('/');
    ["https://management.azure.com", "https://management.core.windows.net"].contains(&bare) || is_emulator(world, bare)
}

/// Whether an audience is one that Microsoft Graph takes.
pub(crate) fn is_graph(world: &World, audience: &str) -> bool {
    let bare = audience.trim_end_matches('/');
    bare == "https://graph.microsoft.com" || is_emulator(world, bare)
}

/// The emulator under its own address: the generated Azure clients ask for a token for the endpoint they talk to.
pub(super) fn is_emulator(world: &World, bare: &str) -> bool {
    let port = world.url.rsplit_once(':').map_or("", |(_, port)| port);
    bare == world.url || ["localhost", "127.0.0.1", "[::1]"].iter().any(|host| bare == format!("https://{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_names_one_known_resource() {
        let world = crate::test::world();
        let ask = |scope: &str| of_scope(&world, "t", scope).map_err(|error| error.number);
        assert_eq!(ask("https://management.azure.com/.default").unwrap(), "https://management.azure.com");
        assert_eq!(
            ask("https://management.core.windows.net//.default").unwrap(),
            "https://management.core.windows.net/"
        );
        assert_eq!(ask("https://127.0.0.1:8443/.default openid").unwrap(), "https://127.0.0.1:8443");
        assert_eq!(ask("https://nowhere.example/.default"), Err(500_011));
        assert_eq!(ask("https://management.azure.com/user"), Err(1_002_012));
        assert_eq!(ask(""), Err(70011));
        assert_eq!(ask("a/.default b/.default"), Err(70011));
        assert!(is_resource_manager(&world, "https://localhost:8443/"));
        assert!(!is_resource_manager(&world, "https://vault.azure.net"));
    }
}
