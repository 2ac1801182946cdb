//! get --watch, in the forms in which kubectl prints it.

use std::io::{BufRead as _, BufReader};
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::cluster::{Cluster, in_cluster, in_cluster_with_roles};

/// A watch of kubectl's, and the lines that it prints.
struct Watch {
    child: Child,
    lines: Receiver<String>,
}

impl Watch {
    fn start(cluster: &Cluster, command: &str) -> Self {
        let mut child = cluster.start(command);
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    /// The words of the next line.
    #[track_caller]
    fn next(&self) -> Vec<String> {
        let line = self.lines.recv_timeout(Duration::from_secs(5)).unwrap();
        line.split_whitespace().map(str::to_owned).collect()
    }

    fn is_silent(&self) -> bool {
        self.lines.recv_timeout(Duration::from_millis(300)).is_err()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_table_grows_by_a_line_for_each_change() {
    in_cluster(|cluster| {
        let watch = Watch::start(cluster, "get serviceaccounts --watch");
        assert_eq!(watch.next(), ["NAME", "SECRETS", "AGE"]);
        assert_eq!(watch.next()[0], "default");
        cluster.ok("create sa web");
        assert_eq!(watch.next()[..2], ["web", "0"], "without a second headline");
        cluster.ok(r#"patch sa web -p '{"secrets":[{"name":"one"}]}'"#);
        assert_eq!(watch.next()[..2], ["web", "1"]);
        cluster.ok("delete sa web");
        assert_eq!(watch.next()[0], "web");
        assert!(watch.is_silent());
    });
}

#[test]
fn what_a_selection_loses_is_deleted_from_it() {
    in_cluster(|cluster| {
        cluster.ok("create sa web");
        let watch = Watch::start(cluster, "get sa -l tier=front --watch-only --output-watch-events");
        // Nothing tells from outside that the watch has begun; its first event does.
        std::thread::sleep(Duration::from_millis(700));
        cluster.ok("label sa web tier=front");
        assert_eq!(watch.next(), ["EVENT", "NAME", "SECRETS", "AGE"]);
        assert_eq!(watch.next()[..2], ["ADDED", "web"]);
        cluster.ok("annotate sa web a=1");
        assert_eq!(watch.next()[..2], ["MODIFIED", "web"]);
        cluster.ok("label sa web tier=back --overwrite");
        assert_eq!(watch.next()[..2], ["DELETED", "web"]);
        cluster.ok("annotate sa web a=2 --overwrite");
        assert!(watch.is_silent());
    });
}

#[test]
fn pods_that_a_controller_makes_are_seen() {
    in_cluster(|cluster| {
        let watch =
            Watch::start(cluster, "get pods --watch -o 'custom-columns=NAME:.metadata.name,PHASE:.status.phase'");
        std::thread::sleep(Duration::from_millis(700));
        cluster.ok("create deployment app --image=nginx");
        let mut line = watch.next();
        if line[0] == "NAME" {
            line = watch.next();
        }
        assert!(line[0].starts_with("app-"), "{line:?}");
        while line[1] != "Running" {
            line = watch.next();
        }
        cluster.ok("delete deployment app");
        assert!(watch.next()[0].starts_with("app-"));
    });
}

#[test]
fn who_may_not_watch_is_told_so() {
    in_cluster_with_roles(|cluster| {
        cluster.ok("create role reader --verb=get,list --resource=serviceaccounts");
        cluster.ok("create rolebinding reader --role=reader --user=jane");
        let refused = cluster.run("", "get sa --watch --as=jane");
        assert_eq!(refused.code, 1);
        assert!(refused.err.contains("User \"jane\" cannot watch resource \"serviceaccounts\""), "{}", refused.err);
    });
}
