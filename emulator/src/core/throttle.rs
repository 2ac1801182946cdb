//! Limits on requests, as token buckets. How many each caller has is for its service to say.

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
