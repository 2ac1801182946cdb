//! For ten seconds, valid requests with something wrong in them, over the wire to every surface: each answer must be one that
//! its service could give. Nothing may panic, hang, or be a 500 that the service would not give.
//!
//! `AZWI_FUZZ_SEED` and `AZWI_FUZZ_SECONDS` change what is tried and for how long; a failure prints its seed and the request.

pub(crate) mod corpus;
mod mutate;
pub(crate) mod wire;

use std::time::{Duration, Instant};

use azwi_emulator::Options;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use serde_json::Value;

use crate::support::Client;
use corpus::Shot;
use wire::{Reply, Wire};

/// After so many requests what they have destroyed is made anew.
const ROUND: u32 = 300;

fn variable(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().unwrap())
}

#[tokio::test]
async fn whatever_is_wrong_with_a_request_its_service_says_so() {
    let azure = Client::start(Options::default()).await;
    try_all(&azure, async || corpus::services(&azure).await, variable("AZWI_FUZZ_SECONDS", 10)).await;
}

#[tokio::test]
async fn whatever_is_wrong_with_a_request_to_the_emulator_itself_it_says_so() {
    let azure = Client::start(Options::default()).await;
    try_all(&azure, async || corpus::control(&azure), variable("AZWI_FUZZ_SECONDS", 10) / 3).await;
}

async fn try_all(azure: &Client, corpus: impl AsyncFn() -> Vec<Shot>, seconds: u64) {
    let seed = variable("AZWI_FUZZ_SEED", 1);
    let mut random = StdRng::seed_from_u64(seed);
    let mut wire = Wire::new(&azure.emulator().ca_pem);
    let address = azure.url().replace("https://", "");
    let mut shots = Vec::new();
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut tried = 0_u32;
    let mut refused = 0_u32;
    while Instant::now() < end {
        if tried.is_multiple_of(ROUND) {
            let reset = Shot::new(&address, "POST", "/_emulator/reset");
            assert_eq!(wire.send(&reset).await.unwrap().status, 204);
            shots = corpus().await;
            for shot in &shots {
                let reply = wire.send(shot).await.unwrap();
                assert!(reply.status < 400, "a request that should be valid: {shot}\n{reply}");
            }
        }
        let mut shot = shots.choose(&mut random).unwrap().clone();
        mutate::mutate(&mut shot, &mut random, &shots);
        tried += 1;
        // What was meant for the emulator itself may have changed how it answers anything else.
        let control = shots.iter().all(|shot| shot.target.starts_with("/_emulator/"));
        if !shot.can_be_sent() || (control && !shot.target.starts_with("/_emulator/")) {
            continue;
        }
        let verdict = match wire.send(&shot).await {
            Ok(reply) => {
                refused += u32::from(reply.status >= 400);
                judge(&shot, &reply).map_err(|why| format!("{why}\n{reply}"))
            }
            // A vault that was deleted listens no more until all is made anew.
            Err(error) if error.contains("refused") && shot.address != address => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(why) = verdict {
            panic!("AZWI_FUZZ_SEED={seed}, request {tried}: {why}\nafter {shot}");
        }
    }
    eprintln!("seed {seed}: {tried} requests, of which {refused} were refused");
    assert!(tried > 50 && refused > tried / 5, "{tried} requests, of which {refused} were refused, try little");
}

/// What a real kube-apiserver answers 500 to, by what the messages begin with: recorded in `tests/kubernetes-contract`, but for
/// the one about impersonation, which is from its source.
const KUBERNETES_500: &[&str] = &[
    "failed to create typed patch object",
    "failed to convert new object",
    "resourceVersion should not be set on objects to be created",
    "strconv.ParseUint: parsing ",
    "couldn't get version/kind; json parse error",
    "no kind \"",
    "unknown patch type: ",
    "map: ",
    "requested groups, a uid or extras without impersonating a user",
    "resourceVersion: Invalid value: ",
];

/// Whether the service could have given this answer.
fn judge(shot: &Shot, reply: &Reply) -> Result<(), String> {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
    if reply.status < 400 || shot.method == "HEAD" {
        return if reply.status < 500 { Ok(()) } else { Err("a failure of the server".to_owned()) };
    }
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).is_some_and(|it| !it.is_empty());
    let cluster = shot.target.starts_with("/clusters/demo");
    if reply.status >= 500 {
        let message = body["message"].as_str().unwrap_or_default();
        let known = cluster && KUBERNETES_500.iter().any(|known| message.starts_with(known));
        return if known { Ok(()) } else { Err("a failure of the server".to_owned()) };
    }
    let of_azure = text("/error/code") && text("/error/message");
    let of_entra = text("/error") && text("/error_description") && body["error_codes"].is_array();
    let own = if cluster {
        let status = body["kind"] == "Status" && text("/message") && body["code"] == reply.status;
        status || reply.body.starts_with(b"404 page not found") || text("/error")
    } else if shot.target.starts_with("/_emulator") || shot.target.starts_with("/oidc") {
        text("/error") || of_azure
    } else {
        // What is nobody's path is Azure Resource Manager's to refuse.
        of_azure || of_entra || text("/error")
    };
    if own { Ok(()) } else { Err("not an error of the service".to_owned()) }
}
