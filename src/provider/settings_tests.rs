use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::*;
use crate::azure::Azure;
use crate::origin::Origins;
use crate::schema::{Attribute, Kind};
use crate::value::Type;

const ID: &str = "11111111-2222-3333-4444-555555555555";
const OTHER_ID: &str = "66666666-7777-8888-9999-aaaaaaaaaaaa";

/// What a configuration and an environment amount to.
#[derive(Debug, Clone, PartialEq)]
struct Outcome {
    azure: Result<azure::Config, String>,
    kubernetes: Result<kubernetes::Settings, String>,
    errors: Vec<String>,
}

impl Outcome {
    /// The same, whoever set it.
    fn of_anybody(mut self) -> Self {
        if let Ok(azure) = &mut self.azure {
            azure.origins = Origins::default();
        }
        if let Ok(kubernetes) = &mut self.kubernetes {
            kubernetes.origins = Origins::default();
        }
        self
    }
}

fn outcome(config: &Json, environment: &[(&str, &str)]) -> Outcome {
    let config = value::from_json(config, &schema::schema().value_type()).unwrap();
    let environment: BTreeMap<&str, &str> = environment.iter().copied().collect();
    let settings = resolve(&config, &|name| environment.get(name).map(|text| (*text).to_owned()));
    fn told<T>(known: Known<T>) -> Result<T, String> {
        match known {
            Known::Yes(settings) => Ok(settings),
            Known::Not(unknown) => Err(format!("unknown: {unknown:?}")),
            Known::Wrong(error) => Err(error.to_string()),
        }
    }
    let errors = settings.errors.iter().map(|error| format!("{}: {error}", error.attribute)).collect();
    Outcome { azure: told(settings.azure), kubernetes: told(settings.kubernetes), errors }
}

/// The outcome of one attribute of a block, with what it cannot do without.
fn with(
    block: &str,
    mut base: Map<String, Json>,
    attribute: &Attribute,
    set: Option<Json>,
    environment: &[(&str, &str)],
) -> Outcome {
    base.extend(set.map(|set| (attribute.name.to_owned(), set)));
    match block {
        "" => outcome(&Json::Object(base), environment),
        block => outcome(&json!({ block: base }), environment),
    }
}

/// Two texts that an attribute takes.
fn samples(attribute: &Attribute) -> [String; 2] {
    let certificate = |name: &str| rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let texts = match attribute.name {
        "subscription_id" | "tenant_id" | "client_id" => [ID, OTHER_ID],
        "auxiliary_tenant_ids" => ["11111111-2222-3333-4444-555555555555;a.example", OTHER_ID],
        "environment" => ["china", "usgovernment"],
        "oidc_request_url" | "msi_endpoint" | "host" | "proxy_url" => ["https://one.example", "https://other.example"],
        name if name.ends_with("endpoint") || name.ends_with("authority_host") => {
            ["https://one.example", "https://other.example"]
        }
        "cluster_id" => [
            "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/a/providers/Microsoft.ContainerService/managedClusters/one",
            "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/a/providers/Microsoft.ContainerService/managedClusters/two",
        ],
        "client_certificate" | "cluster_ca_certificate" => {
            return ["one", "other"].map(|name| certificate(name).cert.pem().trim().to_owned());
        }
        "client_key" => {
            return ["one", "other"].map(|name| certificate(name).signing_key.serialize_pem().trim().to_owned());
        }
        "config_paths" => ["/one", "/other"],
        _ if matches!(attribute.kind, Kind::Plain(Type::Bool)) => ["true", "false"],
        _ => ["one", "other"],
    };
    texts.map(str::to_owned)
}

/// The text as the configuration writes it.
fn written(attribute: &Attribute, text: &str) -> Json {
    match &attribute.kind {
        Kind::Plain(Type::Bool) => json!(text == "true"),
        Kind::Plain(Type::List(_)) => json!(text.split(attribute.environment.separator.unwrap()).collect::<Vec<_>>()),
        _ => json!(text),
    }
}

/// What switches an attribute's variable off.
fn empty(attribute: &Attribute) -> Json {
    match &attribute.kind {
        Kind::Plain(Type::Bool) => json!(false),
        Kind::Plain(Type::List(_)) => json!([]),
        _ => json!(""),
    }
}

#[test]
fn configuration_wins_over_the_variables_of_every_attribute() {
    let schema = schema::schema();
    let blocks = Blocks::of(&schema);
    let mut tried = 0;
    for (block, described) in [("", &schema.block), ("endpoint", blocks.endpoint), ("kubernetes", blocks.kubernetes)] {
        for attribute in described.attributes.iter().filter(|attribute| !attribute.environment.names.is_empty()) {
            let needed = attribute.requires.first().and_then(|name| described.attribute(name));
            let base: Map<String, Json> =
                needed.iter().map(|needed| (needed.name.to_owned(), written(needed, &samples(needed)[0]))).collect();
            let [one, other] = samples(attribute);
            let outcome = |set: Option<Json>, environment: &[(&str, &str)]| {
                with(block, base.clone(), attribute, set, environment)
            };
            let nothing = outcome(None, &[]);
            let configured = outcome(Some(written(attribute, &one)), &[]);
            assert_ne!(configured, nothing, "{block}.{} says nothing", attribute.name);
            for variable in attribute.environment.names {
                let name = format!("{block}.{} and {variable}", attribute.name);
                let environment = |text: &str| outcome(None, &[(variable, text)]).of_anybody();
                assert_eq!(environment(&one), configured.clone().of_anybody(), "{name}: the variable stands in");
                let padded = if attribute.environment.verbatim { one.clone() } else { format!(" {one}\n") };
                assert_eq!(environment(&padded), configured.clone().of_anybody(), "{name}: white space does not count");
                assert_eq!(outcome(None, &[(variable, "")]), nothing, "{name}: an empty variable says nothing");
                let both = outcome(Some(written(attribute, &one)), &[(variable, &other)]);
                assert_eq!(both, configured, "{name}: the configuration wins");
                let off = outcome(Some(empty(attribute)), &[(variable, &one)]);
                assert_eq!(off, outcome(Some(empty(attribute)), &[]), "{name}: the configuration switches it off");
                if !matches!(attribute.kind, Kind::Plain(Type::Bool)) {
                    assert_eq!(off, nothing, "{name}: empty is not set");
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 50, "{tried}");
}

#[test]
fn an_attribute_without_a_variable_is_meant_to_have_none() {
    let schema = schema::schema();
    let blocks = Blocks::of(&schema);
    let all = [&schema.block, blocks.endpoint, blocks.kubernetes];
    let attributes = all.iter().flat_map(|block| &block.attributes);
    let without = attributes.filter(|attribute| attribute.environment.names.is_empty()).map(|attribute| attribute.name);
    assert_eq!(without.collect::<Vec<_>>(), ["plan_checks", "in_cluster_config"]);
}

/// What a way to sign in needs in the configuration, the same in the environment, and its name.
type Way = (Json, Vec<(&'static str, String)>, &'static str);

fn ways(folder: &std::path::Path) -> [Way; 5] {
    let bundle = folder.join("bundle.pfx");
    std::fs::write(&bundle, "x").unwrap();
    let bundle = bundle.display().to_string();
    let variable = |name: &'static str, text: &str| (name, text.to_owned());
    [
        (
            json!({"client_certificate_path": bundle}),
            vec![variable("ARM_CLIENT_CERTIFICATE_PATH", &bundle)],
            "client certificate",
        ),
        (json!({"client_secret": "s"}), vec![variable("ARM_CLIENT_SECRET", "s")], "client secret"),
        (
            json!({"use_oidc": true, "oidc_token": "t"}),
            vec![variable("ARM_USE_OIDC", "true"), variable("ARM_OIDC_TOKEN", "t")],
            "OIDC token",
        ),
        (json!({"use_msi": true}), vec![variable("ARM_USE_MSI", "true")], "managed identity"),
        (json!({"use_cli": true}), vec![variable("ARM_USE_CLI", "true")], "Azure CLI"),
    ]
}

fn method(config: &Json, environment: &[(&str, &str)]) -> Result<&'static str, String> {
    let settings = outcome(config, environment).azure.unwrap();
    Azure::new(settings).map(|azure| azure.sign_in_method()).map_err(|error| error.to_string())
}

#[test]
fn the_method_that_the_block_names_signs_in_whatever_the_environment_names() {
    let folder = tempfile::tempdir().unwrap();
    for (block, _, name) in ways(folder.path()) {
        for (_, variables, other) in ways(folder.path()) {
            let mut environment: Vec<(&str, &str)> =
                variables.iter().map(|(name, text)| (*name, text.as_str())).collect();
            environment.extend([("ARM_CLIENT_ID", ID), ("ARM_TENANT_ID", ID)]);
            assert_eq!(method(&block, &environment), Ok(name), "beside {other} of the environment");
        }
    }
}

#[test]
fn a_method_that_the_block_names_and_that_is_incomplete_is_an_error() {
    let ids = [("ARM_CLIENT_ID", ID), ("ARM_TENANT_ID", ID), ("ARM_CLIENT_SECRET", "hunter2")];
    let error = method(&json!({"use_oidc": true}), &ids).unwrap_err();
    assert!(error.contains("OIDC") && error.contains("ARM_OIDC_TOKEN") && !error.contains("hunter2"), "{error}");
    let error = method(&json!({"client_secret": "s"}), &[("ARM_USE_MSI", "true")]).unwrap_err();
    assert!(error.contains("client secret") && error.contains("ARM_CLIENT_ID"), "{error}");
}

#[test]
fn use_oidc_with_an_empty_secret_does_not_sign_in_with_the_secret_of_the_environment() {
    let environment =
        [("ARM_CLIENT_SECRET", "hunter2"), ("ARM_CLIENT_ID", ID), ("ARM_TENANT_ID", ID), ("ARM_OIDC_TOKEN", "t")];
    for config in [json!({"use_oidc": true, "client_secret": ""}), json!({"use_oidc": true})] {
        assert_eq!(method(&config, &environment), Ok("OIDC token"));
    }
    let off = json!({"client_secret": ""});
    assert_eq!(method(&off, &environment), Ok("Azure CLI"), "nothing else is set up");
}

#[test]
fn source_of_the_oidc_token_is_the_one_that_the_block_names() {
    let environment =
        [("ARM_OIDC_TOKEN", "t"), ("ARM_OIDC_TOKEN_FILE_PATH", "/env"), ("ARM_CLIENT_ID", ID), ("ARM_TENANT_ID", ID)];
    for (config, name) in [
        (json!({"use_oidc": true}), "OIDC token"),
        (json!({"use_oidc": true, "oidc_token_file_path": "/block"}), "OIDC token file"),
        (
            json!({"use_oidc": true, "oidc_request_url": "https://a.example", "oidc_request_token": "r"}),
            "OIDC of GitHub",
        ),
    ] {
        assert_eq!(method(&config, &environment), Ok(name));
    }
    let aks = [("ARM_USE_AKS_WORKLOAD_IDENTITY", "true"), ("ARM_CLIENT_ID", ID), ("ARM_TENANT_ID", ID)];
    assert_eq!(method(&json!({"use_oidc": true, "oidc_token": "t"}), &aks), Ok("OIDC token"));
}

#[test]
fn a_file_in_the_block_wins_over_the_value_in_the_environment() {
    let settings = outcome(
        &json!({"client_id_file_path": "/id", "client_secret_file_path": "/secret"}),
        &[("ARM_CLIENT_ID", ID), ("ARM_CLIENT_SECRET", "s")],
    );
    let azure = settings.azure.unwrap();
    assert_eq!((azure.client_id, azure.client_secret), (None, None));
}

/// What remains of the environment beside a block.
fn cluster(block: &Json, environment: &[(&str, &str)]) -> kubernetes::Settings {
    let outcome = outcome(&json!({"kubernetes": block}), environment);
    assert_eq!(outcome.errors, [""; 0]);
    outcome.kubernetes.unwrap()
}

const HOST: &str = "https://cluster.example";
const CLUSTER: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/a/providers/Microsoft.ContainerService/managedClusters/one";

#[test]
fn variables_that_cannot_apply_beside_the_block_are_ignored() {
    let complete = json!({"host": HOST, "token": "t"});
    for (block, variable, text) in [
        (&complete, "KUBE_CTX", "left-over"),
        (&complete, "KUBE_CTX_AUTH_INFO", "left-over"),
        (&complete, "KUBE_CTX_CLUSTER", "left-over"),
        (&complete, "KUBE_CONFIG_PATH", "/left/over"),
        (&complete, "KUBE_CONFIG_PATHS", "/left/over"),
        (&complete, "KUBE_CLUSTER_ID", CLUSTER),
        (&complete, "KUBE_CLUSTER_ID", "not even an id"),
        (&complete, "KUBE_USER", "somebody"),
        (&complete, "KUBE_PASSWORD", "else"),
        (&complete, "KUBE_CLIENT_CERT_DATA", "left over"),
        (&complete, "KUBE_CLIENT_KEY_DATA", "left over"),
        (&json!({"host": HOST, "exec": {"command": "c"}}), "KUBE_TOKEN", "t"),
        (&json!({"host": HOST, "exec": {"command": "c"}}), "KUBE_USER", "u"),
        (&json!({"host": HOST, "username": "u", "password": "p"}), "KUBE_TOKEN", "t"),
        (&json!({"host": HOST, "insecure": true}), "KUBE_CLUSTER_CA_CERT_DATA", "left over"),
        (&json!({"config_path": "/a"}), "KUBE_CONFIG_PATHS", "/left/over"),
        (&json!({"config_path": "/a"}), "KUBE_CLUSTER_ID", CLUSTER),
        (&json!({"config_paths": ["/a"]}), "KUBE_CONFIG_PATH", "/left/over"),
        (&json!({"in_cluster_config": true}), "KUBE_CONFIG_PATH", "/left/over"),
        (&json!({"in_cluster_config": true}), "KUBE_HOST", "https://left.over"),
        (&json!({"cluster_id": CLUSTER}), "KUBE_HOST", "https://left.over"),
        (&json!({"cluster_id": CLUSTER}), "KUBE_CONFIG_PATH", "/left/over"),
        (&json!({"cluster_id": CLUSTER}), "KUBE_TOKEN", "left-over"),
        (&json!({"cluster_id": CLUSTER}), "KUBE_INSECURE", "true"),
    ] {
        assert_eq!(cluster(block, &[(variable, text)]), cluster(block, &[]), "{variable} beside {block}");
    }
    let ca = rcgen::generate_simple_self_signed(vec!["ca".to_owned()]).unwrap().cert.pem();
    let trusting = json!({"host": HOST, "cluster_ca_certificate": ca});
    assert_ne!(cluster(&trusting, &[("KUBE_INSECURE", "true")]).insecure, Some(true), "the block says whom to trust");
    assert_eq!(cluster(&json!({}), &[("KUBE_HOST", HOST), ("KUBE_CTX", "left-over")]).config_context, None);
}

#[test]
fn variables_complete_what_the_block_leaves_open() {
    let settings = cluster(&json!({"host": HOST}), &[("KUBE_TOKEN", "t"), ("KUBE_TLS_SERVER_NAME", "api")]);
    assert_eq!((settings.token.as_deref(), settings.tls_server_name.as_deref()), (Some("t"), Some("api")));
    let settings = cluster(&json!({"config_path": "/a"}), &[("KUBE_CTX", "c")]);
    assert_eq!(settings.config_context.as_deref(), Some("c"));
    let settings = cluster(&json!({"username": "u"}), &[("KUBE_HOST", HOST), ("KUBE_PASSWORD", "p")]);
    assert_eq!(settings.password.as_deref(), Some("p"));
    let settings = cluster(&json!({"insecure": false, "in_cluster_config": false}), &[("KUBE_CLUSTER_ID", CLUSTER)]);
    assert_eq!(settings.cluster_id.as_deref(), Some(CLUSTER), "false says nothing");
}

#[test]
fn what_contradicts_itself_is_an_error_on_the_attribute() {
    for (attribute, block) in [
        ("config_paths", json!({"config_path": "/a", "config_paths": ["/b"]})),
        ("in_cluster_config", json!({"config_path": "/a", "in_cluster_config": true})),
        ("in_cluster_config", json!({"host": HOST, "in_cluster_config": true})),
        ("token", json!({"host": HOST, "token": "t", "username": "u", "password": "p"})),
        ("exec", json!({"host": HOST, "token": "t", "exec": {"command": "c"}})),
        ("exec", json!({"host": HOST, "username": "u", "password": "p", "exec": {"command": "c"}})),
        ("username", json!({"host": HOST, "username": "u"})),
        ("password", json!({"host": HOST, "password": "p"})),
        ("config_context", json!({"host": HOST, "config_context": "c"})),
        ("config_path", json!({"cluster_id": CLUSTER, "config_path": "/a"})),
        ("host", json!({"cluster_id": CLUSTER, "host": HOST})),
        ("token", json!({"cluster_id": CLUSTER, "token": "t"})),
        ("insecure", json!({"cluster_id": CLUSTER, "insecure": true})),
    ] {
        let errors = outcome(&json!({"kubernetes": block}), &[]).errors;
        let on = format!("kubernetes.{attribute}: ");
        assert!(errors.iter().any(|error| error.starts_with(&on)), "{attribute} in {errors:?} of {block}");
    }
    let errors = outcome(&json!({"client_certificate": "c", "client_certificate_path": "/c"}), &[]).errors;
    assert!(errors[0].starts_with("client_certificate_path: "), "{errors:?}");
}

#[test]
fn variables_that_contradict_each_other_are_named() {
    for (one, other) in [
        (("KUBE_CLUSTER_ID", CLUSTER), ("KUBE_CONFIG_PATH", "/a")),
        (("KUBE_CLUSTER_ID", CLUSTER), ("KUBE_HOST", HOST)),
        (("KUBE_TOKEN", "t"), ("KUBE_USER", "u")),
        (("ARM_CLIENT_CERTIFICATE", "c"), ("ARM_CLIENT_CERTIFICATE_PATH", "/c")),
    ] {
        let outcome = outcome(&json!({}), &[one, other]);
        assert_eq!(outcome.errors, [""; 0], "it matters where the plane is used");
        let error = outcome.azure.err().or(outcome.kubernetes.err()).unwrap();
        assert!(error.contains(one.0) && error.contains(other.0), "{error}");
    }
    for lonely in ["KUBE_USER", "KUBE_PASSWORD"] {
        let error = outcome(&json!({}), &[("KUBE_HOST", HOST), (lonely, "x")]).kubernetes.unwrap_err();
        assert!(error.contains(lonely), "{error}");
    }
}

#[test]
fn variables_with_impossible_text_are_named_and_only_matter_where_they_are_used() {
    let token = "hunter2\nhunter2";
    for (variable, text, of_azure) in [
        ("ARM_SUBSCRIPTION_ID", "Demo", true),
        ("ARM_SUBSCRIPTION_ID", "00000000-0000-0000-0000-000000000000", true),
        ("ARM_TENANT_ID", "Contoso", true),
        ("ARM_CLIENT_ID", "my-app", true),
        ("ARM_ENVIRONMENT", "germany", true),
        ("ARM_USE_MSI", "maybe", true),
        ("ARM_OIDC_TOKEN", token, true),
        ("SYSTEM_ACCESSTOKEN", token, true),
        ("ARM_RESOURCE_MANAGER_ENDPOINT", "management.azure.com", true),
        ("ARM_METADATA_HOSTNAME", "a/b", true),
        ("ARM_CORRELATION_REQUEST_ID", "a\nb", true),
        ("AZURE_HTTP_USER_AGENT", "a\nb", true),
        ("KUBE_TOKEN", token, false),
        ("KUBE_HOST", "cluster", false),
        ("KUBE_CLUSTER_ID", "cluster", false),
        ("KUBE_CLUSTER_CA_CERT_DATA", "/etc/ca.pem", false),
        ("KUBE_TLS_SERVER_NAME", "https://cluster", false),
        ("KUBE_INSECURE", "maybe", false),
    ] {
        let outcome = outcome(&json!({}), &[(variable, text)]);
        assert_eq!(outcome.errors, [""; 0], "{variable}");
        let (wrong, other) = match of_azure {
            true => (outcome.azure.err(), outcome.kubernetes.err()),
            false => (outcome.kubernetes.err(), outcome.azure.err()),
        };
        let wrong = wrong.unwrap_or_else(|| panic!("{variable}={text} is taken"));
        assert!(wrong.contains(variable) && !wrong.contains("hunter2"), "{wrong}");
        assert_eq!(other, None, "{variable}");
    }
}

#[test]
fn attributes_with_impossible_text_are_errors_on_them() {
    let token = "hunter2\nhunter2";
    for (attribute, config) in [
        ("subscription_id", json!({"subscription_id": "Demo"})),
        ("tenant_id", json!({"tenant_id": "Contoso"})),
        ("auxiliary_tenant_ids", json!({"auxiliary_tenant_ids": [ID, "Contoso"]})),
        ("auxiliary_tenant_ids", json!({"auxiliary_tenant_ids": [ID, ID, ID, ID]})),
        ("client_id", json!({"client_id": "my-app"})),
        ("environment", json!({"environment": "germany"})),
        ("oidc_token", json!({"oidc_token": token})),
        ("oidc_request_token", json!({"oidc_request_token": token})),
        ("oidc_request_url", json!({"oidc_request_url": "here"})),
        ("msi_endpoint", json!({"msi_endpoint": "here"})),
        ("endpoint.resource_manager_endpoint", json!({"endpoint": {"resource_manager_endpoint": "http://a"}})),
        ("kubernetes.host", json!({"kubernetes": {"host": "cluster:6443"}})),
        ("kubernetes.host", json!({"kubernetes": {"host": "https://me:hunter2@cluster"}})),
        ("kubernetes.proxy_url", json!({"kubernetes": {"proxy_url": "proxy:3128"}})),
        ("kubernetes.token", json!({"kubernetes": {"token": token}})),
        ("kubernetes.tls_server_name", json!({"kubernetes": {"tls_server_name": "a b"}})),
        ("kubernetes.cluster_ca_certificate", json!({"kubernetes": {"cluster_ca_certificate": "/etc/ca.pem"}})),
        ("kubernetes.client_certificate", json!({"kubernetes": {"client_certificate": "c"}})),
        ("kubernetes.client_key", json!({"kubernetes": {"client_key": "hunter2"}})),
    ] {
        let errors = outcome(&config, &[]).errors;
        let first = errors.first().unwrap_or_else(|| panic!("{config} is taken"));
        assert!(first.starts_with(&format!("{attribute}: ")) && !first.contains("hunter2"), "{first}");
    }
}

#[test]
fn unknown_attributes_are_never_taken_from_the_environment() {
    let kind = schema::schema().value_type();
    let mut config = value::from_json(&json!({"kubernetes": {}}), &kind).unwrap();
    if let Value::Value(value::Known::Map(root)) = &mut config
        && let Some(Value::Value(value::Known::Map(block))) = root.get_mut("kubernetes")
    {
        block.insert("host".to_owned(), Value::Unknown);
    }
    let settings = resolve(&config, &|name| (name == "KUBE_HOST").then(|| HOST.to_owned()));
    assert!(matches!(settings.kubernetes, Known::Not(unknown) if unknown == ["kubernetes.host"]));
    assert!(matches!(settings.azure, Known::Yes(_)));
}
