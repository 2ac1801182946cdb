//! auth can-i, auth whoami and impersonation, where roles decide and where they do not.

use serde_json::Value;

use crate::cluster::{Cluster, assert_lines, in_cluster, in_cluster_with_roles};

/// What `auth can-i` says: it exits with 1 where the answer is no.
#[track_caller]
fn may(cluster: &Cluster, command: &str) -> bool {
    let run = cluster.run("", &format!("auth can-i {command}"));
    match (run.out.trim(), run.code) {
        ("yes", 0) => true,
        ("no", 1) => false,
        other => panic!("{command}: {other:?} {}", run.err),
    }
}

#[test]
fn without_roles_whoever_signs_in_may_do_everything() {
    in_cluster(|cluster| {
        assert!(may(cluster, "create pods") && may(cluster, "'*' '*'"));
        assert!(may(cluster, "create pods --as=jane"));
        let nobody = cluster.refused("get pods --as=system:anonymous");
        assert!(nobody.contains("User \"system:anonymous\" cannot list resource \"pods\""), "{nobody}");
        assert_lines(&cluster.ok("auth can-i --list"), &["*.* [] [] [*]", "[*] [] [*]"]);
        assert_lines(
            &cluster.ok("auth whoami"),
            &["Username kubernetes-admin", "Groups [system:masters system:authenticated]"],
        );
    });
}

#[test]
fn with_roles_somebody_may_do_what_is_bound_to_him_and_no_more() {
    in_cluster_with_roles(|cluster| {
        assert!(may(cluster, "'*' '*'"), "an administrator is not asked for a role");
        assert!(!may(cluster, "list pods --as=jane"));
        let refused = cluster.refused("get pods --as=jane");
        let namespace = &cluster.namespace;
        let wanted = format!(
            "Error from server (Forbidden): pods is forbidden: User \"jane\" cannot list resource \"pods\" in API group \"\" \
             in the namespace \"{namespace}\"\n"
        );
        assert_eq!(refused, wanted);
        cluster.ok("create rolebinding jane --clusterrole=view --user=jane");
        assert!(may(cluster, "list pods --as=jane") && may(cluster, "get pods --subresource=log --as=jane"));
        assert!(!may(cluster, "create pods --as=jane") && !may(cluster, "list pods --as=jane --all-namespaces"));
        assert_eq!(cluster.run("", "get pods --as=jane").code, 0);
        let list = cluster.ok("auth can-i --list --as=jane");
        assert_lines(
            &list,
            &[
                "selfsubjectaccessreviews.authorization.k8s.io [] [] [create]",
                "pods [] [] [get list watch]",
                "[/version] [] [get]",
            ],
        );
        assert!(!list.contains("*.*"), "{list}");
        cluster.ok("delete rolebinding jane");
        assert!(!may(cluster, "list pods --as=jane"));
    });
}

#[test]
fn a_group_has_what_is_bound_to_it() {
    in_cluster_with_roles(|cluster| {
        cluster.ok("create rolebinding devs --clusterrole=edit --group=devs");
        assert!(!may(cluster, "create deployments --as=jane"));
        assert!(may(cluster, "create deployments.apps --as=jane --as-group=devs"));
        assert!(may(cluster, "create serviceaccounts/token --as=jane --as-group=devs"));
        assert!(!may(cluster, "create roles --as=jane --as-group=devs"));
        cluster.ok("create sa web --as=jane --as-group=devs");
        assert!(cluster.has("serviceaccounts", "web").is_some());
        let who = cluster.ok("auth whoami --as=jane --as-group=devs --as-uid=7");
        assert_lines(&who, &["Username jane", "UID 7", "Groups [devs system:authenticated]"]);
    });
}

#[test]
fn a_right_to_one_name_is_to_that_name() {
    in_cluster_with_roles(|cluster| {
        cluster.ok("create sa web");
        cluster.ok("create role one --verb=get,list,watch --resource=serviceaccounts --resource-name=web");
        cluster.ok("create rolebinding one --role=one --user=bob");
        cluster.ok("get sa web --as=bob");
        assert!(cluster.refused("get sa default --as=bob").contains("serviceaccounts \"default\" is forbidden"));
        assert!(cluster.refused("get sa --as=bob").contains("cannot list resource"));
        cluster.ok("get sa --field-selector metadata.name=web --as=bob");
        cluster.ok("wait --for=jsonpath={.metadata.name}=web sa/web --timeout=5s --as=bob");
        let list = cluster.ok("auth can-i --list --as=bob");
        assert_lines(&list, &["serviceaccounts [] [web] [get list watch]"]);
    });
}

#[test]
fn a_binding_to_a_role_that_is_missing_says_so() {
    in_cluster_with_roles(|cluster| {
        cluster.ok("create rolebinding lost --role=nowhere --user=eve");
        let refused = cluster.refused("get sa --as=eve");
        assert!(refused.contains(": RBAC: role.rbac.authorization.k8s.io \"nowhere\" not found"), "{refused}");
        let run = cluster.run("", "auth can-i list sa --as=eve");
        assert_eq!(run.out, "no - RBAC: role.rbac.authorization.k8s.io \"nowhere\" not found\n");
    });
}

#[test]
fn who_may_not_impersonate_is_told_so() {
    in_cluster_with_roles(|cluster| {
        cluster.ok("create sa web");
        let account = format!("system:serviceaccount:{}:web", cluster.namespace);
        let who = cluster.ok(&format!("auth whoami --as={account}"));
        let groups = format!(
            "Groups [system:serviceaccounts system:serviceaccounts:{} system:authenticated]",
            cluster.namespace
        );
        assert_lines(&who, &[&format!("Username {account}"), &groups]);
        let token = cluster.ok("create token web");
        let (server, authority) = cluster.server();
        let as_account = format!(
            "--kubeconfig=/dev/null --server={server} --certificate-authority={} --token={token}",
            authority.display()
        );
        let refused = cluster.refused(&format!("{as_account} get sa --as=jane"));
        let wanted = format!(
            "users \"jane\" is forbidden: User \"{account}\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope"
        );
        assert!(refused.contains(&wanted), "{refused}");
        assert!(!may(cluster, &format!("{as_account} list sa")));
        cluster.ok(&format!("create rolebinding web --clusterrole=view --serviceaccount={}:web", cluster.namespace));
        assert!(may(cluster, &format!("{as_account} list sa")));
        cluster.ok("delete sa web");
        let refused = cluster.refused(&format!("{as_account} get sa"));
        assert_eq!(
            refused, "error: You must be logged in to the server (Unauthorized)\n",
            "a token ends with its account"
        );
    });
}

#[test]
fn a_review_of_somebody_else_gives_the_reason() {
    in_cluster_with_roles(|cluster| {
        cluster.ok("create rolebinding jane --clusterrole=view --user=jane");
        let review = |verb: &str| {
            let review = serde_json::json!({
                "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
                "spec": {"user": "jane", "resourceAttributes": {"namespace": cluster.namespace, "verb": verb, "resource": "pods"}},
            });
            let answer: Value = serde_json::from_str(&cluster.fed(&review.to_string(), "create -o json -f -")).unwrap();
            answer["status"].clone()
        };
        assert_eq!(review("delete"), serde_json::json!({"allowed": false}));
        let reason = format!(
            "RBAC: allowed by RoleBinding \"jane/{}\" of ClusterRole \"view\" to User \"jane\"",
            cluster.namespace
        );
        assert_eq!(review("get"), serde_json::json!({"allowed": true, "reason": reason}));
    });
}
