//! delete, and waiting for it.

use std::time::{Duration, Instant};

use crate::cluster::in_cluster;

#[test]
fn what_is_deleted_is_gone_and_twice_is_an_error_unless_that_is_said() {
    in_cluster(|cluster| {
        cluster.ok("create sa web");
        assert_eq!(cluster.ok("delete sa web"), "serviceaccount \"web\" deleted\n");
        assert!(cluster.has("serviceaccounts", "web").is_none());
        assert!(cluster.refused("delete sa web").contains("serviceaccounts \"web\" not found"));
        assert_eq!(cluster.ok("delete sa web --ignore-not-found"), "");
        cluster.ok("create sa one");
        cluster.ok("create sa two");
        cluster.ok("label sa one gone=soon");
        assert_eq!(cluster.ok("delete sa -l gone=soon"), "serviceaccount \"one\" deleted\n");
        assert!(cluster.has("serviceaccounts", "two").is_some());
        cluster.ok("delete sa two --dry-run=server");
        assert!(cluster.has("serviceaccounts", "two").is_some());
    });
}

#[test]
fn what_a_finalizer_holds_is_waited_for() {
    in_cluster(|cluster| {
        cluster.ok("create sa web");
        cluster.ok(r#"patch sa web --type=merge -p '{"metadata":{"finalizers":["example.org/hold"]}}'"#);
        let refused = cluster.refused("delete sa web --timeout=1s");
        assert!(refused.contains("timed out waiting for the condition on serviceaccounts/web"), "{refused}");
        assert!(!cluster.has("serviceaccounts", "web").unwrap()["metadata"]["deletionTimestamp"].is_null());
        cluster.ok("delete sa web --wait=false");
        let mut waiting = cluster.start("delete sa web");
        std::thread::sleep(Duration::from_millis(300));
        assert!(waiting.try_wait().unwrap().is_none(), "it waits for the finalizer");
        cluster.ok(r#"patch sa web --type=merge -p '{"metadata":{"finalizers":null}}'"#);
        assert!(waiting.wait().unwrap().success());
        assert!(cluster.has("serviceaccounts", "web").is_none());
    });
}

#[test]
fn a_namespace_goes_with_all_that_is_in_it_while_kubectl_only_watches() {
    in_cluster(|cluster| {
        cluster.ok("create sa web");
        cluster.ok("create deployment app --image=nginx");
        let begun = Instant::now();
        let said = cluster.ok(&format!("delete namespace {}", cluster.namespace));
        assert_eq!(said, format!("namespace \"{}\" deleted\n", cluster.namespace));
        assert!(begun.elapsed() < Duration::from_secs(10), "nobody but kubectl asked: {:?}", begun.elapsed());
        for resource in ["serviceaccounts", "deployments.apps"] {
            assert!(cluster.has(resource, "web").or(cluster.has(resource, "app")).is_none());
        }
        assert!(cluster.stored(&format!("namespaces/{}", cluster.namespace)).is_none());
        let late = cluster.refused("create sa late");
        assert!(late.contains(&format!("namespaces \"{}\" not found", cluster.namespace)), "{late}");
    });
}

#[test]
fn a_namespace_that_the_cluster_needs_stays() {
    in_cluster(|cluster| {
        let refused = cluster.refused("delete namespace default");
        assert!(
            refused.contains("namespaces \"default\" is forbidden: this namespace may not be deleted"),
            "{refused}"
        );
    });
}

#[test]
fn a_deployment_takes_its_pods_along_or_leaves_them() {
    in_cluster(|cluster| {
        cluster.ok("create deployment app --image=nginx --replicas=2");
        cluster.ok("wait --for=condition=Available deployment/app --timeout=5s");
        assert_eq!(cluster.ok("get pods -o name").lines().count(), 2);
        cluster.ok("delete deployment app --cascade=foreground");
        assert_eq!(cluster.ok("get pods,replicasets -o name"), "");
        cluster.ok("create deployment app --image=nginx --replicas=2");
        cluster.ok("wait --for=condition=Available deployment/app --timeout=5s");
        cluster.ok("delete deployment app --cascade=orphan");
        assert_eq!(cluster.ok("get replicasets -o name").lines().count(), 1);
        assert_eq!(cluster.ok("get pods -o name").lines().count(), 2);
    });
}
