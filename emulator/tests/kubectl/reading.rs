//! get, describe, explain, and what there is at all.

use serde_json::{Value, json};

use crate::cluster::{Cluster, assert_lines, in_cluster, rows};

fn accounts(cluster: &Cluster, names: &[&str]) {
    for name in names {
        cluster.ok(&format!("create serviceaccount {name}"));
    }
}

#[test]
fn accounts_are_listed_as_a_table_as_json_as_yaml_and_by_name() {
    in_cluster(|cluster| {
        accounts(cluster, &["web"]);
        let table = cluster.ok("get serviceaccounts");
        assert_eq!(rows(&table)[0], ["NAME", "SECRETS", "AGE"]);
        assert_eq!(rows(&table)[2][..2], ["web", "0"]);
        assert_eq!(cluster.ok("get sa -o name"), "serviceaccount/default\nserviceaccount/web\n");
        let json: Value = serde_json::from_str(&cluster.ok("get sa web -o json")).unwrap();
        assert_eq!(json["kind"], "ServiceAccount");
        assert_eq!(json["metadata"]["uid"], cluster.has("serviceaccounts", "web").unwrap()["metadata"]["uid"]);
        let yaml = cluster.ok("get sa web -o yaml");
        assert!(
            yaml.starts_with("apiVersion: v1\nkind: ServiceAccount\n") && !yaml.contains("managedFields"),
            "{yaml}"
        );
        cluster.ok("create role reader --verb=get --resource=pods");
        assert!(cluster.ok("get role reader -o yaml --show-managed-fields").contains("manager: kubectl-create"));
        let everywhere = cluster.ok("get serviceaccounts --all-namespaces");
        assert!(rows(&everywhere).iter().any(|row| row[..2] == [cluster.namespace.as_str(), "web"]), "{everywhere}");
        let missing = cluster.refused("get sa nobody");
        assert_eq!(missing, "Error from server (NotFound): serviceaccounts \"nobody\" not found\n");
        assert_eq!(cluster.refused("get nothings"), "error: the server doesn't have a resource type \"nothings\"\n");
    });
}

#[test]
fn a_list_is_selected_by_label_and_field_sorted_and_read_in_pages() {
    in_cluster(|cluster| {
        accounts(cluster, &["a", "b", "c"]);
        cluster.ok("label sa a b tier=front");
        cluster.ok("label sa c tier=back");
        assert_eq!(cluster.ok("get sa -l tier=front -o name"), "serviceaccount/a\nserviceaccount/b\n");
        assert_eq!(cluster.ok("get sa -l 'tier in (back),!other' -o name"), "serviceaccount/c\n");
        assert_eq!(rows(&cluster.ok("get sa -L tier"))[1..].len(), 4);
        assert_eq!(cluster.ok("get sa --field-selector metadata.name=b -o name"), "serviceaccount/b\n");
        assert_eq!(cluster.ok("get sa --field-selector metadata.name!=b -o name").lines().count(), 3);
        let refused = cluster.refused("get sa --field-selector spec.x=b");
        assert!(refused.contains("\"spec.x\" is not a known field selector"), "{refused}");
        assert!(cluster.refused("get sa -l a=b=c").contains("found '=', expected: ',' or 'end of string'"));
        assert_eq!(cluster.ok("get sa --chunk-size=1 -o name").lines().count(), 4);
        let sorted = cluster.ok("get sa -l tier --sort-by=.metadata.labels.tier");
        assert_eq!(rows(&sorted)[1][0], "c", "by what is in no column");
    });
}

#[test]
fn a_namespace_an_account_and_a_service_are_described() {
    in_cluster(|cluster| {
        accounts(cluster, &["web"]);
        cluster.ok("annotate sa web azure.workload.identity/client-id=1111");
        let text = cluster.ok(&format!("describe namespace {}", cluster.namespace));
        let label = format!("Labels: kubernetes.io/metadata.name={}", cluster.namespace);
        assert_lines(&text, &[&label, "Annotations: <none>", "Status: Active"]);
        let text = cluster.ok("describe serviceaccount web");
        assert_lines(
            &text,
            &[
                "Name: web",
                &format!("Namespace: {}", cluster.namespace),
                "Annotations: azure.workload.identity/client-id: 1111",
                "Tokens: <none>",
                "Events: <none>",
            ],
        );
        assert!(cluster.refused("describe sa nobody").contains("serviceaccounts \"nobody\" not found"));
        cluster.ok("create service clusterip front --tcp=80:8080");
        assert_eq!(
            rows(&cluster.ok("get service front"))[0],
            ["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"]
        );
        let text = cluster.ok("describe service front");
        assert_lines(
            &text,
            &["Selector: app=front", "Type: ClusterIP", "Port: 80-8080 80/TCP", "TargetPort: 8080/TCP"],
        );
        assert_eq!(cluster.has("services", "front").unwrap()["spec"]["selector"], json!({"app": "front"}));
    });
}

#[test]
fn a_role_and_its_binding_are_described() {
    in_cluster(|cluster| {
        cluster.ok("create role reader --verb=get,list --resource=serviceaccounts,deployments.apps");
        cluster.ok(&format!(
            "create rolebinding readers --role=reader --serviceaccount={}:web --user=jane --group=devs",
            cluster.namespace
        ));
        assert_lines(
            &cluster.ok("describe role reader"),
            &[
                "Name: reader",
                "Resources Non-Resource URLs Resource Names Verbs",
                "serviceaccounts [] [] [get list]",
                "deployments.apps [] [] [get list]",
            ],
        );
        let text = cluster.ok("describe rolebinding readers");
        let account = format!("ServiceAccount web {}", cluster.namespace);
        assert_lines(&text, &["Kind: Role", "Name: reader", "User jane", "Group devs", &account]);
        let wide = cluster.ok("get rolebindings -o wide");
        assert_eq!(rows(&wide)[0], ["NAME", "ROLE", "AGE", "USERS", "GROUPS", "SERVICEACCOUNTS"]);
        let stored = cluster.has("rolebindings.rbac.authorization.k8s.io", "readers").unwrap();
        assert_eq!(stored["subjects"].as_array().unwrap().len(), 3);
        cluster.ok("set subject rolebinding readers --user=joe");
        assert_lines(&cluster.ok("describe rolebinding readers"), &["User joe"]);
    });
}

#[test]
fn kinds_versions_and_the_server_are_told() {
    in_cluster(|cluster| {
        let kinds = cluster.ok("api-resources");
        assert_lines(
            &kinds,
            &[
                "namespaces ns v1 false Namespace",
                "pods po v1 true Pod",
                "serviceaccounts sa v1 true ServiceAccount",
                "deployments deploy apps/v1 true Deployment",
                "selfsubjectaccessreviews authorization.k8s.io/v1 false SelfSubjectAccessReview",
                "roles rbac.authorization.k8s.io/v1 true Role",
            ],
        );
        assert_eq!(cluster.ok("api-resources --api-group=apps -o name"), "deployments.apps\nreplicasets.apps\n");
        let versions = cluster.ok("api-versions");
        assert_lines(
            &versions,
            &["apps/v1", "authentication.k8s.io/v1", "authorization.k8s.io/v1", "rbac.authorization.k8s.io/v1", "v1"],
        );
        let version: Value = serde_json::from_str(&cluster.ok("version -o json")).unwrap();
        assert_eq!(version["serverVersion"]["major"], "1");
        let (server, _) = cluster.server();
        let plain =
            cluster.ok("cluster-info").replace("\u{1b}[0;32m", "").replace("\u{1b}[0;33m", "").replace("\u{1b}[0m", "");
        assert!(plain.starts_with(&format!("Kubernetes control plane is running at {server}\n")), "{plain}");
    });
}

#[test]
fn the_fields_of_a_kind_are_explained() {
    in_cluster(|cluster| {
        let text = cluster.ok("explain serviceaccount");
        assert_lines(
            &text,
            &["KIND: ServiceAccount", "VERSION: v1", "automountServiceAccountToken <boolean>", "metadata <ObjectMeta>"],
        );
        let text = cluster.ok("explain deployment.spec.template.spec.serviceAccountName");
        assert_lines(&text, &["GROUP: apps", "KIND: Deployment", "FIELD: serviceAccountName <string>"]);
        assert_lines(
            &cluster.ok("explain pod.spec.containers"),
            &["FIELD: containers <[]Container>", "env <[]EnvVar>"],
        );
        assert_lines(
            &cluster.ok("explain sa --recursive"),
            &["labels <map[string]string>", "ownerReferences <[]OwnerReference>"],
        );
        assert_eq!(cluster.refused("explain sa.nothing"), "error: field \"nothing\" does not exist\n");
    });
}
