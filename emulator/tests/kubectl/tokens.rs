//! create token, and what is in the token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::cluster::{Cluster, in_cluster};

fn claims(cluster: &Cluster, options: &str) -> Value {
    let token = cluster.ok(&format!("create token web {options}"));
    let body = token.trim().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap()
}

#[test]
fn a_token_has_the_audience_and_the_lifetime_that_are_asked_for() {
    in_cluster(|cluster| {
        cluster.ok("create sa web");
        let lifetime = |claims: &Value| claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        let plain = claims(cluster, "");
        assert_eq!(
            (lifetime(&plain), &plain["sub"]),
            (3600, &json!(format!("system:serviceaccount:{}:web", cluster.namespace)))
        );
        assert_eq!(plain["aud"], json!([plain["iss"]]));
        let asked = claims(cluster, "--duration=2h --audience=api://AzureADTokenExchange --audience=other");
        assert_eq!((lifetime(&asked), &asked["aud"]), (7200, &json!(["api://AzureADTokenExchange", "other"])));
        let refused = cluster.refused("create token web --duration=1m");
        assert!(
            refused
                .contains("spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes")
        );
        assert_eq!(
            cluster.refused("create token nobody"),
            "error: failed to create token: serviceaccounts \"nobody\" not found\n"
        );
    });
}

#[test]
fn a_token_is_bound_to_a_pod_of_its_account() {
    in_cluster(|cluster| {
        cluster.ok("create sa web");
        cluster.ok(r#"run mine --image=nginx --overrides '{"spec":{"serviceAccountName":"web"}}'"#);
        cluster.ok("run other --image=nginx");
        let bound = claims(cluster, "--bound-object-kind=Pod --bound-object-name=mine");
        let uid = cluster.has("pods", "mine").unwrap()["metadata"]["uid"].clone();
        assert_eq!(bound["kubernetes.io"]["pod"], json!({"name": "mine", "uid": uid}));
        let refused = cluster.refused("create token web --bound-object-kind=Pod --bound-object-name=other");
        assert!(refused.contains(
            "cannot bind token for serviceaccount \"web\" to pod running with different serviceaccount name"
        ));
        let refused = cluster.refused("create token web --bound-object-kind=Pod --bound-object-name=nobody");
        assert!(refused.contains("pods \"nobody\" not found"), "{refused}");
        let refused =
            cluster.refused("create token web --bound-object-kind=Pod --bound-object-name=mine --bound-object-uid=1");
        assert!(
            refused.contains("the UID in the bound object reference (1) does not match the UID in record"),
            "{refused}"
        );
    });
}

#[test]
fn the_token_of_the_account_signs_in() {
    in_cluster(|cluster| {
        cluster.ok("create sa web");
        let token = cluster.ok("create token web");
        let (server, authority) = cluster.server();
        let account =
            format!("--kubeconfig=/dev/null --server={server} --certificate-authority={}", authority.display());
        let who = cluster.ok(&format!("{account} --token={token} auth whoami -o json"));
        let who: Value = serde_json::from_str(&who).unwrap();
        assert_eq!(who["status"]["userInfo"]["username"], format!("system:serviceaccount:{}:web", cluster.namespace));
        let foreign = cluster.ok("create token web --audience=api://AzureADTokenExchange");
        let refused = cluster.refused(&format!("{account} --token={foreign} get sa"));
        assert_eq!(refused, "error: You must be logged in to the server (Unauthorized)\n", "it is for somebody else");
    });
}
