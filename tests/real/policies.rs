//! Admission policies that other people put into their clusters: what a create must have from its first moment, and how a refusal is
//! told apart from a missing right.

use std::time::Duration;

use azwi::{
    kubernetes::{Fields, Kind},
    wait::Wait,
};
use serde_json::{Value, json};

use crate::server::{ADMIN, Server};

/// What the policy says of an account without the label.
const RULE: &str = "an account cannot be without a team";

const POLICIES: &str = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
const BINDINGS: &str = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings";

fn wait() -> Wait {
    Wait::at_most(Duration::from_secs(30))
}

/// A namespace in which service accounts without the label `team` are refused, for a reason that the policy chooses.
async fn namespace_with_a_policy(server: &Server, reason: &str) -> String {
    let namespace = server.namespace("policy").await;
    let http = server.http(ADMIN);
    let rule = json!({"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["serviceaccounts"]});
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": namespace},
        "spec": {
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": "has(object.metadata.labels) && 'team' in object.metadata.labels",
                             "message": RULE, "reason": reason}],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": namespace},
        "spec": {"policyName": namespace, "validationActions": ["Deny"],
                 "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}},
    });
    for (path, body) in [(POLICIES, policy), (BINDINGS, binding)] {
        let answer = http.post(path, &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    // The server learns of its policies by watching them.
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts?dryRun=All");
    let probe: Value = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "probe"}});
    let refused = async {
        while http.post(&path, &probe).await.status == 201 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), refused).await.unwrap();
    namespace
}

#[tokio::test]
async fn an_account_meets_a_policy_from_its_first_moment_and_a_refusal_is_not_a_missing_right() {
    let server = Server::shared().await;
    let client = server.client(ADMIN);
    for reason in ["Forbidden", "Invalid", "RequestEntityTooLarge"] {
        let namespace = namespace_with_a_policy(server, reason).await;
        let labelled = Fields { labels: [("team".to_owned(), "blue".to_owned())].into(), ..Fields::default() };
        client.create_service_account(&namespace, "web", &labelled, "azwi", &wait()).await.unwrap();

        let bare = Fields::default();
        let refused =
            client.create_service_account(&namespace, "bare", &bare, "azwi", &wait()).await.unwrap_err().error;
        assert_eq!(refused.kind, Kind::Refused, "{reason}: {refused}");
        assert!(refused.message.contains(RULE), "{refused}");
        assert!(!refused.to_string().contains("Grant it"), "no Role helps against a policy: {refused}");
    }
}
