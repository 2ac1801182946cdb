//! When a request is worth sending again, and when.

use std::time::{Duration, SystemTime};

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// Failures of the service and of the network are tried this often; being throttled does not count, it ends with the timeout.
pub(super) const ATTEMPTS: u32 = 8;

/// A host that cannot be reached is tried this often, some eight seconds long: names and routes come back fast or not at all.
pub(super) const CONNECTS: u32 = 5;

/// Statuses that the same request may not get again: those that Microsoft's SDKs retry.
pub(super) fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

/// Whether a request may be sent again after a connection broke without an answer.
///
/// A PUT may not: it might have created the object, and whether it did is for the caller to look up before anything is
/// written again.
pub(super) fn may_repeat(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS)
}

/// How long to wait before attempt `attempt + 1`: from half a second, doubled each time, to half a minute, and somewhere
/// between half of that and the whole, so that thirty refused requests do not come back together.
pub(super) fn backoff(attempt: u32, random: f64) -> Duration {
    let whole = Duration::from_millis(500).saturating_mul(1 << attempt.min(10)).min(Duration::from_secs(30));
    whole.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
}

/// What the service asks to wait, in the order of Microsoft's SDKs; `Retry-After` is seconds or a date.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    for name in ["x-ms-retry-after-ms", "retry-after-ms"] {
        if let Some(milliseconds) = header(name).and_then(|value| value.parse().ok()) {
            return Some(Duration::from_millis(milliseconds));
        }
    }
    let value = header("retry-after")?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = OffsetDateTime::parse(value, &Rfc2822).ok()?;
    Some(SystemTime::from(date).duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (reqwest::header::HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn the_wait_grows_to_half_a_minute_and_never_is_the_same_for_all() {
        assert_eq!(backoff(0, 1.0), Duration::from_millis(500));
        assert_eq!(backoff(0, 0.0), Duration::from_millis(250));
        assert_eq!(backoff(3, 1.0), Duration::from_secs(4));
        assert_eq!(backoff(60, 1.0), Duration::from_secs(30));
    }

    #[test]
    fn every_form_of_retry_after_is_understood() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
        let ask = |pairs: &[(&'static str, &str)]| retry_after(&headers(pairs), now);
        assert_eq!(ask(&[("retry-after", "17")]), Some(Duration::from_secs(17)));
        assert_eq!(ask(&[("retry-after", "Sun, 13 Sep 2020 12:26:50 GMT")]), Some(Duration::from_secs(10)));
        assert_eq!(ask(&[("retry-after", "Sun, 13 Sep 2020 12:26:30 GMT")]), Some(Duration::ZERO));
        assert_eq!(ask(&[("retry-after", "17"), ("retry-after-ms", "250")]), Some(Duration::from_millis(250)));
        assert_eq!(ask(&[("x-ms-retry-after-ms", "5"), ("retry-after-ms", "250")]), Some(Duration::from_millis(5)));
        assert_eq!(ask(&[("retry-after", "soon")]), None);
    }

    #[test]
    fn a_put_is_not_repeated_blindly() {
        assert!(may_repeat(&Method::GET) && may_repeat(&Method::DELETE));
        assert!(!may_repeat(&Method::PUT) && !may_repeat(&Method::POST) && !may_repeat(&Method::PATCH));
    }
}
