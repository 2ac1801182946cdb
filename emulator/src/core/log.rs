//! The log of requests: what tests count, and what a user looks at when a client does what nobody expected.
//!
//! It has no bodies and no tokens. An entry is made when the request arrives, so that one which never gets an answer is in it.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use super::http::Request;
use super::route::Destination;

/// The oldest entries go when there are more than this many.
const KEPT: usize = 100_000;

/// One request.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// Counts up from 1 over the emulator's whole life.
    pub number: u64,
    /// When it arrived, by the emulator's clock, in milliseconds since 1970.
    pub time_ms: i64,
    /// The operation's name, as the service's specification has it, or `unknown`.
    pub operation: String,
    /// What its sender must be allowed to, as roles say it: an action of Azure Resource Manager, or verb and resource of
    /// Kubernetes (`patch serviceaccounts`, `get deployments.apps`). Absent where being signed in is enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub right: Option<String>,
    /// The HTTP method.
    pub method: String,
    /// Path and query as sent.
    pub path: String,
    /// The status of the answer; absent while there is none, and for good when the connection was dropped before the effect.
    pub status: Option<u16>,
    /// What became of it besides: the fault that struck.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// The client's own id of the request: `x-ms-client-request-id` or `client-request-id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_request_id: Option<String>,
    /// The correlation id the client sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// Who says to have sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

/// The requests so far.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: VecDeque<Entry>,
    last: u64,
}

impl Log {
    /// Writes down a request that has just arrived and returns its number.
    pub(crate) fn arrived(&mut self, time_ms: i64, destination: &Destination, request: &Request) -> u64 {
        self.last += 1;
        let header = |name| request.header(name).map(str::to_owned);
        self.entries.push_back(Entry {
            number: self.last,
            time_ms,
            operation: destination.name.clone(),
            right: destination.right.clone(),
            method: request.method.to_string(),
            path: request.path_and_query(),
            status: None,
            fault: None,
            client_request_id: header("x-ms-client-request-id").or_else(|| header("client-request-id")),
            correlation_id: header("x-ms-correlation-request-id"),
            user_agent: header("user-agent"),
        });
        if self.entries.len() > KEPT {
            self.entries.pop_front();
        }
        self.last
    }

    /// Completes the entry of this number, unless it has been deleted meanwhile.
    pub(crate) fn answered(&mut self, number: u64, status: Option<u16>, fault: Option<String>) {
        // Entries are in the order of their numbers without gaps, except where the log was cleared.
        if let Ok(index) = self.entries.binary_search_by_key(&number, |entry| entry.number)
            && let Some(entry) = self.entries.get_mut(index)
        {
            entry.status = status;
            entry.fault = fault;
        }
    }

    /// The entries after this number.
    pub(crate) fn since(&self, number: u64) -> Vec<Entry> {
        self.entries.iter().filter(|entry| entry.number > number).cloned().collect()
    }

    /// How many requests there were of each operation, after this number.
    pub(crate) fn counts(&self, since: u64) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for entry in self.entries.iter().filter(|entry| entry.number > since) {
            *counts.entry(entry.operation.clone()).or_default() += 1;
        }
        counts
    }

    /// Forgets all entries; the numbers go on.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}
