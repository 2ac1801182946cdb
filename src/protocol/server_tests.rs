//! The calls on managed resources, on one that does what the name of its object says.

use serde_json::{Value as Json, json};
use tonic::{Request, Response};

use super::*;
use crate::{
    protocol::toy::{Toy, ToyOfOthers},
    resource::Resource as _,
    value::{self, Known, Value},
};

fn server() -> Server {
    Server::new(&[&Toy], &[&ToyOfOthers])
}

fn toy_type() -> value::Type {
    AnyResource::describe(&Toy).value_type()
}

fn packed(value: &Value) -> Option<tf::DynamicValue> {
    to_proto::value(value, &toy_type()).unwrap()
}

fn null() -> Option<tf::DynamicValue> {
    packed(&Value::Null)
}

fn toy(json: Json) -> Value {
    value::from_json(&json, &toy_type()).unwrap()
}

fn stored(name: &str) -> Value {
    toy(json!({"name": name, "size": 1, "audience": "api", "audience_id": "api-id", "adopt_existing": false,
        "id": format!("/toys/{name}")}))
}

fn unpacked(message: Option<tf::DynamicValue>) -> Value {
    from_proto::value(message, &toy_type(), "the answer").unwrap()
}

fn name_of(identity: Option<tf::ResourceIdentityData>) -> Option<String> {
    let kind = to_proto::identity_type(Toy.identity_schema());
    let identity = from_proto::identity(identity, &kind, "the identity").unwrap();
    value::as_str(value::attribute(&identity, "name")).map(str::to_owned)
}

fn identity(name: &str) -> Option<tf::ResourceIdentityData> {
    let kind = to_proto::identity_type(Toy.identity_schema());
    to_proto::identity(&Value::Value(Known::Map([("name".to_owned(), value::string(name))].into())), &kind).unwrap()
}

fn summaries(diagnostics: &[tf::Diagnostic]) -> Vec<&str> {
    diagnostics.iter().map(|diagnostic| diagnostic.summary.as_str()).collect()
}

/// The attributes that diagnostics are on, such as `timeouts.read`.
fn attributes(diagnostics: &[tf::Diagnostic]) -> Vec<String> {
    let name = |step: &tf::attribute_path::Step| match step.selector.as_ref().unwrap() {
        tf::attribute_path::step::Selector::AttributeName(name) => name.clone(),
        other => panic!("no attribute: {other:?}"),
    };
    let path = |one: &tf::Diagnostic| one.attribute.iter().flat_map(|path| &path.steps).map(name).collect::<Vec<_>>();
    diagnostics.iter().map(|one| path(one).join(".")).collect()
}

fn type_name() -> String {
    "azwi_toy".to_owned()
}

async fn ok<T>(answer: impl Future<Output = Answer<T>>) -> T {
    answer.await.map(Response::into_inner).unwrap()
}

async fn configured() -> Server {
    let server = server();
    let kind = Provider::schema().value_type();
    let config = to_proto::value(&value::from_json(&json!({}), &kind).unwrap(), &kind).unwrap();
    let request = tf::configure_provider::Request { config, ..Default::default() };
    assert_eq!(ok(server.configure_provider(Request::new(request))).await.diagnostics, []);
    server
}

async fn planned(prior: Value, config: Value, deferral_allowed: bool) -> tf::plan_resource_change::Response {
    let request = tf::plan_resource_change::Request {
        type_name: type_name(),
        prior_state: packed(&prior),
        // Terraform leaves write-only values in what it proposes.
        proposed_new_state: packed(&config),
        config: packed(&config),
        prior_private: b"kept".to_vec(),
        prior_identity: identity("teddy"),
        client_capabilities: Some(tf::ClientCapabilities { deferral_allowed, ..Default::default() }),
        ..Default::default()
    };
    ok(configured().await.plan_resource_change(Request::new(request))).await
}

async fn applied(prior: &Value, planned: &Value) -> tf::apply_resource_change::Response {
    let request = tf::apply_resource_change::Request {
        type_name: type_name(),
        prior_state: packed(prior),
        planned_state: packed(planned),
        planned_private: b"kept".to_vec(),
        ..Default::default()
    };
    ok(configured().await.apply_resource_change(Request::new(request))).await
}

#[tokio::test]
async fn a_create_is_planned_with_unknowns_and_without_write_only_values() {
    let response = planned(Value::Null, toy(json!({"name": "teddy", "secret": "s3cret"})), false).await;
    assert_eq!(response.diagnostics, []);
    let plan = unpacked(response.planned_state);
    assert_eq!(value::attribute(&plan, "secret"), &Value::Null);
    assert_eq!(value::attribute(&plan, "id"), &Value::Unknown);
    assert_eq!(value::attribute(&plan, "size"), &value::number(1));
    assert!(response.requires_replace.is_empty());
    assert_eq!((response.planned_private, response.planned_identity), (b"kept".to_vec(), None));
    assert!(!response.legacy_type_system && response.deferred.is_none());
}

#[tokio::test]
async fn an_unchanged_object_comes_back_as_it_was_and_a_new_name_replaces_it() {
    let same = planned(stored("teddy"), toy(json!({"name": "teddy"})), false).await;
    assert_eq!(same.planned_state, packed(&stored("teddy")));
    assert_eq!(name_of(same.planned_identity).as_deref(), Some("teddy"));

    let other = planned(stored("teddy"), toy(json!({"name": "bear"})), false).await;
    let [path] = &other.requires_replace[..] else { panic!("{other:?}") };
    let name = tf::attribute_path::step::Selector::AttributeName("name".to_owned());
    assert_eq!(path.steps, [tf::attribute_path::Step { selector: Some(name) }]);
}

#[tokio::test]
async fn a_destroy_is_planned_as_null() {
    let request = tf::plan_resource_change::Request {
        type_name: type_name(),
        prior_state: packed(&stored("teddy")),
        proposed_new_state: null(),
        config: null(),
        prior_private: b"kept".to_vec(),
        ..Default::default()
    };
    let response = ok(server().plan_resource_change(Request::new(request))).await;
    assert_eq!((response.planned_state, response.planned_private), (null(), b"kept".to_vec()));
}

#[tokio::test]
async fn what_waits_for_the_providers_configuration_is_deferred_only_where_that_is_possible() {
    let config = || toy(json!({"name": "unconfigured"}));
    let response = planned(Value::Null, config(), false).await;
    assert_eq!((summaries(&response.diagnostics), response.deferred), (vec!["Not yet"], None));
    let response = planned(Value::Null, config(), true).await;
    assert_eq!(response.diagnostics, []);
    assert_eq!(response.deferred.unwrap().reason(), tf::deferred::Reason::ProviderConfigUnknown);
    let response = planned(Value::Null, toy(json!({"name": "teddy"})), true).await;
    assert_eq!(response.deferred, None, "nothing is deferred without need");
}

#[tokio::test]
async fn a_panic_in_one_call_is_a_diagnostic_and_the_next_call_works() {
    let response = planned(Value::Null, toy(json!({"name": "unplannable"})), false).await;
    assert!(response.diagnostics[0].detail.contains("planning fell over"));
    let response = applied(&Value::Null, &toy(json!({"name": "broken", "size": 1}))).await;
    let [diagnostic] = &response.diagnostics[..] else { panic!("{response:?}") };
    assert!(diagnostic.detail.contains("ApplyResourceChange") && diagnostic.detail.contains("creating fell over"));
    assert_eq!(response.new_state, None, "nothing is saved of what nobody knows");
    assert_eq!(applied(&Value::Null, &toy(json!({"name": "teddy"}))).await.diagnostics, []);
}

#[tokio::test]
async fn a_create_answers_with_everything_known_and_the_identity() {
    let response = applied(&Value::Null, &toy(json!({"name": "teddy", "size": 1}))).await;
    assert_eq!(response.diagnostics, []);
    assert_eq!(unpacked(response.new_state), stored("teddy"));
    assert_eq!(name_of(response.new_identity).as_deref(), Some("teddy"));
    assert_eq!(response.private, b"kept");
}

#[tokio::test]
async fn a_failure_saves_what_exists_and_nothing_else() {
    let refused = applied(&Value::Null, &toy(json!({"name": "refused"}))).await;
    assert_eq!(summaries(&refused.diagnostics), ["Refused"]);
    assert!(refused.diagnostics[0].attribute.is_some());
    assert_eq!((refused.new_state, refused.new_identity), (null(), None));

    let halfway = applied(&Value::Null, &toy(json!({"name": "halfway", "size": 1}))).await;
    assert_eq!(summaries(&halfway.diagnostics), ["Halfway"]);
    assert_eq!(unpacked(halfway.new_state), stored("halfway"));

    let mut larger = stored("teddy");
    if let Value::Value(Known::Map(map)) = &mut larger {
        map.insert("size".to_owned(), value::number(2));
    }
    let update = applied(&stored("teddy"), &larger).await;
    assert_eq!(unpacked(update.new_state), stored("teddy"), "a failed update leaves the object as it was");
}

#[tokio::test]
async fn a_delete_answers_null_and_nothing_to_nothing_is_refused() {
    let deleted = applied(&stored("teddy"), &Value::Null).await;
    assert_eq!((deleted.diagnostics.len(), deleted.new_state, deleted.new_identity), (0, null(), None));
    assert_eq!(applied(&Value::Null, &Value::Null).await.diagnostics.len(), 1);
}

#[tokio::test]
async fn stop_provider_ends_a_wait_and_the_next_configuration_starts_afresh() {
    let server = std::sync::Arc::new(configured().await);
    let apply = |server: std::sync::Arc<Server>, name: &'static str| async move {
        let request = tf::apply_resource_change::Request {
            type_name: type_name(),
            prior_state: null(),
            planned_state: packed(&toy(json!({"name": name, "size": 1}))),
            ..Default::default()
        };
        ok(server.apply_resource_change(Request::new(request))).await
    };
    let slow = tokio::spawn(apply(server.clone(), "slow"));
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert!(!slow.is_finished());
    let stopped = ok(server.stop_provider(Request::new(tf::stop_provider::Request {}))).await;
    assert_eq!(stopped.error, "");
    let response = tokio::time::timeout(std::time::Duration::from_secs(5), slow).await.unwrap().unwrap();
    assert_eq!(summaries(&response.diagnostics), ["Interrupted"]);
    assert_eq!(unpacked(response.new_state), stored("slow"), "what was done is kept");
    assert_eq!(apply(server, "teddy").await.diagnostics, []);
}

async fn read(state: Value) -> tf::read_resource::Response {
    // No provider_meta: a module that has none sends none.
    let request = tf::read_resource::Request {
        type_name: type_name(),
        current_state: packed(&state),
        private: b"kept".to_vec(),
        ..Default::default()
    };
    ok(configured().await.read_resource(Request::new(request))).await
}

#[tokio::test]
async fn a_read_keeps_finds_or_loses_the_object() {
    let kept = read(stored("teddy")).await;
    assert_eq!(unpacked(kept.new_state), stored("teddy"));
    assert_eq!((name_of(kept.new_identity).as_deref(), kept.private), (Some("teddy"), b"kept".to_vec()));
    assert_eq!(summaries(&kept.diagnostics), ["Odd"]);
    assert_eq!(kept.diagnostics[0].severity(), tf::diagnostic::Severity::Warning);

    let gone = read(stored("gone")).await;
    assert_eq!((gone.new_state, gone.diagnostics.len()), (null(), 0));

    let unreadable = read(stored("unreadable")).await;
    assert_eq!(summaries(&unreadable.diagnostics), ["Unreadable"]);
    assert_eq!(unpacked(unreadable.new_state), stored("unreadable"));

    assert_eq!(read(Value::Null).await.new_state, null());
}

#[tokio::test]
async fn a_stored_state_is_conformed_to_the_schema() {
    let json = br#"{"name": "teddy", "size": 12345678901234567890123, "gone": {"a": [1]}, "secret": "old",
        "labels": ["b", "a", "b"]}"#;
    let request = tf::upgrade_resource_state::Request {
        type_name: type_name(),
        version: 0,
        raw_state: Some(tf::RawState { json: json.to_vec(), ..Default::default() }),
    };
    let response = ok(server().upgrade_resource_state(Request::new(request.clone()))).await;
    assert_eq!(response.diagnostics, []);
    let upgraded = unpacked(response.upgraded_state);
    let Value::Value(Known::Number(size)) = value::attribute(&upgraded, "size") else { panic!("{upgraded:?}") };
    assert_eq!(size.as_str(), "12345678901234567890123");
    assert_eq!(
        value::attribute(&upgraded, "labels"),
        &value::attribute(&toy(json!({"labels": ["a", "b"]})), "labels").clone()
    );
    for name in ["secret", "id", "timeouts"] {
        assert_eq!(value::attribute(&upgraded, name), &Value::Null, "{name}");
    }
    let newer = tf::upgrade_resource_state::Request { version: 1, ..request };
    let response = ok(server().upgrade_resource_state(Request::new(newer))).await;
    assert!(summaries(&response.diagnostics).concat().contains("azwi_toy"), "{response:?}");
    assert!(response.upgraded_state.is_none());
}

#[tokio::test]
async fn an_identity_that_was_never_stored_is_msgpack_nil() {
    let upgrade = async |json: &[u8]| {
        let request = tf::upgrade_resource_identity::Request {
            type_name: type_name(),
            version: 0,
            raw_identity: Some(tf::RawState { json: json.to_vec(), ..Default::default() }),
        };
        let response = ok(server().upgrade_resource_identity(Request::new(request))).await;
        assert_eq!(response.diagnostics, []);
        response.upgraded_identity
    };
    let nil = tf::DynamicValue { msgpack: vec![0xc0], json: Vec::new() };
    assert_eq!(upgrade(b"").await, Some(tf::ResourceIdentityData { identity_data: Some(nil) }));
    assert_eq!(name_of(upgrade(br#"{"name": "teddy"}"#).await).as_deref(), Some("teddy"));
}

async fn import(
    id: &str,
    identity: Option<tf::ResourceIdentityData>,
    deferral_allowed: bool,
) -> tf::import_resource_state::Response {
    let request = tf::import_resource_state::Request {
        type_name: type_name(),
        id: id.to_owned(),
        identity,
        client_capabilities: Some(tf::ClientCapabilities { deferral_allowed, ..Default::default() }),
    };
    ok(configured().await.import_resource_state(Request::new(request))).await
}

#[tokio::test]
async fn an_import_works_by_id_and_by_identity() {
    for response in [import("/toys/teddy", None, false).await, import("", identity("teddy"), false).await] {
        assert_eq!(response.diagnostics, []);
        let [imported] = &response.imported_resources[..] else { panic!("{response:?}") };
        assert_eq!(imported.type_name, "azwi_toy");
        let state = unpacked(imported.state.clone());
        assert_eq!(value::attribute(&state, "id"), &value::string("/toys/teddy"));
        assert!(value::is_wholly_known(&state));
        assert_eq!(name_of(imported.identity.clone()).as_deref(), Some("teddy"));
    }
    for (id, part) in [("/toys/gone", "azwi_toy"), ("teddy", "Malformed id")] {
        let response = import(id, None, false).await;
        let [summary] = summaries(&response.diagnostics)[..] else { panic!("{response:?}") };
        assert!(summary.contains(part) && response.imported_resources.is_empty(), "{response:?}");
    }
    assert!(import("/toys/unconfigured", None, true).await.deferred.is_some());
    assert_eq!(import("/toys/unconfigured", None, false).await.diagnostics.len(), 1);
}

#[tokio::test]
async fn a_move_is_refused_with_both_names() {
    let request = tf::move_resource_state::Request {
        source_provider_address: "registry.terraform.io/hashicorp/null".to_owned(),
        source_type_name: "null_resource".to_owned(),
        target_type_name: type_name(),
        ..Default::default()
    };
    let response = ok(server().move_resource_state(Request::new(request))).await;
    let [summary] = summaries(&response.diagnostics)[..] else { panic!("{response:?}") };
    assert!(summary.contains("null_resource") && summary.contains("azwi_toy"), "{summary}");
    assert!(response.diagnostics[0].detail.contains("registry.terraform.io/hashicorp/null"));
}

#[tokio::test]
async fn a_generated_configuration_says_only_what_a_person_may_and_need_say() {
    let request = tf::generate_resource_config::Request { type_name: type_name(), state: packed(&stored("teddy")) };
    let response = ok(server().generate_resource_config(Request::new(request))).await;
    assert_eq!(response.diagnostics, []);
    let config = unpacked(response.config);
    // Not the id, which is computed; not the default size; and of the two ways to say the audience, one.
    assert_eq!(config, toy(json!({"name": "teddy", "audience": "api"})));
    assert!(AnyResource::check(&Toy, &config, true).is_empty());
}

#[tokio::test]
async fn a_configuration_is_checked_against_what_the_client_can_do() {
    let validate = async |config: Value, write_only_attributes_allowed: bool| {
        let request = tf::validate_resource_config::Request {
            type_name: type_name(),
            config: packed(&config),
            client_capabilities: Some(tf::ClientCapabilities { write_only_attributes_allowed, ..Default::default() }),
        };
        ok(server().validate_resource_config(Request::new(request))).await.diagnostics
    };
    let secret = || toy(json!({"name": "teddy", "secret": "s"}));
    assert_eq!(validate(secret(), true).await, []);
    assert_eq!(attributes(&validate(secret(), false).await), ["secret"]);
    let read_only = validate(toy(json!({"name": "teddy", "id": "mine"})), true).await;
    assert_eq!(attributes(&read_only), ["id"]);
    let Value::Value(Known::Map(mut open)) = toy(json!({})) else { panic!() };
    open.insert("name".to_owned(), Value::Unknown);
    assert_eq!(validate(Value::Value(Known::Map(open)), true).await, []);
}

#[tokio::test]
async fn a_value_that_does_not_fit_the_schema_is_named() {
    let msgpack = b"\x81\xa4name\xa1x".to_vec();
    let config = Some(tf::DynamicValue { msgpack, json: Vec::new() });
    let request = tf::validate_resource_config::Request { type_name: type_name(), config, client_capabilities: None };
    let response = ok(server().validate_resource_config(Request::new(request))).await;
    let [summary] = summaries(&response.diagnostics)[..] else { panic!("{response:?}") };
    assert!(summary.contains("azwi_toy"), "{summary}");
}

fn data_type() -> value::Type {
    AnyDataSource::describe(&ToyOfOthers).value_type()
}

async fn looked_up(config: Json, deferral_allowed: bool) -> tf::read_data_source::Response {
    let config = value::from_json(&config, &data_type()).unwrap();
    let request = tf::read_data_source::Request {
        type_name: type_name(),
        config: to_proto::value(&config, &data_type()).unwrap(),
        client_capabilities: Some(tf::ClientCapabilities { deferral_allowed, ..Default::default() }),
        ..Default::default()
    };
    ok(configured().await.read_data_source(Request::new(request))).await
}

fn data(response: &tf::read_data_source::Response) -> Value {
    from_proto::value(response.state.clone(), &data_type(), "the answer").unwrap()
}

#[tokio::test]
async fn a_data_source_is_validated_and_looked_up_with_what_it_warns_of() {
    let response = looked_up(json!({"name": "teddy", "timeouts": {"read": "1m"}}), false).await;
    assert_eq!(summaries(&response.diagnostics), ["Odd"]);
    let found = data(&response);
    assert_eq!(value::as_str(value::attribute(&found, "id")), Some("/toys/teddy"));
    assert_eq!(value::as_str(value::attribute(value::attribute(&found, "timeouts"), "read")), Some("1m"));

    let config =
        json!({"name": "teddy", "id": "mine", "audience": "a", "audience_id": "b", "timeouts": {"read": "soon"}});
    let config = to_proto::value(&value::from_json(&config, &data_type()).unwrap(), &data_type()).unwrap();
    let request = tf::validate_data_resource_config::Request { type_name: type_name(), config };
    let response = ok(server().validate_data_resource_config(Request::new(request))).await;
    assert_eq!(attributes(&response.diagnostics), ["id", "timeouts.read", "audience_id"]);
}

#[tokio::test]
async fn what_a_data_source_does_not_find_is_an_error_and_so_is_a_panic() {
    let defect = crate::error::Error::defect("").summary;
    for (name, summary) in [("gone", "Toy missing"), ("broken", defect.as_str())] {
        let response = looked_up(json!({"name": name}), true).await;
        assert_eq!((summaries(&response.diagnostics), response.deferred), (vec![summary], None));
    }
}

#[tokio::test]
async fn a_data_source_waits_for_the_providers_configuration_only_where_that_is_possible() {
    let response = looked_up(json!({"name": "unconfigured"}), false).await;
    assert_eq!((summaries(&response.diagnostics), response.deferred), (vec!["Not yet"], None));
    let response = looked_up(json!({"name": "unconfigured", "size": 3}), true).await;
    assert_eq!(response.diagnostics, []);
    let found = data(&response);
    assert_eq!(
        (value::attribute(&found, "id"), value::attribute(&found, "size")),
        (&Value::Unknown, &value::number(3))
    );
    assert_eq!(response.deferred.unwrap().reason(), tf::deferred::Reason::ProviderConfigUnknown);
    // Terraform allows deferrals in apply, too, where a cluster that is gone must not become a new one.
    let response = looked_up(json!({"name": "missing"}), true).await;
    assert_eq!((summaries(&response.diagnostics), response.deferred), (vec!["No cluster"], None));
}
