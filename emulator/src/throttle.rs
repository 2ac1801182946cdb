//! The documented limits on requests, as token buckets.
//!
//! Azure Resource Manager counts per subscription, service principal and kind of request (reads 250 at once and 25 a second,
//! writes and deletes 200 and 10). The managed-identity service counts besides, in requests per second per tenant,
//! subscription and resource: writes and deletes 10, 2 and 0.25, reads 30, 10 and 0.5, lists 15, 5 and 0.25. How much may
//! come at once there is not documented; a second's worth, and at least one request, is assumed.

use std::collections::HashMap;

/// Requests of one caller that were counted.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    buckets: HashMap<String, Bucket>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at_ms: i64,
}

/// One limit that a request is counted against.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    /// Whom it counts, such as a kind of request and an identity's id.
    pub(crate) key: String,
    /// How many may come at once.
    pub(crate) capacity: f64,
    /// How many more each second.
    pub(crate) per_second: f64,
}

/// What Azure does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    List,
    Write,
    Delete,
}

impl Buckets {
    /// Counts a request against all limits.
    ///
    /// # Errors
    /// When one of them is used up: after how many seconds to come again, at least 1. Then it counts against none.
    pub(crate) fn take(&mut self, limits: &[Limit], now_ms: i64) -> Result<(), u64> {
        let mut wait = 0.0_f64;
        for limit in limits {
            let bucket =
                self.buckets.entry(limit.key.clone()).or_insert(Bucket { tokens: limit.capacity, at_ms: now_ms });
            let elapsed = (now_ms - bucket.at_ms).max(0) as f64 / 1000.0;
            bucket.tokens = (bucket.tokens + elapsed * limit.per_second).min(limit.capacity);
            bucket.at_ms = now_ms;
            if bucket.tokens < 1.0 {
                wait = wait.max((1.0 - bucket.tokens) / limit.per_second);
            }
        }
        if wait > 0.0 {
            return Err((wait.ceil() as u64).max(1));
        }
        for limit in limits {
            if let Some(bucket) = self.buckets.get_mut(&limit.key) {
                bucket.tokens -= 1.0;
            }
        }
        Ok(())
    }

    /// How many requests a limit would still take at once.
    pub(crate) fn left(&self, limit: &Limit) -> u64 {
        self.buckets.get(&limit.key).map_or(limit.capacity, |bucket| bucket.tokens).max(0.0) as u64
    }
}

/// The limit of Azure Resource Manager.
pub(crate) fn resource_manager(kind: Kind, subscription: &str, caller: &str) -> Limit {
    let (name, capacity, per_second) = match kind {
        Kind::Read | Kind::List => ("reads", 250.0, 25.0),
        Kind::Write => ("writes", 200.0, 10.0),
        Kind::Delete => ("deletes", 200.0, 10.0),
    };
    Limit { key: format!("arm|{name}|{subscription}|{caller}"), capacity, per_second }
}

/// The three limits of the managed-identity service. `resource` is the id of the identity, in lower case.
pub(crate) fn managed_identity(kind: Kind, tenant: &str, subscription: &str, resource: &str) -> Vec<Limit> {
    let (name, rates) = match kind {
        Kind::Write | Kind::Delete => ("writes", [10.0, 2.0, 0.25]),
        Kind::Read => ("reads", [30.0, 10.0, 0.5]),
        Kind::List => ("lists", [15.0, 5.0, 0.25]),
    };
    let limit = |key: String, per_second: f64| Limit { key, capacity: per_second.max(1.0), per_second };
    [tenant, subscription, resource]
        .into_iter()
        .zip(rates)
        .filter(|(whom, _)| !whom.is_empty())
        .map(|(whom, rate)| limit(format!("msi|{name}|{whom}"), rate))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_takes_one_write_every_four_seconds_and_says_when() {
        let mut buckets = Buckets::default();
        let mut write = |now_ms| buckets.take(&managed_identity(Kind::Write, "t", "s", "/i"), now_ms);
        assert_eq!(write(0), Ok(()));
        assert_eq!(write(1_000), Err(3));
        assert_eq!(write(3_999), Err(1));
        assert_eq!(write(4_000), Ok(()), "a refused request did not count");
        let reads = managed_identity(Kind::Read, "t", "s", "/i");
        assert_eq!(buckets.take(&reads, 4_000), Ok(()), "reads are counted apart");
    }

    #[test]
    fn a_subscription_refills_ten_writes_a_second_up_to_two_hundred() {
        let mut buckets = Buckets::default();
        let limit = [resource_manager(Kind::Write, "s", "p")];
        let burst =
            |buckets: &mut Buckets, now_ms| (0..500).take_while(|_| buckets.take(&limit, now_ms).is_ok()).count();
        assert_eq!(burst(&mut buckets, 0), 200);
        assert_eq!(burst(&mut buckets, 1_000), 10);
        assert_eq!(burst(&mut buckets, 1_000_000), 200);
        assert_eq!(buckets.left(&limit[0]), 0);
        assert_eq!(buckets.left(&resource_manager(Kind::Read, "s", "p")), 250);
    }
}
