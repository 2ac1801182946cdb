//! Pacing: after the service said "too many requests" once, requests of that sort are spaced at its documented rate.
//!
//! The managed identity service documents one write per 4 s and one read per 2 s for an identity, but not how many it
//! lets through before it counts. Spacing from the start would make three credentials take 8 s that the service would
//! have taken at once; never spacing would bounce every single request. So a sort of request runs freely until its first
//! 429, and from then on each gets a slot of its own, until a minute has passed without another 429. All requests of that
//! sort in the process share the slots, so one refusal stands for thirty. Slots are a twentieth longer than documented: who
//! comes a millisecond early is refused, and loses a whole slot.
//!
//! Rates: <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/known-issues> and
//! <https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling>.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::Method;
use tokio::time::Instant;

/// How long requests stay spaced after the last 429.
const CALM: Duration = Duration::from_secs(60);

/// The slots of every sort of request that was refused lately.
#[derive(Debug, Default)]
pub(super) struct Pace {
    refused: Mutex<HashMap<Bucket, Slots>>,
}

/// A sort of request that the service counts together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Bucket {
    key: String,
    every: Duration,
}

#[derive(Debug)]
struct Slots {
    next: Instant,
    until: Instant,
}

impl Bucket {
    /// Where a request counts: for an identity and what is in it, the identity; else the subscription, or the host.
    pub(super) fn of(method: &Method, path: &str) -> Self {
        let path = path.to_lowercase();
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let writes = !matches!(*method, Method::GET | Method::HEAD);
        let verb = if writes { "write" } else { "read" };
        if let [
            "subscriptions",
            subscription,
            "resourcegroups",
            group,
            "providers",
            "microsoft.managedidentity",
            _,
            name,
            rest @ ..,
        ] = &parts[..]
        {
            let list = !writes && rest.len() == 1;
            let (verb, every) = match (writes, list) {
                (true, _) => (verb, 4_200),
                (false, true) => ("list", 4_200),
                (false, false) => (verb, 2_100),
            };
            return Self { key: format!("{verb} {subscription}/{group}/{name}"), every: Duration::from_millis(every) };
        }
        let every = Duration::from_millis(if writes { 105 } else { 42 });
        let whose = match &parts[..] {
            ["subscriptions", subscription, ..] => subscription,
            _ => "tenant",
        };
        Self { key: format!("{verb} {whose}"), every }
    }
}

impl Pace {
    /// How long to wait before a request of this sort may go; takes its slot.
    pub(super) fn reserve(&self, bucket: &Bucket, now: Instant) -> Duration {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(slots) = refused.get_mut(bucket) else { return Duration::ZERO };
        if now >= slots.until && now >= slots.next {
            refused.remove(bucket);
            return Duration::ZERO;
        }
        let slot = slots.next.max(now);
        slots.next = slot + bucket.every;
        slot - now
    }

    /// Takes note of a 429: nothing of this sort before the service said, and then one at a time.
    pub(super) fn refused(&self, bucket: &Bucket, wait: Option<Duration>, now: Instant) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let next = now + wait.unwrap_or(bucket.every);
        let slots = refused.entry(bucket.clone()).or_insert(Slots { next, until: now });
        slots.next = slots.next.max(next);
        slots.until = slots.next + CALM;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIALS: &str = "/subscriptions/S/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i/federatedIdentityCredentials";

    fn bucket(method: Method, path: &str) -> Bucket {
        Bucket::of(&method, path)
    }

    #[test]
    fn an_identity_and_its_credentials_are_counted_together_whatever_their_case() {
        let identity = CREDENTIALS.trim_end_matches("/federatedIdentityCredentials");
        let write = bucket(Method::PUT, &format!("{CREDENTIALS}/a"));
        assert_eq!(write, bucket(Method::DELETE, &format!("{CREDENTIALS}/B").to_uppercase()));
        assert_eq!(write, bucket(Method::PUT, identity));
        assert_eq!(write.every, Duration::from_millis(4_200));
        assert_ne!(write, bucket(Method::GET, &format!("{CREDENTIALS}/a")));
        assert_ne!(bucket(Method::GET, CREDENTIALS), bucket(Method::GET, &format!("{CREDENTIALS}/a")));
        assert_eq!(bucket(Method::GET, "/providers/Microsoft.Authorization/x").key, "read tenant");
    }

    #[test]
    fn nothing_waits_until_the_first_refusal_and_then_each_has_its_slot() {
        let (pace, bucket, start) = (Pace::default(), bucket(Method::PUT, CREDENTIALS), Instant::now());
        let at = |milliseconds| Duration::from_millis(milliseconds);
        assert_eq!(pace.reserve(&bucket, start), at(0));
        assert_eq!(pace.reserve(&bucket, start), at(0));
        pace.refused(&bucket, Some(at(3_000)), start);
        pace.refused(&bucket, Some(at(2_000)), start);
        let slots: Vec<_> = (0..3).map(|_| pace.reserve(&bucket, start)).collect();
        assert_eq!(slots, [at(3_000), at(7_200), at(11_400)]);
        assert_eq!(pace.reserve(&bucket, start + at(30_000)), at(0));
        assert_eq!(pace.reserve(&bucket, start + at(30_000)), at(4_200));
        assert_eq!(pace.reserve(&bucket, start + at(120_000)), at(0));
        assert_eq!(pace.reserve(&bucket, start + at(120_000)), at(0));
    }
}
