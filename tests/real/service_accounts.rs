//! What the provider's client does to service accounts where only a real server knows better: races, rights, namespaces that end,
//! and what it refuses. The rest is in `tests/kubernetes/`, which `make test-real` runs against this server too.

use std::{collections::BTreeSet, time::Duration};

use azwi::{
    kubernetes::{
        Client, Fields, Key, Kind, ServiceAccount,
        ownership::{Join, Unfinished, Update},
    },
    wait::Wait,
};
use serde_json::{Value, json};

use crate::{
    http::{Answer, Http},
    server::{ADMIN, DEV, Server, User},
};

const CLIENT_ID: &str = "azure.workload.identity/client-id";
const TENANT_ID: &str = "azure.workload.identity/tenant-id";

/// A namespace of a test's own, the provider's client, and the view from outside.
struct World {
    server: &'static Server,
    namespace: String,
    azwi: Client,
    outside: Http,
}

impl World {
    async fn new(prefix: &str) -> Self {
        let server = Server::shared().await;
        let namespace = server.namespace(prefix).await;
        Self { server, namespace, azwi: server.client(ADMIN), outside: server.http(ADMIN) }
    }

    fn path(&self, name: &str) -> String {
        format!("/api/v1/namespaces/{}/serviceaccounts/{name}", self.namespace)
    }

    async fn live(&self, name: &str) -> Value {
        let answer = self.outside.get(&self.path(name)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    /// Makes an account as somebody else, by POST.
    async fn posted(&self, name: &str, manager: &str, mut body: Value) -> Value {
        body["metadata"]["name"] = name.into();
        let answer = self.outside.post(&self.path(&format!("?fieldManager={manager}")).replace("/?", "?"), &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.body
    }

    async fn merge(&self, name: &str, manager: &str, body: &Value) -> Answer {
        let answer =
            self.outside.patch(&format!("{}?fieldManager={manager}", self.path(name)), "merge-patch+json", body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    async fn try_create(&self, name: &str, wanted: &Fields, manager: &str) -> Result<ServiceAccount, Unfinished> {
        self.azwi.create_service_account(&self.namespace, name, wanted, manager, &wait()).await
    }

    async fn create(&self, name: &str, wanted: &Fields) -> ServiceAccount {
        self.try_create(name, wanted, "azwi").await.unwrap()
    }

    async fn update(&self, held: &ServiceAccount, from: &Fields, to: &Fields) -> Result<ServiceAccount, Kind> {
        let update = Update { uid: Some(&held.uid), ..change(from, to) };
        let done = self.azwi.update_service_account(&self.namespace, &held.name, update, &wait()).await;
        done.map_err(|error| error.kind)
    }
}

fn wait() -> Wait {
    Wait::at_most(Duration::from_secs(60))
}

fn change<'a>(held: &'a Fields, wanted: &'a Fields) -> Update<'a> {
    static NOTHING: BTreeSet<Key> = BTreeSet::new();
    Update {
        uid: None,
        manager_before: "azwi",
        manager: "azwi",
        held,
        wanted,
        take_over: &NOTHING,
        force_conflicts: false,
    }
}

fn join(wanted: &Fields) -> Join<'_> {
    Join { manager: "azwi", wanted, force: false, shared_manager: false, take_over: false }
}

fn annotations(pairs: &[(&str, &str)]) -> Fields {
    let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Fields { annotations: pairs.collect(), ..Fields::default() }
}

fn annotation(name: &str) -> Key {
    Key::Annotation(name.to_owned())
}

/// Manager, operation and fields of every entry.
fn managers(live: &Value) -> Vec<(String, String, Value)> {
    let entries = live["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let text = |entry: &Value, field: &str| entry[field].as_str().unwrap().to_owned();
    entries.iter().map(|entry| (text(entry, "manager"), text(entry, "operation"), entry["fieldsV1"].clone())).collect()
}

#[tokio::test]
async fn an_account_that_we_made_is_owned_by_our_apply_entry_alone_and_every_key_of_it_can_go() {
    let world = World::new("create").await;
    let mut full = annotations(&[(CLIENT_ID, "1"), (TENANT_ID, "2"), ("empty", "")]);
    full.labels = [("team".to_owned(), "blue".to_owned())].into();
    full.automount = Some(false);
    full.image_pull_secrets = Some(["b".to_owned(), "a".to_owned()].into());
    let made = world.create("web", &full).await;
    assert_eq!(made.fields, full);

    let live = world.live("web").await;
    let owned = managers(&live);
    assert_eq!(
        owned,
        [(
            "azwi".to_owned(),
            "Apply".to_owned(),
            json!({
                "f:automountServiceAccountToken": {}, "f:imagePullSecrets": {},
                "f:metadata": {"f:annotations": {format!("f:{CLIENT_ID}"): {}, format!("f:{TENANT_ID}"): {}, "f:empty": {}},
                               "f:labels": {"f:team": {}}},
            })
        )],
    );
    let bare = world.update(&made, &full, &Fields::default()).await.unwrap();
    assert_eq!(bare.fields, Fields::default(), "what a POST wrote could not go, had we not taken it over");
    assert_eq!(bare.uid, made.uid);
}

#[tokio::test]
async fn of_many_creates_at_once_one_wins_and_nothing_of_the_others_is_left() {
    let world = World::new("race").await;
    let tried = futures::future::join_all((0..8).map(|n| {
        let world = &world;
        async move {
            let wanted = annotations(&[(&format!("key-{n}"), "1")]);
            world.azwi.create_service_account(&world.namespace, "web", &wanted, "azwi", &wait()).await
        }
    }))
    .await;
    let (won, lost): (Vec<_>, Vec<_>) = tried.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    assert!(lost.into_iter().all(|lost| lost.unwrap_err().error.kind == Kind::AlreadyExists));
    assert_eq!(world.live("web").await["metadata"]["annotations"].as_object().map(serde_json::Map::len), Some(1));
}

#[tokio::test]
async fn a_missing_namespace_and_one_that_is_ending_are_told_apart() {
    let world = World::new("ending").await;
    let wanted = annotations(&[("a", "1")]);
    let create = async |namespace: &str| {
        let refused = world.azwi.create_service_account(namespace, "web", &wanted, "azwi", &wait()).await.unwrap_err();
        assert_eq!(refused.made, None);
        refused.error
    };
    let missing = create("no-such-namespace").await;
    assert_eq!(missing.kind, Kind::NamespaceNotFound);
    assert!(missing.to_string().contains("Create namespace \"no-such-namespace\" first"), "{missing}");
    assert_eq!(world.azwi.namespace_exists("no-such-namespace", &wait()).await, Some(false));

    let kept = world.create("kept", &wanted).await;
    world.outside.delete(&format!("/api/v1/namespaces/{}", world.namespace)).await;
    let ending = create(&world.namespace).await;
    assert_eq!(ending.kind, Kind::NamespaceTerminating, "{ending}");
    // What is in it can still be changed and deleted, which is what a destroy meets.
    let changed = world.update(&kept, &wanted, &annotations(&[("a", "2")])).await.unwrap();
    world.azwi.delete_service_account(&world.namespace, "kept", &changed.uid, &wait()).await.unwrap();
}

#[tokio::test]
async fn a_join_does_not_take_a_value_of_somebody_elses_without_consent() {
    let world = World::new("consent").await;
    world.posted("web", "helm", json!({"metadata": {"annotations": {CLIENT_ID: "theirs"}}})).await;
    let path = format!("{}?fieldManager=argocd", world.path("web"));
    let body = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "web", "annotations": {TENANT_ID: "theirs"}}, "imagePullSecrets": [{"name": "a"}]});
    assert_eq!(world.outside.patch(&path, "apply-patch+yaml", &body).await.status, 200);

    let mut wanted = annotations(&[(CLIENT_ID, "ours"), (TENANT_ID, "ours")]);
    wanted.image_pull_secrets = Some(["b".to_owned()].into());
    let live = world.azwi.service_account(&world.namespace, "web", &wait()).await.unwrap().unwrap();
    let refused = world.azwi.join_service_account(live.clone(), join(&wanted), &wait()).await.unwrap_err();
    assert_eq!(refused.kind, Kind::Conflict);
    let named: BTreeSet<(String, Key)> =
        refused.causes.iter().map(|cause| (cause.manager.clone(), cause.key.clone())).collect();
    assert_eq!(
        named,
        [
            ("\"argocd\"".to_owned(), annotation(TENANT_ID)),
            ("\"argocd\"".to_owned(), Key::ImagePullSecrets),
            ("\"helm\" using v1".to_owned(), annotation(CLIENT_ID)),
        ]
        .into()
    );
    let forced = Join { force: true, ..join(&wanted) };
    let joined = world.azwi.join_service_account(live, forced, &wait()).await.unwrap();
    assert_eq!(joined.fields, wanted);
    for key in wanted.keys() {
        assert!(joined.managers.owners(&key, "azwi").is_empty(), "force takes {key}, it does not share it");
    }
}

#[tokio::test]
async fn a_write_in_between_is_seen_and_survived() {
    let world = World::new("between").await;
    let one = annotations(&[("a", "1")]);
    let made = world.create("web", &one).await;
    // Eight writers of other keys, and we among them: every apply is pinned to a version that may have passed.
    let others = futures::future::join_all((0..8).map(|n| {
        let world = &world;
        async move {
            let body = json!({"metadata": {"annotations": {format!("other-{n}"): "1"}}});
            world.merge("web", &format!("other-{n}"), &body).await
        }
    }));
    let wanted = annotations(&[("a", "2")]);
    let (updated, _) = tokio::join!(world.update(&made, &one, &wanted), others);
    assert_eq!(updated.unwrap().fields.annotations.get("a").map(String::as_str), Some("2"));
    assert_eq!(world.live("web").await["metadata"]["annotations"].as_object().map(serde_json::Map::len), Some(9));
}

#[tokio::test]
async fn an_equal_apply_writes_nothing() {
    let world = World::new("equal").await;
    let one = annotations(&[("a", "1")]);
    let made = world.create("web", &one).await;
    let again = world.update(&made, &one, &one).await.unwrap();
    assert_eq!(again.resource_version, made.resource_version);
}

#[tokio::test]
async fn pull_secrets_can_be_emptied_and_left_alone() {
    let world = World::new("secrets").await;
    let none = Fields { image_pull_secrets: Some(BTreeSet::new()), ..annotations(&[("a", "1")]) };
    let some = Fields { image_pull_secrets: Some(["s".to_owned()].into()), ..none.clone() };
    let made = world.create("web", &none).await;
    let filled = world.update(&made, &none, &some).await.unwrap();
    assert_eq!(filled.fields, some);
    let emptied = world.update(&made, &some, &none).await.unwrap();
    assert_eq!(emptied.fields, annotations(&[("a", "1")]), "the server keeps no empty list");
}

#[tokio::test]
async fn a_deletion_that_a_finalizer_holds_ends_with_its_name_and_a_create_waits_for_it() {
    let world = World::new("held").await;
    let wanted = annotations(&[("a", "1")]);
    let made = world.create("web", &wanted).await;
    world.merge("web", "holder", &json!({"metadata": {"finalizers": ["example.org/hold"]}})).await;
    let short = Wait::at_most(Duration::from_secs(2));
    let held = world.azwi.delete_service_account(&world.namespace, "web", &made.uid, &short).await.unwrap_err();
    assert_eq!(held.kind, Kind::TimedOut);
    assert!(held.message.contains("example.org/hold"), "{held}");

    let let_go = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        world.merge("web", "holder", &json!({"metadata": {"finalizers": null}})).await
    };
    let (again, _) = tokio::join!(world.create("web", &wanted), let_go);
    assert_ne!(again.uid, made.uid);
    world.azwi.delete_service_account(&world.namespace, "web", &again.uid, &wait()).await.unwrap();
    world.azwi.delete_service_account(&world.namespace, "web", &again.uid, &wait()).await.unwrap();
}

#[tokio::test]
async fn what_the_server_refuses_is_told_in_its_words() {
    let world = World::new("invalid").await;
    let create = async |name: &str, fields: &Fields, manager: &str| {
        let refused = world.azwi.create_service_account(&world.namespace, name, fields, manager, &wait()).await;
        refused.unwrap_err().error
    };
    for (name, fields, manager, told) in [
        ("Upper", annotations(&[]), "azwi", "metadata.name"),
        ("web", annotations(&[("not a key", "1")]), "azwi", "metadata.annotations"),
        ("web", annotations(&[("big", &"x".repeat(262_145))]), "azwi", "Too long"),
        ("web", annotations(&[("a", "1")]), "line\nbreak", "fieldManager"),
    ] {
        let error = create(name, &fields, manager).await;
        assert_eq!(error.kind, Kind::Invalid, "{error}");
        assert!(error.message.contains(told), "{error}");
    }
    // The longest name that a field manager may have serves for the POST too, whose manager's name is derived from it.
    let made = world.try_create("web", &annotations(&[("a", "1")]), &"m".repeat(128)).await;
    assert_eq!(made.unwrap().managers.entries().len(), 1);
}

/// Grants `dev` verbs on resources of the core group in the world's namespace.
async fn grant(world: &World, rules: &[(&str, &[&str])]) {
    let rules: Vec<Value> = rules
        .iter()
        .map(|(resource, verbs)| json!({"apiGroups": [""], "resources": [resource], "verbs": verbs}))
        .collect();
    let group = "/apis/rbac.authorization.k8s.io/v1/namespaces";
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "azwi"}, "rules": rules});
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "azwi"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "azwi"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "dev"}],
    });
    for (resource, body) in [("roles", role), ("rolebindings", binding)] {
        let answer = world.outside.post(&format!("{group}/{}/{resource}", world.namespace), &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    // The authorizer learns of roles by watching them.
    let dev = world.server.http(DEV);
    let tries = async {
        while dev.get(&world.path("any")).await.status == 403 {
            tokio::time::sleep(Duration::from_millis(20)).await
        }
    };
    tokio::time::timeout(Duration::from_secs(10), tries).await.unwrap();
}

#[tokio::test]
async fn without_a_role_every_verb_is_refused_with_the_rule_to_grant() {
    let world = World::new("norole").await;
    let dev = world.server.client(DEV);
    let read = dev.service_account(&world.namespace, "web", &wait()).await.unwrap_err();
    assert_eq!(read.kind, Kind::Forbidden);
    let rule = format!(
        "Role in namespace \"{}\": apiGroups: [\"\"], resources: [\"serviceaccounts\"], verbs: [\"get\"]",
        world.namespace
    );
    assert!(read.to_string().contains(&rule), "{read}");
    assert_eq!(dev.namespace_exists(&world.namespace, &wait()).await, None, "not allowed to know is not absence");
    let token = dev.service_account_token(&world.namespace, "web", &[], 3600, &wait()).await.unwrap_err();
    assert_eq!(token.kind, Kind::Forbidden);
    assert!(token.to_string().contains("resources: [\"serviceaccounts/token\"], verbs: [\"create\"]"), "{token}");
}

#[tokio::test]
async fn four_verbs_are_enough_for_an_account_of_our_own() {
    let world = World::new("own").await;
    grant(&world, &[("serviceaccounts", &["create", "delete", "get", "patch"])]).await;
    let dev = world.server.client(DEV);
    let (one, two) = (annotations(&[("a", "1")]), annotations(&[("b", "1")]));
    let made = dev.create_service_account(&world.namespace, "web", &one, "azwi", &wait()).await.unwrap();
    let update = Update { uid: Some(&made.uid), ..change(&one, &two) };
    let updated = dev.update_service_account(&world.namespace, "web", update, &wait()).await.unwrap();
    assert_eq!(updated.fields, two);
    dev.delete_service_account(&world.namespace, "web", &made.uid, &wait()).await.unwrap();
}

#[tokio::test]
async fn two_verbs_are_enough_for_annotations_on_somebody_elses_account() {
    let world = World::new("theirs").await;
    world.posted("web", "helm", json!({})).await;
    grant(&world, &[("serviceaccounts", &["get", "patch"])]).await;
    let dev = world.server.client(DEV);
    let one = annotations(&[("a", "1")]);
    let live = dev.service_account(&world.namespace, "web", &wait()).await.unwrap().unwrap();
    dev.join_service_account(live, join(&one), &wait()).await.unwrap();
    dev.release_service_account(&world.namespace, "web", "azwi", &one, &wait()).await.unwrap();
    let refused = dev.create_service_account(&world.namespace, "new", &one, "azwi", &wait()).await.unwrap_err().error;
    assert_eq!(refused.kind, Kind::Forbidden);
    assert!(refused.to_string().contains("verbs: [\"create\"]"), "{refused}");
}

#[tokio::test]
async fn a_wrong_token_and_no_token_are_told_apart() {
    let world = World::new("signin").await;
    let read = async |token: Option<&'static str>| {
        world
            .server
            .client(User { token, ..ADMIN })
            .service_account(&world.namespace, "web", &wait())
            .await
            .unwrap_err()
    };
    let wrong = read(Some("wrong")).await;
    assert_eq!(wrong.kind, Kind::Unauthorized);
    assert!(wrong.to_string().contains("`token` (KUBE_TOKEN)"), "{wrong}");
    let anonymous = read(None).await;
    assert_eq!(anonymous.kind, Kind::Forbidden);
    assert!(anonymous.to_string().contains("anonymous"), "{anonymous}");
}
