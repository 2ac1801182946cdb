//! The surfaces, in the one list of them.

use crate::arm::Arm;
use crate::control::Control;
use crate::core::surface::Surfaces;
use crate::entra::Entra;
use crate::graph::Graph;
use crate::key_vault::KeyVault;
use crate::kubernetes::Kubernetes;
use crate::oidc::Oidc;

/// In the order in which a request is offered to them. Azure Resource Manager takes what no other does.
pub(crate) const ALL: Surfaces = &[&KeyVault, &Control, &Kubernetes, &Oidc, &Graph, &Entra, &Arm];

#[cfg(test)]
mod tests {
    use crate::core::http::Request;
    use crate::core::route::Target;
    use crate::test::route;

    #[test]
    fn a_path_tells_the_surface_and_the_operation() {
        let name = |method: &str, target: &str| {
            let (surface, destination) = route(&Request::test(method, target));
            (surface.name(), destination.name)
        };
        assert_eq!(name("POST", "/t/oauth2/v2.0/token"), ("entra", "Token_v2".to_owned()));
        assert_eq!(name("GET", "/Subscriptions/x"), ("arm", "Subscriptions_Get".to_owned()));
        assert_eq!(name("GET", "/v1.0/servicePrincipals").0, "graph");
        assert_eq!(name("GET", "/clusters/a/api/v1/namespaces/n/pods"), ("kubernetes", "pods.list".to_owned()));
        assert_eq!(name("GET", "/clusters//a//readyz").1, "readyz.get");
        assert_eq!(name("GET", "/clusters").0, "arm");
        assert_eq!(name("GET", "/oidc/a/.well-known/openid-configuration").0, "oidc");
        assert_eq!(name("GET", "/_emulator/log").0, "control");
        let at_vault = |target: &str| {
            let (surface, destination) = route(&Request { port: Some("v".into()), ..Request::test("GET", target) });
            (surface.name(), destination.name)
        };
        assert_eq!(at_vault("/secrets/a/"), ("key_vault", "GetSecret".to_owned()));
        assert_eq!(at_vault("/secrets").0, "key_vault");
        assert_eq!(at_vault("/clusters/a/api").1, "unknown", "nothing else is behind a vault's port");
        assert_eq!(at_vault("/_emulator/log").1, "unknown");
    }

    #[test]
    fn a_part_that_smuggles_a_slash_reaches_nobody() {
        let refused = |method: &str, target: &str| {
            let Target::Refused(response) = route(&Request::test(method, target)).1.target else { panic!("{target}") };
            response.status.as_u16()
        };
        for path in [
            "/subscriptions/a%2Fb",
            "/subscriptions/..",
            "/subscriptions/%2e%2e",
            "/subscriptions/a%5Cb",
            "/subscriptions/a%00",
        ] {
            assert_eq!(refused("GET", path), 400);
        }
        assert_eq!(refused("POST", "/subscriptions/a"), 405);
        assert_eq!(refused("GET", "/subscriptions/a/providers/Microsoft.Nope/things/x"), 404);
    }
}
