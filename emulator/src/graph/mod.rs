//! Microsoft Graph, as far as the Azure CLI asks it on the way to a role assignment: who has this client id, and what is behind
//! these object ids. Nothing is written here.
//!
//! Whoever is signed in to a tenant may look up all of it; which rights an application has in Graph the emulator does not know.
//! Lists have one page.

mod directory_object;
mod error;
mod service_principal;

use http::StatusCode;

use self::error::Error;
use crate::core::access_token::{self, Unfit};
use crate::core::http::{Request, Response};
use crate::core::operation::{Call, Operation};
use crate::core::surface::{Failure, Surface};
use crate::core::world::World;
use crate::entra::resource;

/// `graph.microsoft.com`.
pub(crate) struct Graph;

impl Surface for Graph {
    fn name(&self) -> &'static str {
        "graph"
    }

    fn serves(&self, _request: &Request, segments: &[String]) -> bool {
        segments.first().is_some_and(|first| first == "v1.0")
    }

    fn operations(&self) -> &'static [&'static [Operation]] {
        &[service_principal::OPERATIONS, directory_object::OPERATIONS]
    }

    fn failure(&self, failure: Failure<'_>) -> Response {
        let error = match failure {
            Failure::UnknownPath(request) | Failure::OtherMethod(request) => {
                let segments = request.segments();
                let segment = segments.get(1).map(String::as_str).unwrap_or_default();
                Error::bad_request(format!(
                    "Resource not found for the segment '{segment}'. The emulator has service principals only."
                ))
            }
            Failure::UnsafePath => Error::bad_request("The request path has a part that no name can be."),
            Failure::TooLarge => {
                let message = "The request content is larger than 4 MB.";
                Error::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message)
            }
            Failure::Internal(reason) => Error::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", reason),
        };
        error.response()
    }
}

/// The tenant of whoever asks, by a token for Graph.
fn tenant(world: &World, call: &Call<'_>) -> Result<String, Error> {
    let text = call.request.bearer().ok_or_else(|| Error::unauthorized("Access token is empty."))?;
    let token =
        access_token::verify(access_token::published(&world.store), world.clock.unix(), text).map_err(|unfit| {
            match unfit {
                Unfit::Expired(_) => Error::unauthorized("Lifetime validation failed, the token is expired."),
                Unfit::Signature | Unfit::UnknownKey => Error::unauthorized("Signature validation failed."),
                Unfit::Malformed => Error::unauthorized("CompactToken parsing failed."),
            }
        })?;
    if !token.audiences().iter().any(|audience| resource::is_graph(world, audience)) {
        return Err(Error::unauthorized("Access token validation failure. Invalid audience."));
    }
    token.claim("tid").map(str::to_owned).ok_or_else(|| Error::unauthorized("The token names no tenant."))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::{Value, json};

    use crate::core::http::Request;
    use crate::test::Api;

    fn ask(api: &mut Api, audience: &str, target: &str) -> (u16, Value) {
        let mut request = Request::test("GET", target);
        let token = api.token(&json!({"aud": audience}));
        request.headers.insert("authorization", HeaderValue::from_str(&format!("Bearer {token}")).unwrap());
        let response = api.exchange(&request);
        (response.status.as_u16(), serde_json::from_slice(&response.body).unwrap())
    }

    #[test]
    fn only_a_token_for_graph_counts() {
        let mut api = Api::new();
        let list = "/v1.0/servicePrincipals";
        for audience in ["https://graph.microsoft.com", "https://graph.microsoft.com/", "https://127.0.0.1:8443/"] {
            assert_eq!(ask(&mut api, audience, list).0, 200, "{audience}");
        }
        let (status, refused) = ask(&mut api, "https://vault.azure.net", list);
        assert_eq!((status, &refused["error"]["code"]), (401, &json!("InvalidAuthenticationToken")));
        assert_eq!(api.exchange(&Request::test("GET", list)).status, 401);
    }

    #[test]
    fn a_managed_identity_is_found_by_its_client_id_and_named_by_its_object_id() {
        let mut api = Api::new();
        let id = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg-demo/providers/\
                  Microsoft.ManagedIdentity/userAssignedIdentities/app";
        let (_, made) = api.put(&format!("{id}?api-version=2023-01-31"), &json!({"location": "westeurope"}));
        let text = |field: &str| made["properties"][field].as_str().unwrap().to_owned();
        let (client, object) = (text("clientId"), text("principalId"));
        let mut ask = |target: &str| ask(&mut api, "https://graph.microsoft.com", &format!("/v1.0/{target}"));
        for filter in [
            format!("servicePrincipalNames/any(c:c+eq+'{client}')"),
            format!("appId+eq+'{client}'"),
            "startswith(displayName,'ap')".to_owned(),
            "displayName+eq+'app'".to_owned(),
        ] {
            let (status, found) = ask(&format!("servicePrincipals?$filter={filter}"));
            assert_eq!((status, &found["value"][0]["id"]), (200, &json!(object)), "{filter}: {found}");
            assert_eq!(found["value"].as_array().unwrap().len(), 1, "{filter}");
        }
        let (_, one) = ask(&format!("servicePrincipals/{object}"));
        assert_eq!((&one["appId"], &one["servicePrincipalType"]), (&json!(client), &json!("ManagedIdentity")));
        assert_eq!(ask("servicePrincipals?$filter=colour+eq+'red'").0, 400);
        let (status, nobody) = ask("servicePrincipals/00000000-0000-4000-8000-000000000000");
        assert_eq!((status, &nobody["error"]["code"]), (404, &json!("Request_ResourceNotFound")));
        assert_eq!(ask("applications").0, 400);
    }

    #[test]
    fn object_ids_tell_what_they_are() {
        let mut api = Api::new();
        let alice = "50000000-0000-4000-8000-000000000001";
        let seed = format!("principals: [{{object_id: {alice}, name: Alice, kind: User}}]");
        crate::seed::Seed::parse(&seed).unwrap().apply(&mut api.world).unwrap();
        let mut ask = |body: &Value| {
            let mut request = Request::test("POST", "/v1.0/directoryObjects/getByIds");
            let token = api.token(&json!({"aud": "https://graph.microsoft.com"}));
            request.headers.insert("authorization", HeaderValue::from_str(&format!("Bearer {token}")).unwrap());
            request.body = body.to_string().into();
            let response = api.exchange(&request);
            (response.status.as_u16(), serde_json::from_slice::<Value>(&response.body).unwrap())
        };
        let terraform = "40000000-0000-4000-8000-000000000001";
        let (_, found) = ask(&json!({"ids": [terraform, alice, "60000000-0000-4000-8000-000000000001"]}));
        let types: Vec<_> = found["value"].as_array().unwrap().iter().map(|it| it["@odata.type"].clone()).collect();
        assert_eq!(types, ["#microsoft.graph.servicePrincipal", "#microsoft.graph.user"]);
        let (_, users) = ask(&json!({"ids": [terraform, alice], "types": ["user"]}));
        assert_eq!(users["value"][0]["userPrincipalName"], "Alice");
        assert_eq!(users["value"].as_array().unwrap().len(), 1);
        assert_eq!(ask(&json!({"ids": "x"})).0, 400);
    }
}
