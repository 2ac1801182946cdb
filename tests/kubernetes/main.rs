//! `azwi::kubernetes` over real HTTP: against the emulator, or against any cluster that `AZWI_TEST_KUBECONFIG` names.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod between;
mod cluster;
mod connection;
mod hostile;
mod lost_answers;
mod ownership;
mod remote;
mod resource;
mod retries;
#[path = "../support/server.rs"]
mod server;
mod server_side_apply;
mod tokens;

use std::time::Duration;

use azwi::kubernetes::Fields;
use azwi::wait::Wait;

/// Long enough for everything here.
fn wait() -> Wait {
    Wait::at_most(Duration::from_secs(30))
}

fn map(pairs: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// Fields with these annotations.
fn annotations(pairs: &[(&str, &str)]) -> Fields {
    Fields { annotations: map(pairs), ..Fields::default() }
}

/// Fields with these labels.
fn labels(pairs: &[(&str, &str)]) -> Fields {
    Fields { labels: map(pairs), ..Fields::default() }
}
