//! How long a service asks to wait: `Retry-After` in seconds or as a date, and Azure's headers in milliseconds.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

/// No service means a longer pause, and no operation lasts as long: more is read as this much.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The pause that the headers of an answer ask for, in the order of Microsoft's SDKs. Nonsense counts as none.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    for name in ["x-ms-retry-after-ms", "retry-after-ms"] {
        if let Some(milliseconds) = header(name).and_then(number) {
            return Some(Duration::from_millis(milliseconds).min(LONGEST));
        }
    }
    let value = header("retry-after")?;
    let asked = match number(value) {
        Some(seconds) => Duration::from_secs(seconds),
        None => httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default(),
    };
    Some(asked.min(LONGEST))
}

/// A number of digits alone. One that is too large is the largest.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderName;

    fn asked(pairs: &[(&'static str, &str)]) -> Option<Duration> {
        let header = |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), value.parse().unwrap());
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
        retry_after(&pairs.iter().map(header).collect(), now)
    }

    #[test]
    fn every_form_is_understood() {
        assert_eq!(asked(&[("retry-after", "17")]), Some(Duration::from_secs(17)));
        assert_eq!(asked(&[("retry-after", " 0 ")]), Some(Duration::ZERO));
        for date in ["Sun, 13 Sep 2020 12:26:50 GMT", "Sunday, 13-Sep-20 12:26:50 GMT", "Sun Sep 13 12:26:50 2020"] {
            assert_eq!(asked(&[("retry-after", date)]), Some(Duration::from_secs(10)), "{date}");
        }
        assert_eq!(asked(&[("retry-after", "Sun, 13 Sep 2020 12:26:30 GMT")]), Some(Duration::ZERO));
        assert_eq!(
            asked(&[("retry-after", "17"), ("retry-after-ms", "250")]),
            Some(Duration::from_millis(250)),
            "the finer one wins"
        );
        assert_eq!(asked(&[("x-ms-retry-after-ms", "20")]), Some(Duration::from_millis(20)));
    }

    #[test]
    fn absurd_pause_is_the_longest() {
        let beyond = "9".repeat(400);
        for text in ["86401", "9223372036854775808", "18446744073709551615", "18446744073709551616", &beyond] {
            for name in ["retry-after", "retry-after-ms", "x-ms-retry-after-ms"] {
                let long = asked(&[(name, text)]).unwrap();
                assert!(long <= LONGEST && long >= Duration::from_secs(86), "{name}: {text}: {long:?}");
            }
        }
        assert_eq!(asked(&[("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT")]), Some(LONGEST));
    }

    #[test]
    fn nonsense_is_no_pause() {
        for text in ["", "soon", "-1", "+5", "1.5", "1e9", "Sun, 99 Sep 2020 12:26:50 GMT"] {
            assert_eq!(asked(&[("retry-after", text)]), None, "{text}");
        }
        assert_eq!(asked(&[("retry-after-ms", "soon"), ("retry-after", "3")]), Some(Duration::from_secs(3)));
        assert_eq!(asked(&[]), None);
    }
}
