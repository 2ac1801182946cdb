//! Pods as the workload identity webhook makes them, and deployments as the controllers fill them. What the webhook
//! must add and refuse was recorded from version 1.6.0 before a real API server.

use serde_json::{Value, json};

use super::tests::Server;

const ACCOUNTS: &str = "/api/v1/namespaces/app/serviceaccounts";
const PODS: &str = "/api/v1/namespaces/app/pods";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/app/deployments";
const TENANT: &str = "22222222-2222-2222-2222-222222222222";
/// The first thirty digits of the SHA-256 of "a".
const VOLUME_OF_A: &str = "azure-workload-identity-reserved-ca978112ca1bbdcafac231b39a23dc";

fn server() -> Server {
    let mut server = Server::start();
    server.cluster.set_webhook(&mut server.store, TENANT, "https://login.microsoftonline.com/");
    let accounts = [
        ("plain", json!({})),
        ("full", json!({"client-id": "1111", "tenant-id": "3333", "service-account-token-expiration": "7200"})),
        ("short", json!({"service-account-token-expiration": "60"})),
        ("odd", json!({"service-account-token-expiration": "abc"})),
        ("empty", json!({"client-id": ""})),
    ];
    for (name, annotations) in accounts {
        let annotations = prefixed(&annotations);
        let account = json!({"metadata": {"name": name, "annotations": annotations}});
        assert_eq!(server.ask("POST", ACCOUNTS, Some(account)).0, 201);
    }
    server
}

fn prefixed(map: &Value) -> Value {
    let pairs = map.as_object().unwrap().iter();
    pairs
        .map(|(key, value)| (format!("azure.workload.identity/{key}"), value.clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn pod(name: &str, account: &str, annotations: &Value, spec: &Value) -> Value {
    let mut pod = json!({
        "metadata": {"name": name, "labels": {"azure.workload.identity/use": "true"}, "annotations": prefixed(annotations)},
        "spec": {"serviceAccountName": account, "containers": [{"name": "app", "image": "nginx"}]},
    });
    for (key, value) in spec.as_object().unwrap() {
        pod["spec"][key] = value.clone();
    }
    pod
}

fn env(container: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let variables = container["env"].as_array().into_iter().flatten();
    variables.map(|variable| (text(&variable["name"]), text(&variable["value"]))).collect()
}

#[test]
fn a_labelled_pod_gets_environment_token_and_mount_in_all_its_containers() {
    let mut server = server();
    let spec = json!({"initContainers": [{"name": "init", "image": "busybox"}]});
    let (code, made) = server.ask("POST", PODS, Some(pod("a", "full", &json!({}), &spec)));
    assert_eq!(code, 201, "{made}");
    let projected = json!({"defaultMode": 420, "sources": [{"serviceAccountToken": {
        "audience": "api://AzureADTokenExchange", "expirationSeconds": 7200, "path": "token/azure-identity-token",
    }}]});
    assert_eq!(made["spec"]["volumes"][1], json!({"name": VOLUME_OF_A, "projected": projected}));
    for container in [&made["spec"]["containers"][0], &made["spec"]["initContainers"][0]] {
        let wanted = [
            ("AZURE_CLIENT_ID", "1111"),
            ("AZURE_TENANT_ID", "3333"),
            ("AZURE_FEDERATED_TOKEN_FILE", "/var/run/secrets/azure/wi/token/azure-identity-token"),
            ("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com/"),
        ];
        assert_eq!(env(container), wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let mount = json!({"name": VOLUME_OF_A, "readOnly": true, "mountPath": "/var/run/secrets/azure/wi"});
        assert_eq!(container["volumeMounts"][1], mount);
    }
}

#[test]
fn without_a_client_id_there_is_none_and_the_tenant_is_the_webhooks() {
    let mut server = server();
    for account in ["plain", "empty", "default"] {
        let (code, made) = server.ask("POST", PODS, Some(pod(account, account, &json!({}), &json!({}))));
        assert_eq!(code, 201, "{made}");
        let env = env(&made["spec"]["containers"][0]);
        assert_eq!(env[0], ("AZURE_TENANT_ID".to_owned(), TENANT.to_owned()), "{account}");
        let token = &made["spec"]["volumes"][1]["projected"]["sources"][0]["serviceAccountToken"];
        assert_eq!(token["expirationSeconds"], 3600);
    }
}

#[test]
fn a_pod_that_is_not_labelled_is_left_alone() {
    let mut server = server();
    let mut bare = pod("f", "full", &json!({}), &json!({}));
    bare["metadata"]["labels"]["azure.workload.identity/use"] = json!("false");
    let (_, made) = server.ask("POST", PODS, Some(bare));
    assert_eq!(made["spec"]["volumes"].as_array().unwrap().len(), 1);
    assert!(made["spec"]["containers"][0].get("env").is_none());
}

#[test]
fn skipped_containers_and_variables_that_are_set_are_kept_as_they_are() {
    let mut server = server();
    let own = json!([{"name": "AZURE_CLIENT_ID", "value": "mine"}]);
    let containers = json!({"containers": [
        {"name": "app", "image": "nginx"}, {"name": "sidecar", "image": "nginx"}, {"name": "third", "image": "nginx", "env": own},
    ]});
    let skip = json!({"skip-containers": "app; sidecar"});
    let (_, made) = server.ask("POST", PODS, Some(pod("l", "full", &skip, &containers)));
    let containers = &made["spec"]["containers"];
    assert_eq!((env(&containers[0]).len(), env(&containers[1]).len()), (0, 0));
    assert_eq!(env(&containers[2])[0], ("AZURE_CLIENT_ID".to_owned(), "mine".to_owned()));
    assert_eq!(env(&containers[2]).len(), 4);
}

#[test]
fn the_expiration_of_the_pod_wins_and_a_wrong_one_is_refused() {
    let mut server = server();
    let own = json!({"service-account-token-expiration": "4000"});
    let (_, made) = server.ask("POST", PODS, Some(pod("j", "short", &own, &json!({}))));
    let token = &made["spec"]["volumes"][1]["projected"]["sources"][0]["serviceAccountToken"];
    assert_eq!(token["expirationSeconds"], 4000);
    let refused = [
        ("short", json!({}), "token expiration 60 not valid. Expected value to be between 3600 and 86400"),
        ("odd", json!({}), "strconv.ParseInt: parsing \"abc\": invalid syntax"),
        (
            "full",
            json!({"inject-proxy-sidecar": "true", "proxy-sidecar-port": "x"}),
            "failed to parse proxy sidecar port: strconv.ParseInt: parsing \"x\": invalid syntax",
        ),
    ];
    for (account, annotations, why) in refused {
        let (code, status) = server.ask("POST", PODS, Some(pod("h", account, &annotations, &json!({}))));
        let message = format!("admission webhook \"mutation.azure-workload-identity.io\" denied the request: {why}");
        let whole = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "code": 400,
        });
        assert_eq!((code, status), (400, whole));
    }
}

#[test]
fn the_proxy_is_injected_whatever_its_annotation_says_but_not_beside_the_hosts_network() {
    let mut server = server();
    let proxy = json!({"inject-proxy-sidecar": "false"});
    let (_, made) = server.ask("POST", PODS, Some(pod("o", "full", &proxy, &json!({}))));
    let names: Vec<_> = made["spec"]["initContainers"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["azwi-proxy", "azwi-proxy-init"]);
    let init = &made["spec"]["initContainers"][1];
    assert_eq!(env(init)[0], ("PROXY_PORT".to_owned(), "8000".to_owned()));
    let mounts: Vec<_> = init["volumeMounts"].as_array().unwrap().iter().map(|it| &it["mountPath"]).collect();
    assert_eq!(mounts, ["/var/run/secrets/azure/wi", "/var/run/secrets/kubernetes.io/serviceaccount"]);
    let (code, status) = server.ask("POST", PODS, Some(pod("p", "full", &proxy, &json!({"hostNetwork": true}))));
    assert_eq!(code, 400);
    assert!(status["message"].as_str().unwrap().ends_with("hostNetwork is set to true, cannot inject proxy sidecar"));
}

fn deployment(name: &str, account: &str, replicas: u32) -> Value {
    let labels = json!({"app": name, "azure.workload.identity/use": "true"});
    json!({
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": {
            "metadata": {"labels": labels},
            "spec": {"serviceAccountName": account, "containers": [{"name": "app", "image": "nginx"}]},
        }},
    })
}

fn pods(server: &mut Server) -> Vec<Value> {
    server.ask("GET", PODS, None).1["items"].as_array().unwrap().clone()
}

#[test]
fn a_deployment_has_its_pods_running_and_a_restart_injects_them_anew() {
    let mut server = server();
    assert_eq!(server.ask("POST", DEPLOYMENTS, Some(deployment("web", "plain", 2))).0, 201);
    let first = pods(&mut server);
    assert_eq!(first.len(), 2);
    assert!(first.iter().all(|pod| pod["status"]["phase"] == "Running"));
    let (_, now) = server.ask("GET", &format!("{DEPLOYMENTS}/web"), None);
    assert_eq!((&now["status"]["readyReplicas"], &now["status"]["observedGeneration"]), (&json!(2), &json!(1)));

    let account = json!({"metadata": {"name": "plain", "annotations": {"azure.workload.identity/client-id": "5555"}}});
    server.ask("PUT", &format!("{ACCOUNTS}/plain"), Some(account));
    assert_eq!(env(&pods(&mut server)[0]["spec"]["containers"][0]).len(), 3, "a pod that is there stays as it is");

    let mut restarted = server.ask("GET", &format!("{DEPLOYMENTS}/web"), None).1;
    restarted["spec"]["template"]["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/restartedAt": "now"});
    assert_eq!(server.ask("PUT", &format!("{DEPLOYMENTS}/web"), Some(restarted)).0, 200);
    let second = pods(&mut server);
    assert_eq!(second.len(), 2);
    for pod in &second {
        assert!(!first.iter().any(|old| old["metadata"]["uid"] == pod["metadata"]["uid"]));
        assert_eq!(env(&pod["spec"]["containers"][0])[0], ("AZURE_CLIENT_ID".to_owned(), "5555".to_owned()));
    }
}

#[test]
fn a_deployment_whose_pods_are_refused_says_why_and_keeps_the_old_ones() {
    let mut server = server();
    server.ask("POST", DEPLOYMENTS, Some(deployment("web", "plain", 2)));
    let first = pods(&mut server);
    let mut changed = server.ask("GET", &format!("{DEPLOYMENTS}/web"), None).1;
    changed["spec"]["template"]["spec"]["serviceAccountName"] = json!("short");
    changed["spec"]["template"]["spec"].as_object_mut().unwrap().remove("serviceAccount");
    server.ask("PUT", &format!("{DEPLOYMENTS}/web"), Some(changed));
    assert_eq!(pods(&mut server), first);
    let (_, now) = server.ask("GET", &format!("{DEPLOYMENTS}/web"), None);
    let conditions = now["status"]["conditions"].as_array().unwrap();
    let failure = conditions.iter().find(|it| it["type"] == "ReplicaFailure").unwrap();
    assert!(failure["message"].as_str().unwrap().contains("token expiration 60 not valid"));
    let (_, again) = server.ask("GET", &format!("{DEPLOYMENTS}/web"), None);
    assert_eq!(
        again["metadata"]["resourceVersion"], now["metadata"]["resourceVersion"],
        "nothing is written for nothing"
    );
}

#[test]
fn a_deleted_pod_is_made_again_and_a_deleted_deployment_takes_its_pods_along() {
    let mut server = server();
    server.ask("POST", DEPLOYMENTS, Some(deployment("web", "plain", 1)));
    let name = pods(&mut server)[0]["metadata"]["name"].as_str().unwrap().to_owned();
    let (code, gone) = server.ask("DELETE", &format!("{PODS}/{name}"), None);
    assert_eq!((code, &gone["metadata"]["deletionGracePeriodSeconds"]), (200, &json!(30)));
    let second = pods(&mut server);
    assert_eq!(second.len(), 1);
    assert_ne!(second[0]["metadata"]["name"], json!(name));
    let (_, gone) = server.ask("DELETE", &format!("{DEPLOYMENTS}/web"), None);
    assert_eq!((&gone["kind"], &gone["status"]), (&json!("Status"), &json!("Success")));
    assert_eq!(pods(&mut server), Vec::<Value>::new());
}

#[test]
fn a_token_that_is_bound_to_a_pod_ends_with_it() {
    let mut server = server();
    server.ask("POST", PODS, Some(pod("a", "full", &json!({}), &json!({}))));
    let bound = json!({"apiVersion": "v1", "kind": "Pod", "name": "a"});
    let asked = json!({"spec": {"boundObjectRef": bound}});
    let (_, made) = server.ask("POST", &format!("{ACCOUNTS}/full/token"), Some(asked));
    let token = made["status"]["token"].as_str().unwrap().to_owned();
    assert_eq!(server.ask_as(&token, "GET", PODS, None).0, 200);
    server.ask("DELETE", &format!("{PODS}/a"), None);
    assert_eq!(server.ask_as(&token, "GET", PODS, None).0, 401);
}
