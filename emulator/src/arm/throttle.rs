//! The documented limits on requests.
//!
//! Azure Resource Manager counts per subscription, service principal and kind of request (reads 250 at once and 25 a second,
//! writes and deletes 200 and 10). The managed-identity service counts besides, in requests per second per tenant,
//! subscription and resource: writes and deletes 10, 2 and 0.25, reads 30, 10 and 0.5, lists 15, 5 and 0.25. How much may
//! come at once there is not documented; a second's worth, and at least one request, is assumed.

use crate::core::throttle::Limit;

/// What Azure does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    List,
    Write,
    Delete,
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
    use crate::core::throttle::Buckets;

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
