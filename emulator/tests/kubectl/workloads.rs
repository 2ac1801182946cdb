//! Deployments and their pods: rollout, scale, set, describe, logs and wait.

use serde_json::{Value, json};

use crate::cluster::{Cluster, assert_lines, in_cluster, rows};

/// The image of the deployment `app`.
fn image(cluster: &Cluster) -> Value {
    cluster.has("deployments.apps", "app").unwrap()["spec"]["template"]["spec"]["containers"][0]["image"].clone()
}

fn pods(cluster: &Cluster) -> Vec<String> {
    cluster.ok("get pods -o name").lines().map(str::to_owned).collect()
}

#[test]
fn a_deployment_is_created_listed_and_described() {
    in_cluster(|cluster| {
        assert_eq!(
            cluster.ok("create deployment app --image=nginx:1 --replicas=2 --port=80"),
            "deployment.apps/app created\n"
        );
        assert_eq!(
            cluster.ok("rollout status deployment/app --timeout=5s"),
            "deployment \"app\" successfully rolled out\n"
        );
        let table = cluster.ok("get deployments -o wide");
        assert_eq!(
            rows(&table)[0],
            ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE", "CONTAINERS", "IMAGES", "SELECTOR"]
        );
        assert_eq!(rows(&table)[1][..4], ["app", "2/2", "2", "2"]);
        let table = cluster.ok("get pods -o wide");
        assert_eq!(rows(&table)[1][1..4], ["1/1", "Running", "0"]);
        assert_lines(
            &cluster.ok("describe deployment app"),
            &[
                "Selector: app=app",
                "Replicas: 2 desired | 2 updated | 2 total | 2 available | 0 unavailable",
                "Image: nginx:1",
                "Port: 80/TCP",
                "Available True MinimumReplicasAvailable",
            ],
        );
        let pod = pods(cluster).remove(0);
        let text = cluster.ok(&format!("describe {pod}"));
        assert_lines(
            &text,
            &[
                "Service Account: default",
                "Status: Running",
                "Image: nginx:1",
                "PodScheduled True",
                "QoS Class: BestEffort",
            ],
        );
        assert_eq!(rows(&cluster.ok("get all"))[0], ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]);
    });
}

#[test]
fn a_restart_makes_new_pods_and_an_undo_goes_back() {
    in_cluster(|cluster| {
        cluster.ok("create deployment app --image=nginx:1");
        cluster.ok("rollout status deployment/app --timeout=5s");
        let before = pods(cluster);
        assert_eq!(cluster.ok("rollout restart deployment/app"), "deployment.apps/app restarted\n");
        cluster.ok("rollout status deployment/app --timeout=5s");
        assert!(pods(cluster).iter().all(|pod| !before.contains(pod)), "all pods are new");
        cluster.ok("annotate deployment app kubernetes.io/change-cause=update");
        cluster.ok("set image deployment/app nginx=nginx:2");
        cluster.ok("rollout status deployment/app --timeout=5s");
        assert_eq!(image(cluster), "nginx:2");
        let history = cluster.ok("rollout history deployment/app");
        let numbers: Vec<&str> = rows(&history)[2..].iter().filter_map(|row| row.first().copied()).collect();
        assert_eq!(numbers, ["1", "2", "3"], "{history}");
        assert_lines(&history, &["3 update"]);
        assert_lines(&cluster.ok("rollout history deployment/app --revision=3"), &["Image: nginx:2"]);
        assert_eq!(cluster.ok("rollout undo deployment/app --to-revision=1"), "deployment.apps/app rolled back\n");
        cluster.ok("rollout status deployment/app --timeout=5s");
        assert_eq!(image(cluster), "nginx:1");
        let history = cluster.ok("rollout history deployment/app");
        let numbers: Vec<&str> = rows(&history)[2..].iter().filter_map(|row| row.first().copied()).collect();
        assert_eq!(numbers, ["2", "3", "4"], "the first template is the newest now: {history}");
        assert!(
            cluster
                .refused("rollout undo deployment/app --to-revision=1")
                .contains("unable to find specified revision 1")
        );
        cluster.ok("rollout pause deployment/app");
        let refused = cluster.refused("rollout restart deployment/app");
        assert!(refused.contains("can't restart paused deployment"), "{refused}");
        cluster.ok("rollout resume deployment/app");
    });
}

#[test]
fn a_deployment_is_scaled() {
    in_cluster(|cluster| {
        cluster.ok("create deployment app --image=nginx");
        assert_eq!(cluster.ok("scale deployment app --replicas=3"), "deployment.apps/app scaled\n");
        cluster.ok("rollout status deployment/app --timeout=5s");
        assert_eq!(pods(cluster).len(), 3);
        assert_eq!(
            cluster.refused("scale deployment app --current-replicas=2 --replicas=1"),
            "error: Expected replicas to be 2, was 3\n"
        );
        cluster.ok("scale deployment app --current-replicas=3 --replicas=0");
        cluster.ok("wait --for=delete pod -l app=app --timeout=5s");
        assert_eq!(pods(cluster), Vec::<String>::new());
        let scale: Value = serde_json::from_str(&cluster.ok("get deployment app --subresource=scale -o json")).unwrap();
        assert_eq!(
            (&scale["kind"], &scale["status"]),
            (&json!("Scale"), &json!({"replicas": 0, "selector": "app=app"}))
        );
        let stored = cluster.has("deployments.apps", "app").unwrap();
        assert_eq!(stored["spec"]["replicas"], 0);
        assert!(stored["metadata"]["managedFields"].to_string().contains("\"subresource\":\"scale\""));
        cluster.ok(r#"patch deployment app --subresource=scale --type=merge -p '{"spec":{"replicas":1}}'"#);
        assert_eq!(cluster.has("deployments.apps", "app").unwrap()["spec"]["replicas"], 1);
        let refused =
            cluster.refused(r#"patch deployment app --subresource=scale --type=merge -p '{"spec":{"replicas":-1}}'"#);
        assert!(refused.contains("spec.replicas: Invalid value: -1: must be greater than or equal to 0"), "{refused}");
    });
}

#[test]
fn environment_and_account_of_a_deployment_are_set_and_reach_its_pods() {
    in_cluster(|cluster| {
        cluster.ok("create sa web");
        cluster.ok("create deployment app --image=nginx");
        assert_eq!(cluster.ok("set env deployment/app COLOUR=blue"), "deployment.apps/app env updated\n");
        assert_lines(&cluster.ok("set env deployment/app --list"), &["COLOUR=blue"]);
        assert_eq!(cluster.ok("set serviceaccount deployment app web"), "deployment.apps/app serviceaccount updated\n");
        cluster.ok("rollout status deployment/app --timeout=5s");
        let pod: Value = serde_json::from_str(&cluster.ok("get pods -l app=app -o json")).unwrap();
        assert_eq!(pod["items"].as_array().unwrap().len(), 1, "{pod}");
        assert_eq!(pod["items"][0]["spec"]["serviceAccountName"], "web");
        assert_eq!(pod["items"][0]["spec"]["containers"][0]["env"], json!([{"name": "COLOUR", "value": "blue"}]));
    });
}

#[test]
fn a_labelled_deployment_of_an_annotated_account_is_injected_after_a_restart() {
    in_cluster(|cluster| {
        cluster.ok("create sa web");
        cluster.ok("create deployment app --image=nginx");
        cluster.ok("set serviceaccount deployment app web");
        let label = r#"{"spec":{"template":{"metadata":{"labels":{"azure.workload.identity/use":"true"}}}}}"#;
        cluster.ok(&format!("patch deployment app -p '{label}'"));
        cluster.ok("annotate sa web azure.workload.identity/client-id=1111");
        cluster.ok("rollout restart deployment/app");
        cluster.ok("rollout status deployment/app --timeout=5s");
        let text = cluster.ok("describe pods -l azure.workload.identity/use=true");
        assert_lines(
            &text,
            &[
                "AZURE_CLIENT_ID: 1111",
                "AZURE_FEDERATED_TOKEN_FILE: /var/run/secrets/azure/wi/token/azure-identity-token",
            ],
        );
    });
}

#[test]
fn conditions_and_deletion_are_waited_for() {
    in_cluster(|cluster| {
        cluster.ok("create deployment app --image=nginx");
        assert_eq!(
            cluster.ok("wait --for=condition=Available deployment/app --timeout=5s"),
            "deployment.apps/app condition met\n"
        );
        let pod = pods(cluster).remove(0);
        assert_eq!(
            cluster.ok(&format!("wait --for=condition=Ready {pod} --timeout=5s")),
            format!("{pod} condition met\n")
        );
        let refused = cluster.refused("wait --for=condition=Never deployment/app --timeout=1s");
        assert_eq!(refused, "error: timed out waiting for the condition on deployments/app\n");
        let mut waiting = cluster.start("wait --for=delete deployment/app --timeout=10s");
        std::thread::sleep(std::time::Duration::from_millis(300));
        assert!(waiting.try_wait().unwrap().is_none());
        cluster.ok("delete deployment app");
        assert!(waiting.wait().unwrap().success());
    });
}

#[test]
fn what_would_need_a_running_container_says_that_there_is_none() {
    in_cluster(|cluster| {
        cluster.ok("run web --image=nginx");
        let wanted = |part: &str| {
            format!("Error from server (NotImplemented): the emulator runs no containers: pod \"web\" has no {part}\n")
        };
        assert_eq!(cluster.refused("logs web"), wanted("log"));
        assert_eq!(cluster.refused("logs --follow web"), wanted("log"));
        assert_eq!(cluster.refused("exec web -- ls"), wanted("exec"));
        assert!(cluster.refused("port-forward pod/web :80").contains("the emulator runs no containers"));
        assert!(cluster.refused("logs nobody").contains("pods \"nobody\" not found"));
    });
}
