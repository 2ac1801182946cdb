//! `azwi_service_account` as Terraform drives it: plan, apply, refresh, plan again, with what core demands of the answers.

use azwi::error::Error;
use azwi::ledger::Instance;
use azwi::provider::Provider;
use azwi::resource::{AnyResource, Import};
use azwi::value::{self, Known, Value, to_json};
use serde_json::{Value as Json, json};

use crate::cluster::{Cluster, managers};

const CLIENT: &str = "11111111-1111-1111-1111-111111111111";
const OTHER: &str = "22222222-2222-2222-2222-222222222222";
const CLIENT_ID: &str = "azure.workload.identity/client-id";

/// One resource in one state.
struct Terraform {
    provider: Provider,
    cluster: Cluster,
    state: Value,
}

impl Terraform {
    async fn new() -> Self {
        Self::of(&Cluster::new().await)
    }

    fn of(cluster: &Cluster) -> Self {
        let provider = Provider::default();
        let config = json!({"kubernetes": {"config_path": cluster.kubeconfig.display().to_string()}});
        let config = value::from_json(&config, &Provider::schema().value_type()).unwrap();
        let report = provider.configure(&config, &|_| None);
        assert!(report.errors.is_empty(), "{:?}", report.errors);
        Self { provider, cluster: cluster.clone(), state: Value::Null }
    }

    fn resource() -> &'static dyn AnyResource {
        *azwi::resources::ALL.iter().find(|resource| resource.type_name() == "azwi_service_account").unwrap()
    }

    fn config(&self, attributes: Json) -> Value {
        let mut config = json!({"name": "web", "namespace": self.cluster.namespace});
        json_patch::merge(&mut config, &attributes);
        value::from_json(&config, &Self::resource().describe().value_type()).unwrap()
    }

    fn validate(&self, attributes: Json) -> Vec<String> {
        Self::resource().check(&self.config(attributes), true).iter().map(Error::to_string).collect()
    }

    async fn plan(&self, attributes: Json) -> Result<Value, Error> {
        let config = self.config(attributes);
        let errors = Self::resource().check(&config, true);
        assert!(errors.is_empty(), "{errors:?}");
        let (plan, report) =
            Self::resource().propose(&self.provider, Instance::default(), self.state.clone(), config).await;
        assert!(plan.replace.is_empty(), "{:?}", plan.replace);
        report.errors.into_iter().next().map_or(Ok(plan.planned), Err)
    }

    /// Plans and applies; afterwards a refresh and a second plan must find nothing to do.
    async fn apply(&mut self, attributes: Json) -> Result<Json, Error> {
        let planned = self.plan(attributes.clone()).await?;
        self.apply_planned(planned).await?;
        self.refresh().await;
        assert_eq!(self.plan(attributes).await?, self.state, "the second plan is not empty");
        Ok(to_json(&self.state))
    }

    async fn apply_planned(&mut self, planned: Value) -> Result<(), Error> {
        let outcome =
            Self::resource().apply(&self.provider, Instance::default(), self.state.clone(), planned.clone()).await;
        self.state = outcome.state;
        if let Some(error) = outcome.report.errors.into_iter().next() {
            return Err(error);
        }
        assert_same(&planned, &self.state);
        Ok(())
    }

    async fn refresh(&mut self) {
        let outcome = Self::resource().refresh(&self.provider, self.state.clone()).await;
        assert!(outcome.report.errors.is_empty(), "{:?}", outcome.report.errors);
        self.state = outcome.state;
    }

    async fn destroy(&mut self) -> Result<(), Error> {
        self.apply_planned(Value::Null).await
    }

    async fn import(&mut self) -> Result<Json, Error> {
        let id = format!("{}/web", self.cluster.namespace);
        let outcome = Self::resource().adopt(&self.provider, Import::Id(id)).await;
        self.state = outcome.state;
        outcome.report.errors.into_iter().next().map_or(Ok(to_json(&self.state)), Err)
    }

    async fn live(&self) -> Option<Json> {
        self.cluster.get("web").await
    }
}

/// What core calls an inconsistent result: a planned value that is known and became another.
fn assert_same(planned: &Value, state: &Value) {
    let Value::Value(Known::Map(planned)) = planned else { return assert_eq!(planned, state) };
    for (name, planned) in planned {
        if !planned.is_unknown() {
            assert_eq!(planned, value::attribute(state, name), "{name}");
        }
    }
}

#[tokio::test]
async fn a_service_account_is_created_changed_and_destroyed() {
    let mut terraform = Terraform::new().await;
    let planned = terraform.plan(json!({"client_id": CLIENT})).await.unwrap();
    let subject = format!("system:serviceaccount:{}:web", terraform.cluster.namespace);
    assert_eq!(value::as_str(value::attribute(&planned, "subject")), Some(subject.as_str()), "known at plan");
    let state = terraform
        .apply(json!({"client_id": CLIENT, "tenant_id": OTHER, "token_expiration_seconds": 7200, "labels": {"team": "a", "none": null},
            "annotations": {"k": "v"}, "automount_service_account_token": false, "image_pull_secrets": ["b", "a"]}))
        .await
        .unwrap();
    let live = terraform.live().await.unwrap();
    assert_eq!(live["metadata"]["uid"], state["uid"]);
    assert_eq!(
        live["metadata"]["annotations"],
        json!({CLIENT_ID: CLIENT, "azure.workload.identity/tenant-id": OTHER,
            "azure.workload.identity/service-account-token-expiration": "7200", "k": "v"})
    );
    assert_eq!(live["metadata"]["labels"], json!({"team": "a"}));
    assert_eq!(live["automountServiceAccountToken"], false);
    let state = terraform.apply(json!({"client_id": OTHER, "labels": {}})).await.unwrap();
    assert_eq!(state["automount_service_account_token"], false, "computed once it is not configured");
    let live = terraform.live().await.unwrap();
    assert_eq!(live["metadata"]["annotations"], json!({CLIENT_ID: OTHER}));
    assert!(live["metadata"].get("labels").is_none() && live.get("imagePullSecrets").is_none(), "{live}");
    assert_eq!(live["metadata"]["uid"], state["uid"], "in place");
    terraform.destroy().await.unwrap();
    assert_eq!(terraform.live().await, None);
}

#[tokio::test]
async fn drift_is_found_and_mended_and_foreign_keys_are_not_drift() {
    let mut terraform = Terraform::new().await;
    let config = json!({"client_id": CLIENT, "labels": {"team": "a", "foreign": null}});
    terraform.apply(config.clone()).await.unwrap();
    let patch = json!({"metadata": {"annotations": {CLIENT_ID: OTHER, "foreign": "x"}, "labels": {"team": null, "foreign": "y"}}});
    terraform.cluster.merge("kubectl-edit", "web", patch).await;
    terraform.refresh().await;
    let drifted = to_json(&terraform.state);
    assert_eq!(
        (&drifted["client_id"], &drifted["labels"], &drifted["annotations"]),
        (&json!(OTHER), &json!({}), &Json::Null)
    );
    terraform.apply(config).await.unwrap();
    let live = terraform.live().await.unwrap();
    assert_eq!(live["metadata"]["annotations"], json!({CLIENT_ID: CLIENT, "foreign": "x"}));
    assert_eq!(live["metadata"]["labels"], json!({"team": "a", "foreign": "y"}));
}

#[tokio::test]
async fn what_is_gone_or_replaced_behind_our_back_is_planned_again() {
    let mut terraform = Terraform::new().await;
    terraform.apply(json!({"client_id": CLIENT})).await.unwrap();
    terraform.cluster.delete("web").await;
    terraform.refresh().await;
    assert_eq!(terraform.state, Value::Null);
    terraform.apply(json!({"client_id": CLIENT})).await.unwrap();
    terraform.cluster.delete("web").await;
    terraform.cluster.post("helm", "web", json!({})).await;
    let before = terraform.state.clone();
    terraform.refresh().await;
    assert_eq!(terraform.state, Value::Null, "the other object is somebody else's");
    terraform.state = before;
    terraform.destroy().await.unwrap();
    assert!(terraform.live().await.is_some());
}

#[tokio::test]
async fn an_account_that_exists_comes_with_an_import_block_and_the_other_ways() {
    let mut terraform = Terraform::new().await;
    terraform.cluster.post("helm", "web", json!({"metadata": {"labels": {"theirs": "x"}}})).await;
    let before = terraform.live().await;
    let error = terraform.apply(json!({"client_id": CLIENT})).await.unwrap_err();
    let id = format!("id = \"{}/web\"", terraform.cluster.namespace);
    for part in ["import {", &id, "adopt_existing = true", "manage = \"annotations\""] {
        assert!(error.detail.contains(part), "{part} in {}", error.detail);
    }
    assert_eq!((terraform.live().await, &terraform.state), (before, &Value::Null));
    // As printed.
    let state = terraform.import().await.unwrap();
    assert_eq!((&state["manage"], &state["labels"]), (&json!("object"), &json!({"theirs": "x"})));
    terraform.apply(json!({"client_id": CLIENT, "labels": {}})).await.unwrap();
    let live = terraform.live().await.unwrap();
    assert!(live["metadata"].get("labels").is_none(), "an imported key can be removed: {live}");
}

#[tokio::test]
async fn an_import_is_followed_by_an_empty_plan() {
    let mut terraform = Terraform::new().await;
    let config = json!({"client_id": CLIENT, "labels": {"team": "a"}, "image_pull_secrets": ["s"]});
    terraform.apply(config.clone()).await.unwrap();
    let mut fresh = Terraform::of(&terraform.cluster);
    fresh.import().await.unwrap();
    assert_eq!(fresh.plan(config).await.unwrap(), fresh.state);
    let mut missing = Terraform::new().await;
    assert!(missing.import().await.unwrap_err().summary.contains("azwi_service_account"));
}

#[tokio::test]
async fn adopting_takes_the_account_and_destroys_it() {
    let mut terraform = Terraform::new().await;
    terraform
        .cluster
        .post("kubectl-create", "web", json!({"metadata": {"annotations": {CLIENT_ID: OTHER, "theirs": "x"}}}))
        .await;
    terraform.apply(json!({"client_id": CLIENT, "adopt_existing": true})).await.unwrap();
    let live = terraform.live().await.unwrap();
    assert_eq!(live["metadata"]["annotations"], json!({CLIENT_ID: CLIENT, "theirs": "x"}));
    terraform.destroy().await.unwrap();
    assert_eq!(terraform.live().await, None);
    terraform.apply(json!({"adopt_existing": true})).await.unwrap();
    assert!(terraform.live().await.is_some(), "there was nothing to adopt");
}

#[tokio::test]
async fn annotations_mode_adds_to_somebody_elses_account_and_takes_only_its_own_away() {
    let mut terraform = Terraform::new().await;
    let config = json!({"manage": "annotations", "client_id": CLIENT, "labels": {"team": "a"}});
    let error = terraform.apply(config.clone()).await.unwrap_err();
    assert_eq!(error.attribute.to_string(), "name", "{error}");
    assert!(error.summary.contains(&format!("{}/web", terraform.cluster.namespace)), "{error}");
    terraform.cluster.post("helm", "web", json!({"metadata": {"labels": {"chart": "x"}}})).await;
    let state = terraform.apply(config).await.unwrap();
    assert_eq!(state["automount_service_account_token"], Json::Null);
    terraform.apply(json!({"manage": "annotations", "client_id": OTHER})).await.unwrap();
    let live = terraform.live().await.unwrap();
    assert_eq!(
        (&live["metadata"]["labels"], &live["metadata"]["annotations"]),
        (&json!({"chart": "x"}), &json!({CLIENT_ID: OTHER}))
    );
    let mut imported = Terraform::of(&terraform.cluster);
    let found = imported.import().await.unwrap();
    assert_eq!(
        (&found["manage"], &found["labels"], &found["client_id"]),
        (&json!("annotations"), &Json::Null, &json!(OTHER))
    );
    terraform.destroy().await.unwrap();
    let live = terraform.live().await.unwrap();
    assert_eq!(live["metadata"]["labels"], json!({"chart": "x"}));
    assert_eq!((live["metadata"].get("annotations"), managers(&live)), (None, vec!["helm/Update".to_owned()]));
}

#[tokio::test]
async fn an_account_that_is_being_deleted_is_not_annotated() {
    let mut terraform = Terraform::new().await;
    terraform.cluster.post("helm", "web", json!({"metadata": {"finalizers": ["example.org/hold"]}})).await;
    terraform.cluster.delete("web").await;
    let error = terraform.apply(json!({"manage": "annotations", "client_id": CLIENT})).await.unwrap_err();
    assert!(error.summary.contains("being deleted"), "{error}");
    terraform.cluster.merge("helm", "web", json!({"metadata": {"finalizers": null}})).await;
}

#[tokio::test]
async fn a_namespace_that_does_not_exist_is_named_in_both_modes() {
    let mut terraform = Terraform::new().await;
    for manage in ["object", "annotations"] {
        let config = json!({"namespace": "nope", "manage": manage, "client_id": CLIENT});
        let error = terraform.apply(config).await.unwrap_err();
        assert!(error.to_string().contains("\"nope\""), "{error}");
        assert_eq!(error.attribute, tf_provider::AttributePath::new("namespace"));
    }
}

#[tokio::test]
async fn an_account_that_was_rebuilt_by_its_owner_is_annotated_again() {
    let mut terraform = Terraform::new().await;
    let config = json!({"manage": "annotations", "client_id": CLIENT});
    terraform.cluster.post("helm", "web", json!({})).await;
    let uid = terraform.apply(config.clone()).await.unwrap()["uid"].clone();
    terraform.cluster.delete("web").await;
    terraform.cluster.post("helm", "web", json!({})).await;
    terraform.refresh().await;
    let found = to_json(&terraform.state);
    assert_eq!(found["client_id"], Json::Null, "drift");
    assert_ne!(found["uid"], uid);
    terraform.apply(config).await.unwrap();
}

#[tokio::test]
async fn a_conflict_names_manager_and_key_and_consent_overwrites() {
    let mut terraform = Terraform::new().await;
    terraform.cluster.apply("argocd", "web", json!({"metadata": {"annotations": {CLIENT_ID: OTHER}}})).await;
    let config = json!({"manage": "annotations", "client_id": CLIENT});
    let error = terraform.apply(config).await.unwrap_err();
    for part in ["\"argocd\"", CLIENT_ID, "force_conflicts = true"] {
        assert!(error.detail.contains(part), "{part} in {}", error.detail);
    }
    terraform.apply(json!({"manage": "annotations", "client_id": CLIENT, "force_conflicts": true})).await.unwrap();
    assert_eq!(terraform.live().await.unwrap()["metadata"]["annotations"][CLIENT_ID], CLIENT);
}

#[tokio::test]
async fn two_resources_on_one_account_need_two_field_managers() {
    let mut first = Terraform::new().await;
    first.cluster.post("helm", "web", json!({})).await;
    first.apply(json!({"manage": "annotations", "client_id": CLIENT})).await.unwrap();
    let mut second = Terraform::of(&first.cluster);
    let error = second.apply(json!({"manage": "annotations", "labels": {"team": "a"}})).await.unwrap_err();
    assert!(error.summary.contains("\"azwi\"") && error.detail.contains("field_manager"), "{error}");
    second
        .apply(json!({"manage": "annotations", "labels": {"team": "a"}, "field_manager": "azwi-team"}))
        .await
        .unwrap();
    second.destroy().await.unwrap();
    assert_eq!(first.live().await.unwrap()["metadata"]["annotations"][CLIENT_ID], CLIENT);
}

#[tokio::test]
async fn ownership_is_given_up_in_place_and_taken_back_with_consent_only() {
    let mut terraform = Terraform::new().await;
    terraform
        .apply(json!({"client_id": CLIENT, "labels": {"team": "a"}, "automount_service_account_token": true}))
        .await
        .unwrap();
    let state = terraform.apply(json!({"client_id": CLIENT, "manage": "annotations"})).await.unwrap();
    assert_eq!(state["automount_service_account_token"], Json::Null);
    assert!(terraform.live().await.unwrap()["metadata"].get("labels").is_none());
    let error = terraform.plan(json!({"client_id": CLIENT})).await.unwrap_err();
    assert!(error.detail.contains("adopt_existing = true"), "{error}");
    terraform.apply(json!({"client_id": CLIENT, "adopt_existing": true, "labels": {"team": "b"}})).await.unwrap();
    terraform.destroy().await.unwrap();
    assert_eq!(terraform.live().await, None);
}

#[tokio::test]
async fn giving_up_ownership_leaves_what_others_set() {
    let mut terraform = Terraform::new().await;
    terraform
        .cluster
        .post("Terraform", "web", json!({"metadata": {"labels": {"theirs": "x"}, "annotations": {CLIENT_ID: CLIENT}}}))
        .await;
    terraform.import().await.unwrap();
    terraform.apply(json!({"client_id": CLIENT, "manage": "annotations"})).await.unwrap();
    assert_eq!(terraform.live().await.unwrap()["metadata"]["labels"], json!({"theirs": "x"}));
    terraform.destroy().await.unwrap();
    let live = terraform.live().await.unwrap();
    assert_eq!((&live["metadata"]["labels"], live["metadata"].get("annotations")), (&json!({"theirs": "x"}), None));
}

#[tokio::test]
async fn a_foreign_automount_is_shown_and_not_claimed() {
    let mut terraform = Terraform::new().await;
    terraform.apply(json!({"client_id": CLIENT})).await.unwrap();
    terraform.cluster.apply("argocd", "web", json!({"automountServiceAccountToken": false})).await;
    terraform.refresh().await;
    assert_eq!(to_json(&terraform.state)["automount_service_account_token"], false);
    terraform.apply(json!({"client_id": OTHER})).await.unwrap();
    let live = terraform.live().await.unwrap();
    let ours =
        live["metadata"]["managedFields"].as_array().unwrap().iter().find(|entry| entry["manager"] == "azwi").unwrap();
    assert_eq!(ours["fieldsV1"].get("f:automountServiceAccountToken"), None, "{live}");
}

#[tokio::test]
async fn what_changed_after_the_plan_is_planned_again() {
    let mut terraform = Terraform::new().await;
    terraform.apply(json!({"client_id": CLIENT})).await.unwrap();
    let planned = terraform.plan(json!({"client_id": OTHER})).await.unwrap();
    let third = json!({"metadata": {"annotations": {CLIENT_ID: "third"}}});
    terraform.cluster.merge("kubectl-annotate", "web", third).await;
    let before = terraform.state.clone();
    let error = terraform.apply_planned(planned).await.unwrap_err();
    for part in [CLIENT, "third", "kubectl-annotate", "Plan again"] {
        assert!(error.detail.contains(part), "{part} in {}", error.detail);
    }
    assert_eq!(terraform.state, before);
}

#[tokio::test]
async fn bad_configuration_is_refused_on_the_attribute_before_any_request() {
    let terraform = Terraform::new().await;
    for (attributes, part) in [
        (json!({"name": "Web"}), "Invalid name"),
        (json!({"namespace": "App"}), "Invalid namespace"),
        (json!({"client_id": "web"}), "Invalid client_id"),
        (json!({"token_expiration_seconds": 60}), "from 3600 to 86400"),
        (json!({"token_expiration_seconds": 86401}), "from 3600 to 86400"),
        (json!({"labels": {"a b": "x"}}), "Invalid labels"),
        (json!({"labels": {"a": "x y"}}), "Invalid labels"),
        (json!({"annotations": {CLIENT_ID: CLIENT}}), "`client_id`"),
        (json!({"annotations": {"a": "x".repeat(262_144)}}), "at most 262144 bytes"),
        (json!({"image_pull_secrets": ["A"]}), "Invalid image_pull_secrets"),
        (json!({"manage": "all"}), "`object` or `annotations`"),
        (json!({"manage": "annotations", "image_pull_secrets": ["a"]}), "image_pull_secrets"),
        (json!({"manage": "annotations", "automount_service_account_token": true}), "automount_service_account_token"),
        (json!({"field_manager": "m".repeat(129)}), "Invalid field_manager"),
    ] {
        let errors = terraform.validate(attributes.clone());
        assert!(errors.iter().any(|error| error.contains(part)), "{part} in {errors:?} of {attributes}");
    }
    assert_eq!(terraform.validate(json!({"token_expiration_seconds": 3600, "labels": {"a": null}})), [""; 0]);
}

#[tokio::test]
async fn without_a_cluster_the_error_says_what_to_set() {
    let mut terraform = Terraform::new().await;
    let config = value::from_json(&json!({}), &Provider::schema().value_type()).unwrap();
    terraform.provider.configure(&config, &|_| None);
    let error = terraform.apply(json!({"client_id": CLIENT})).await.unwrap_err();
    for part in ["KUBE_CONFIG_PATH", "KUBE_HOST", "in_cluster_config"] {
        assert!(error.detail.contains(part), "{part} in {}", error.detail);
    }
}
