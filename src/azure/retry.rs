//! When a request to Azure is worth another try, and what is reported if none succeeds.

use std::time::Duration;

use reqwest::StatusCode;

use super::error::Error;
use crate::http::{Backoff, Broken, End, GaveUp, Repeat, Verdict, jittered};
use crate::wait::Interrupted;

/// Failures of the service and of the network are tried this often.
pub(super) const ATTEMPTS: u32 = 8;

/// A host that cannot be reached is tried this often, some ten seconds long: names and routes come back fast or not at all.
const CONNECTS: u32 = 5;

/// The pauses between these tries.
pub(super) const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(30) };

/// The verdict on an answer that is no success. What passes is what Microsoft's SDKs retry.
pub(super) fn refused(status: StatusCode, asked: Option<Duration>) -> Verdict {
    match status.as_u16() {
        // The slots of the pace are the pause; a little more, so that clients drift apart.
        429 => Verdict::NotYet { after: jittered(Duration::from_millis(250)) },
        408 | 500 | 502 | 503 | 504 => {
            Verdict::Passing { tries: ATTEMPTS, after: asked.filter(|asked| !asked.is_zero()) }
        }
        _ => Verdict::Final,
    }
}

/// The advice where the service asks for a longer pause than the operation may take.
pub(super) fn outlasts_the_timeout(asked: Duration) -> String {
    const DAY: Duration = Duration::from_secs(86_400);
    let pause = match asked > DAY {
        true => "more than a day".to_owned(),
        false => humantime::format_duration(Duration::from_secs(asked.as_secs())).to_string(),
    };
    format!(
        "The service asks to wait for {pause}, which is longer than what is left of the timeout. Run it again after that."
    )
}

/// The verdict on a connection without an answer. A request that may have arrived is repeated only if that is safe; else the
/// caller looks what became of it.
pub(super) fn broken(broken: &Broken, repeat: Repeat) -> Verdict {
    match (broken.certificate(), broken.never_sent, repeat) {
        (Some(_), ..) => Verdict::Final,
        (None, true, _) if broken.cause == crate::http::Cause::Unsendable => Verdict::Final,
        (None, true, _) => Verdict::Passing { tries: CONNECTS, after: None },
        (None, false, Repeat::Safe) => Verdict::Passing { tries: ATTEMPTS, after: None },
        (None, false, Repeat::Never) => Verdict::Final,
    }
}

/// The failure to report when a loop gave up, with the number of tries.
pub(super) fn gave_up(gave_up: GaveUp<Error>) -> Error {
    let GaveUp { mut error, cut_short, tries, end } = gave_up;
    error.ambiguous |= cut_short.is_some_and(|cut_short| cut_short.ambiguous);
    match end {
        End::Final => error,
        End::Exhausted if tries < 2 => error,
        End::Exhausted => error.hint(format!("It was tried {tries} times.")),
        End::Interrupted(Interrupted::Deadline) => error.hint(format!(
            "It was tried until the timeout ({tries} times). Raise that in the resource's `timeouts` block if the service is only slow."
        )),
        End::Interrupted(why @ Interrupted::Cancelled) => {
            let waiting_for = format!("another try after: {}", error.message);
            let mut interrupted = Error::interrupted(why, &error.operation, &error.target, &waiting_for);
            interrupted.ambiguous = error.ambiguous;
            interrupted
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::error::ErrorKind;

    fn passes(verdict: Verdict) -> bool {
        matches!(verdict, Verdict::Passing { .. } | Verdict::NotYet { .. })
    }

    #[test]
    fn statuses_that_microsofts_sdks_retry_pass() {
        let status = |status| refused(StatusCode::from_u16(status).unwrap(), None);
        for passing in [408, 429, 500, 502, 503, 504] {
            assert!(passes(status(passing)), "{passing}");
        }
        for last in [400, 401, 403, 404, 409, 412, 501] {
            assert_eq!(status(last), Verdict::Final, "{last}");
        }
        assert!(matches!(status(429), Verdict::NotYet { .. }), "throttling ends with the timeout alone");
    }

    #[test]
    fn pause_that_the_service_asks_for_is_kept() {
        let asked = |pause| match refused(StatusCode::SERVICE_UNAVAILABLE, pause) {
            Verdict::Passing { after, .. } => after,
            _ => None,
        };
        assert_eq!(asked(Some(Duration::from_secs(3))), Some(Duration::from_secs(3)));
        assert_eq!(asked(Some(Duration::ZERO)), None, "no pause at all would be a storm");
    }

    #[test]
    fn failure_is_reported_with_its_tries() {
        let ended = |end| {
            let error = Error::new(ErrorKind::Unavailable, "GET managed identity", "/x", "busy");
            gave_up(GaveUp { error, cut_short: None, tries: 8, end })
        };
        assert!(ended(End::Exhausted).to_string().contains("8 times"));
        let late = ended(End::Interrupted(Interrupted::Deadline));
        assert!(late.kind == ErrorKind::Unavailable && late.to_string().contains("timeouts"), "{late}");
        let stopped = ended(End::Interrupted(Interrupted::Cancelled));
        assert!(stopped.kind == ErrorKind::Cancelled && stopped.message.contains("busy"), "{stopped}");
        assert_eq!(ended(End::Final).hint, None);
    }

    #[test]
    fn write_that_was_cut_short_stays_ambiguous() {
        let error = |ambiguous| {
            let mut error = Error::new(ErrorKind::Unavailable, "PUT managed identity", "/x", "busy");
            error.ambiguous = ambiguous;
            error
        };
        for why in [Interrupted::Deadline, Interrupted::Cancelled] {
            let end = End::Interrupted(why);
            let error = gave_up(GaveUp { error: error(false), cut_short: Some(error(true)), tries: 2, end });
            assert!(error.ambiguous, "{error}");
        }
    }
}
