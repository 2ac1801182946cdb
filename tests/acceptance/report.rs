//! What ran: a line for each scenario on standard error, and one for `make test-real` to count in the file that AZWI_TEST_REPORT names,
//! with tabs between the test's name, the Terraform, where its cluster was, and how long it took.
//!
//! That a scenario ran on a real cluster is what the API server says, in the audit log that AZWI_TEST_AUDIT names: the provider
//! asked it about the scenario's namespace.

use std::fs::{self, OpenOptions};
use std::io::Write as _;

use serde_json::Value as Json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::clusters;

/// The namespace that examples use, which only one scenario at a time has.
const OF_EXAMPLES: &str = "demo";

/// One scenario under one Terraform.
pub struct Report {
    test: String,
    terraform: String,
    namespace: String,
    begun: OffsetDateTime,
}

impl Report {
    /// A scenario that begins, in this namespace.
    pub fn begin(test: &str, terraform: &str, namespace: &str) -> Self {
        let begun = OffsetDateTime::now_utc();
        Self { test: test.to_owned(), terraform: terraform.to_owned(), namespace: namespace.to_owned(), begun }
    }

    /// It ended well.
    pub fn end(self) {
        let place = match clusters::real() {
            None => "emulated cluster",
            Some(_) if self.provider_was_there() => "real cluster",
            Some(_) => "no cluster",
        };
        let took = format!("{:.1} s", (OffsetDateTime::now_utc() - self.begun).as_seconds_f64());
        print(&format!("{}: {}, {took}", self.test, self.terraform));
        line(&[&self.test, &self.terraform, place, &took]);
    }

    /// Whether the provider asked a real server about the namespace since the scenario began.
    fn provider_was_there(&self) -> bool {
        let Some(path) = std::env::var_os("AZWI_TEST_AUDIT") else { return false };
        // The last line may be half written.
        let entries = fs::read_to_string(path).unwrap();
        let mut entries = entries.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok());
        entries.any(|entry| {
            let text = |pointer: &str| entry.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
            let about =
                if text("/objectRef/resource") == "namespaces" { "/objectRef/name" } else { "/objectRef/namespace" };
            let at = OffsetDateTime::parse(text("/requestReceivedTimestamp"), &Rfc3339);
            text("/userAgent").starts_with("terraform-provider-azwi/")
                && [&self.namespace, OF_EXAMPLES].contains(&text(about))
                && at.is_ok_and(|at| at >= self.begun)
        })
    }
}

/// Prints a line, also where the test harness captures the output of tests.
pub fn print(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A scenario that no real cluster could play, and why.
pub fn not_for_a_real_cluster(test: &str, why: &str) {
    line(&[test, "-", "not for a real cluster", why]);
}

fn line(fields: &[&str]) {
    if let Some(path) = std::env::var_os("AZWI_TEST_REPORT") {
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        // One write, because tests run in parallel.
        file.write_all(format!("{}\n", fields.join("\t")).as_bytes()).unwrap();
    }
}
