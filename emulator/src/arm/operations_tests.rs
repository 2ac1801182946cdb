//! What holds of every operation of Azure Resource Manager, tried on each that there is.

use serde_json::{Value, json};

use super::OPERATIONS;
use crate::core::operation::Operation;
use crate::test::Api;

const SUBSCRIPTION: &str = "/subscriptions/20000000-0000-4000-8000-000000000001";

fn operations() -> impl Iterator<Item = &'static Operation> {
    OPERATIONS.iter().copied().flatten().filter(|operation| operation.access.is_some())
}

/// The path of an operation on something of the default seed, or of [`with_two_of_each`].
fn path(operation: &Operation) -> String {
    let of_vaults = operation.path.contains("Microsoft.KeyVault");
    let names = [
        ("{*scope}", SUBSCRIPTION.trim_start_matches('/')),
        ("{subscription}", "20000000-0000-4000-8000-000000000001"),
        ("{group}", "rg-demo"),
        ("{identity}", "app-one"),
        ("{vault}", "kv-demo"),
        ("{cluster}", "demo"),
        ("{namespace}", "Microsoft.KeyVault"),
        ("{name}", if of_vaults { "kv-demo" } else { "90000000-0000-4000-8000-000000000001" }),
        ("{account}", "stdemo"),
        ("{bus}", "sb-demo"),
        ("{location}", "westeurope"),
        ("{operation}", "x"),
        ("{result}", "x"),
    ];
    let path = names.iter().fold(operation.path.to_owned(), |path, (name, value)| path.replace(name, value));
    assert!(!path.contains('{'), "{path}: a parameter that this test does not know");
    path
}

/// At least two of everything that can be listed, but for clusters of Arc, which are only seeded.
fn with_two_of_each() -> Api {
    let mut api = Api::new();
    let seed = json!({
        "resource_groups": [{"name": "rg-two", "location": "eastus"}],
        "vaults": [{"name": "kv-two", "resource_group": "rg-demo"}],
        "clusters": [
            {"name": "arc-one", "azure": {"resource_group": "rg-demo", "kind": "arc"}},
            {"name": "arc-two", "azure": {"resource_group": "rg-demo", "kind": "arc"}},
        ],
    });
    crate::seed::Seed::parse(&seed.to_string()).unwrap().apply(&mut api.world).unwrap();
    for name in ["app-one", "app-two"] {
        let identity = format!(
            "{SUBSCRIPTION}/resourceGroups/rg-demo/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
        );
        api.put(&format!("{identity}?api-version=2023-01-31"), &json!({"location": "westeurope"}));
        for subject in ["one", "two"] {
            let properties = json!({"issuer": "https://x", "subject": subject, "audiences": ["a"]});
            let target = format!("{identity}/federatedIdentityCredentials/{subject}?api-version=2023-01-31");
            assert_eq!(api.put(&target, &json!({"properties": properties})).0, 201);
        }
    }
    for (target, status) in [
        ("Microsoft.Storage/storageAccounts/stone?api-version=2023-01-01", 200),
        ("Microsoft.Storage/storageAccounts/sttwo?api-version=2023-01-01", 200),
        ("Microsoft.ServiceBus/namespaces/sb-one?api-version=2021-11-01", 201),
        ("Microsoft.ServiceBus/namespaces/sb-two?api-version=2021-11-01", 201),
    ] {
        let target = format!("{SUBSCRIPTION}/resourceGroups/rg-demo/providers/{target}");
        assert_eq!(api.put(&target, &json!({"location": "westeurope"})).0, status);
    }
    for (n, role) in ["4633458b-17de-408a-b874-0445c86b69e6", "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"].iter().enumerate()
    {
        let properties = json!({"principalId": "40000000-0000-4000-8000-000000000001",
            "roleDefinitionId": format!("{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}")});
        let target = format!(
            "{SUBSCRIPTION}/providers/Microsoft.Authorization/roleAssignments/90000000-0000-4000-8000-00000000000{n}?api-version=2022-04-01"
        );
        assert_eq!(api.put(&target, &json!({"properties": properties})).0, 201);
    }
    api
}

#[test]
fn every_operation_wants_an_api_version_that_it_knows() {
    let mut api = Api::new();
    for operation in operations() {
        let path = path(operation);
        let mut code = |query: &str| {
            let (status, body) = api.send(operation.method, &format!("{path}{query}"), &json!({}));
            (status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
        };
        let missing = (400, "MissingApiVersionParameter".to_owned());
        assert_eq!(code(""), missing, "{}", operation.name);
        assert_eq!(code("?api-version="), missing, "{}", operation.name);
        let (status, unknown) = code("?api-version=2000-01-01");
        assert!(
            status == 400 && ["InvalidApiVersionParameter", "NoRegisteredProviderFound"].contains(&unknown.as_str()),
            "{}: {unknown}",
            operation.name
        );
        for version in operation.access.unwrap().versions {
            let (_, known) = code(&format!("?api-version={version}"));
            assert!(
                !known.contains("ApiVersion") && !known.contains("RegisteredProvider"),
                "{}: {known}",
                operation.name
            );
        }
    }
}

#[test]
fn every_list_goes_over_pages_to_its_end() {
    let mut api = with_two_of_each();
    let mut lists = Vec::new();
    for operation in operations().filter(|it| it.method == "GET" && !it.path.ends_with('}')) {
        let version = operation.access.unwrap().versions.last().unwrap();
        let target = format!("{}?api-version={version}", path(operation));
        api.world.settings.page_size = 0;
        let (status, whole) = api.get(&target);
        let names = |page: &Value| -> Vec<String> {
            page["value"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!((status, &whole["nextLink"]), (200, &Value::Null), "{}: {whole}", operation.name);
        api.world.settings.page_size = 1;
        let (mut next, mut found) = (Some(target), Vec::new());
        while let Some(target) = next {
            let (status, page) = api.get(&target);
            assert_eq!((status, names(&page).len()), (200, 1), "{}: {page}", operation.name);
            found.extend(names(&page));
            let link = page["nextLink"].as_str().map(str::to_owned);
            next = link.map(|link| link.strip_prefix("https://127.0.0.1:8443").unwrap().to_owned());
        }
        assert_eq!(found, names(&whole), "{}", operation.name);
        // The test's tenant is the only one that its caller sees.
        assert!(found.len() > 1 || operation.name == "Tenants_List", "{}: {found:?}", operation.name);
        lists.push(operation.name);
    }
    assert!(lists.len() >= 16, "{lists:?}");
}

#[test]
fn providers_are_what_the_operations_say() {
    let mut api = Api::new();
    let (_, all) = api.get(&format!("{SUBSCRIPTION}/providers?api-version=2021-04-01"));
    let names: Vec<_> = all["value"].as_array().unwrap().iter().map(|it| it["namespace"].as_str().unwrap()).collect();
    for name in ["Microsoft.ManagedIdentity", "Microsoft.Authorization", "Microsoft.ContainerService"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let (status, one) = api.get(&format!("{SUBSCRIPTION}/providers/microsoft.managedidentity?api-version=2021-04-01"));
    assert_eq!((status, &one["registrationState"]), (200, &json!("Registered")), "{one}");
    let types = one["resourceTypes"].as_array().unwrap();
    let identities = types.iter().find(|it| it["resourceType"] == "userAssignedIdentities").unwrap();
    assert_eq!(identities["apiVersions"][0], "2026-05-31");
    let register = format!("{SUBSCRIPTION}/providers/Microsoft.KeyVault/register?api-version=2021-04-01");
    assert_eq!(api.send("POST", &register, &Value::Null).0, 200);
    let (_, tenant) = api.get("/providers?api-version=2021-04-01");
    assert_eq!(tenant["value"].as_array().unwrap().len(), names.len());
    let (status, nobody) = api.get(&format!("{SUBSCRIPTION}/providers/Microsoft.Nope?api-version=2021-04-01"));
    assert_eq!((status, &nobody["error"]["code"]), (404, &json!("InvalidResourceNamespace")));
}

#[test]
fn metadata_has_a_shape_for_each_kind_of_client() {
    let mut api = Api::new();
    let mut shape = |version: &str| api.get(&format!("/metadata/endpoints?api-version={version}")).1;
    let url = "https://127.0.0.1:8443";
    assert_eq!(shape("2015-01-01")["authentication"]["loginEndpoint"], url);
    assert_eq!(shape("2019-05-01")[0]["resourceManager"], format!("{url}/"));
    let one = shape("2022-09-01");
    assert_eq!(
        (&one["resourceManager"], &one["suffixes"]["keyVaultDns"]),
        (&json!(format!("{url}/")), &json!("vault.azure.net"))
    );
}
