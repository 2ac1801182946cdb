//! What bad input gets: an error on the attribute, before any request where it can be known.

use std::fs;

use crate::azwi::{Azwi, each_with_its_own_emulator, under_every_terraform};
use crate::texts;

const IDENTITY_ID: &str = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/app";
const GUID: &str = "7d8b1f0e-3a52-4c7a-9c0f-2b6f1c3f0a11";

/// A resource of this type with these attributes, one of which is replaced by a bad one.
fn spoilt(kind: &str, attributes: &[(&str, &str)], bad: (&str, &str)) -> String {
    let mut lines: Vec<(&str, &str)> = attributes.iter().copied().filter(|(name, _)| *name != bad.0).collect();
    lines.push(bad);
    let line = |(name, value): &(&str, &str)| match *name {
        "timeouts" => format!("  timeouts {value}\n"),
        _ => format!("  {name} = {value}\n"),
    };
    let lines: String = lines.iter().map(line).collect();
    format!("resource \"azwi_{kind}\" \"this\" {{\n{lines}}}\n")
}

/// Plans each of these, which must fail on the bad attribute, and sees that nobody was asked anything.
fn each_is_refused_unasked(kind: &str, good: &[(&str, &str)], bad: &[(&str, &str, &[&str])]) {
    let good: Vec<(&str, String)> = good.iter().map(|(name, value)| (*name, format!("{value:?}"))).collect();
    let good: Vec<(&str, &str)> = good.iter().map(|(name, value)| (*name, value.as_str())).collect();
    each_with_its_own_emulator(|azwi| {
        let before = azwi.emulator.requests();
        for (attribute, value, texts) in bad {
            azwi.write(&spoilt(kind, &good, (attribute, value)));
            azwi.run(&["validate", "-json"]).failed().on(attribute, texts);
        }
        let asked: Vec<_> = azwi.emulator.log().drain(before..).collect();
        assert!(asked.is_empty(), "{asked:#?}");
    });
}

#[test]
fn a_bad_identity_is_refused_unasked() {
    let good = [("name", "app"), ("resource_group_name", "rg"), ("location", "westeurope")];
    let long = format!("{:?}", "a".repeat(129));
    each_is_refused_unasked(
        "user_assigned_identity",
        &good,
        &[
            ("name", "\"ab\"", &["3", "128", "ab"]),
            ("name", "\"-app\"", &["-app"]),
            ("name", "\"my app\"", &["my app"]),
            ("name", &long, &["128"]),
            ("resource_group_name", "\"rg/other\"", &["rg/other"]),
            ("resource_group_name", "\"rg.\"", &["rg."]),
            ("subscription_id", "\"not-a-guid\"", &["not-a-guid"]),
            ("isolation_scope", "\"Planet\"", &["Regional", "Planet"]),
            ("timeouts", "{ create = \"soon\" }", &["soon", "10m"]),
        ],
    );
}

#[test]
fn a_bad_credential_is_refused_unasked() {
    let good = [
        ("name", "demo"),
        ("user_assigned_identity_id", IDENTITY_ID),
        ("issuer", "https://issuer.example/"),
        ("subject", "system:serviceaccount:demo:app"),
    ];
    let long = format!("{:?}", "s".repeat(601));
    each_is_refused_unasked(
        "federated_identity_credential",
        &good,
        &[
            ("name", "\"ab\"", &["3", "120", "ab"]),
            ("name", "\"a.b.c\"", &["a.b.c"]),
            ("user_assigned_identity_id", "\"app\"", &["Microsoft.ManagedIdentity/userAssignedIdentities", "app"]),
            (
                "user_assigned_identity_id",
                "\"/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg\"",
                &["Microsoft.ManagedIdentity/userAssignedIdentities"],
            ),
            ("issuer", "\"http://issuer.example/\"", &["https", "http://issuer.example/"]),
            ("issuer", "\" https://issuer.example/\"", &[texts::WHITE_SPACE]),
            ("subject", "\"\"", &["subject"]),
            ("subject", &long, &["600"]),
            ("audience", "\"\"", &["audience"]),
        ],
    );
}

#[test]
fn a_bad_role_assignment_is_refused_unasked() {
    let scope = "/subscriptions/20000000-0000-4000-8000-000000000001/resourceGroups/rg";
    let good = [("scope", scope), ("role_definition_name", "Reader"), ("principal_id", GUID)];
    each_is_refused_unasked(
        "role_assignment",
        &good,
        &[
            (
                "scope",
                "\"subscriptions/20000000-0000-4000-8000-000000000001\"",
                &["`subscriptions/20000000-0000-4000-8000-000000000001`", texts::NO_LEADING_SLASH],
            ),
            ("principal_id", "\"app\"", &["UUID", "app"]),
            ("name", "\"first\"", &["UUID", "first"]),
            ("principal_type", "\"Robot\"", &["ServicePrincipal", "Robot"]),
            ("condition_version", "\"1.0\"", &["2.0", "1.0"]),
        ],
    );
}

#[test]
fn a_bad_service_account_is_refused_unasked() {
    let good = [("name", "app"), ("namespace", "demo"), ("client_id", GUID)];
    each_is_refused_unasked(
        "service_account",
        &good,
        &[
            ("name", "\"My_App\"", &[texts::LOWER_CASE, "My_App"]),
            ("namespace", "\"Demo\"", &[texts::LOWER_CASE, "Demo"]),
            ("namespace", "\"a.b\"", &["a.b"]),
            ("client_id", "\"app\"", &["UUID", "app"]),
            ("tenant_id", "\"contoso.onmicrosoft.com\"", &["UUID", "contoso.onmicrosoft.com"]),
            ("token_expiration_seconds", "60", &["3600", "86400", "60"]),
            ("token_expiration_seconds", "86401", &["3600", "86400", "86401"]),
            ("labels", "{ \"no spaces\" = \"a\" }", &["no spaces"]),
            ("annotations", "{ \"-bad\" = \"a\" }", &["-bad"]),
            ("manage", "\"everything\"", &["object", "annotations", "everything"]),
        ],
    );
}

#[test]
fn what_only_the_service_sets_cannot_be_configured() {
    under_every_terraform(|azwi| {
        azwi.write(&spoilt(
            "user_assigned_identity",
            &[("name", "\"app\""), ("resource_group_name", "\"rg\""), ("location", "\"westeurope\"")],
            ("client_id", "\"mine\""),
        ));
        azwi.run(&["validate", "-json"]).failed().on("client_id", &[texts::READ_ONLY, "`client_id`"]);
    });
}

#[test]
fn an_unknown_role_is_answered_with_the_nearest_ones_before_anything_is_written() {
    // A plan only warns, because another provider may make the role in the same apply; the apply looks again.
    each_with_its_own_emulator(|azwi| {
        let before = azwi.emulator.requests();
        for (wrong, right) in [
            ("Key Vault Secret User", "Key Vault Secrets User"),
            ("Service Bus Data Sender", "Azure Service Bus Data Sender"),
        ] {
            azwi.write(&spoilt(
                "role_assignment",
                &[
                    ("scope", "\"/subscriptions/${var.subscription_id}/resourceGroups/${var.group}\""),
                    ("principal_id", &format!("\"{GUID}\"")),
                ],
                ("role_definition_name", &format!("\"{wrong}\"")),
            ));
            azwi.run(&["plan", "-json", "-input=false"])
                .succeeded()
                .warned()
                .on("role_definition_name", &[texts::DID_YOU_MEAN, wrong, right]);
            azwi.apply_fails().on("role_definition_name", &[texts::DID_YOU_MEAN, wrong, right]);
        }
        let written: Vec<_> = azwi.emulator.log().drain(before..).filter(|entry| entry["method"] == "PUT").collect();
        assert!(written.is_empty(), "{written:#?}");
    });
}

#[test]
fn a_role_is_given_by_name_or_by_id() {
    under_every_terraform(|azwi| {
        let scope = ("scope", "\"/subscriptions/20000000-0000-4000-8000-000000000001\"");
        let principal = ("principal_id", "\"7d8b1f0e-3a52-4c7a-9c0f-2b6f1c3f0a11\"");
        azwi.write(&spoilt("role_assignment", &[scope], principal));
        azwi.run(&["validate", "-json"]).failed().says(&[
            texts::ONE_REQUIRED,
            "role_definition_name",
            "role_definition_id",
        ]);
        let id = "\"/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7\"";
        azwi.write(&spoilt(
            "role_assignment",
            &[scope, principal, ("role_definition_id", id)],
            ("role_definition_name", "\"Reader\""),
        ));
        azwi.run(&["validate", "-json"]).failed().says(&[
            texts::ONLY_ONE_ALLOWED,
            "role_definition_name",
            "role_definition_id",
        ]);
    });
}

const IDENTITY: &str = r#"resource "azwi_user_assigned_identity" "this" {
  name                = "app"
  resource_group_name = var.group
  location            = "westeurope"
}
"#;

fn account() -> String {
    spoilt(
        "service_account",
        &[("name", "\"app\""), ("namespace", "var.namespace")],
        ("client_id", &format!("\"{GUID}\"")),
    )
}

fn set(azwi: &mut Azwi, name: &str, value: &str) {
    azwi.environment.insert(name.to_owned(), value.to_owned());
}

#[test]
fn a_wrong_secret_is_told_with_what_entra_said_and_what_to_set() {
    under_every_terraform(|mut azwi| {
        set(&mut azwi, "ARM_CLIENT_SECRET", "not-the-secret");
        azwi.write(IDENTITY);
        azwi.apply_fails().says(&["AADSTS7000215", texts::CLIENT_SECRET, "ARM_CLIENT_SECRET"]);
    });
}

#[test]
fn without_any_way_to_sign_in_the_ways_are_told() {
    under_every_terraform(|mut azwi| {
        azwi.environment.retain(|name, _| !name.starts_with("ARM_CLIENT"));
        set(&mut azwi, "ARM_USE_CLI", "false");
        azwi.write(IDENTITY);
        azwi.apply_fails().says(&["client_secret", "use_oidc"]);
    });
}

#[test]
fn without_a_cluster_a_service_account_is_refused_and_no_cluster_is_guessed() {
    each_with_its_own_emulator(|mut azwi| {
        azwi.environment.retain(|name, _| !name.starts_with("KUBE"));
        // What kubectl would take, this provider does not: it might be anybody's cluster.
        let home = azwi.path("home");
        fs::create_dir_all(home.join(".kube")).unwrap();
        fs::write(home.join(".kube/config"), azwi.emulator.kubeconfig()).unwrap();
        set(&mut azwi, "KUBECONFIG", &home.join(".kube/config").to_string_lossy());
        azwi.write(&account());
        let before = azwi.emulator.requests();
        let failure = azwi.apply_fails();
        let error = failure.says(&["kubernetes", "config_path"]);
        assert!(!error.detail.contains("localhost"), "{error}");
        assert_eq!(azwi.emulator.requests(), before);
    });
}

#[test]
fn a_kubeconfig_that_does_not_parse_is_told_by_file_and_line() {
    under_every_terraform(|mut azwi| {
        let file = azwi.path("kubeconfig").to_string_lossy().into_owned();
        azwi.file("kubeconfig", "apiVersion: v1\nkind: Config\nclusters: [\n  - oh: {no\n");
        set(&mut azwi, "KUBE_CONFIG_PATH", &file);
        azwi.write(&account());
        azwi.apply_fails().says(&[&file, "line"]);
        set(&mut azwi, "KUBE_CONFIG_PATH", "/nowhere/kubeconfig");
        azwi.apply_fails().says(&["/nowhere/kubeconfig"]);
    });
}

#[test]
fn a_namespace_that_does_not_exist_is_named() {
    under_every_terraform(|azwi| {
        azwi.write(&account().replace("var.namespace", "\"nowhere\""));
        azwi.apply_fails().says(&["nowhere"]);
    });
}
