//! `/_emulator/…`: what no cloud has. Request log, state, clock, settings, faults, seeds, keys of foreign issuers.
//!
//! | request | what it does |
//! |---|---|
//! | `GET /_emulator/log?since=N` | the requests after number N |
//! | `GET /_emulator/log/counts?since=N` | how many of each operation |
//! | `DELETE /_emulator/log` | forgets them |
//! | `GET`, `PUT /_emulator/state` | all documents; PUT replaces them |
//! | `POST /_emulator/reset` | the state of the beginning, an empty log |
//! | `GET`, `POST /_emulator/clock` | `{"now": …}`; POST `{"advance_ms": N}` moves it |
//! | `GET`, `PUT`, `PATCH /_emulator/settings` | see [`Settings`](crate::core::settings::Settings); both change only what they name |
//! | `GET`, `PUT /_emulator/faults` | a list of [`Fault`]; PUT replaces it |
//! | `POST /_emulator/seed` | adds what a [`crate::seed::Seed`] names |
//! | `PUT /_emulator/issuers` | `{"issuer": …, "jwks": …}`: keys of an issuer elsewhere |
//!
//! These requests are in no log and meet no fault and no latency.

use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use crate::core::fault::Fault;
use crate::core::http::{Request, Response};
use crate::core::json::Json as _;
use crate::core::operation::{Answer, Call, Operation, Stop};
use crate::core::surface::{Failure, Surface};
use crate::core::world::World;
use crate::seed::{Issuer, Seed};

/// The emulator's own interface.
pub(crate) struct Control;

impl Surface for Control {
    fn name(&self) -> &'static str {
        "control"
    }

    fn serves(&self, _request: &Request, segments: &[String]) -> bool {
        segments.first().is_some_and(|first| first == "_emulator")
    }

    fn operations(&self) -> &'static [&'static [Operation]] {
        &[OPERATIONS]
    }

    fn failure(&self, failure: Failure<'_>) -> Response {
        let unknown = |request: &Request| format!("the emulator has no {} {}", request.method, request.path);
        let (status, error) = match failure {
            Failure::UnknownPath(request) => (StatusCode::NOT_FOUND, unknown(request)),
            Failure::OtherMethod(request) => (StatusCode::METHOD_NOT_ALLOWED, unknown(request)),
            Failure::UnsafePath => (StatusCode::BAD_REQUEST, "a part of the path is no name".to_owned()),
            Failure::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 4 MiB".to_owned()),
            Failure::Internal(reason) => (StatusCode::INTERNAL_SERVER_ERROR, reason.to_owned()),
        };
        Response::json(status, &json!({"error": error}))
    }

    fn is_control(&self) -> bool {
        true
    }
}

const OPERATIONS: &[Operation] = &[
    Operation::new("Emulator_Log", "GET", "/_emulator/log", log),
    Operation::new("Emulator_LogCounts", "GET", "/_emulator/log/counts", counts),
    Operation::new("Emulator_ClearLog", "DELETE", "/_emulator/log", clear_log),
    Operation::new("Emulator_State", "GET", "/_emulator/state", state),
    Operation::new("Emulator_RestoreState", "PUT", "/_emulator/state", restore_state),
    Operation::new("Emulator_Reset", "POST", "/_emulator/reset", reset),
    Operation::new("Emulator_Clock", "GET", "/_emulator/clock", clock),
    Operation::new("Emulator_AdvanceClock", "POST", "/_emulator/clock", advance_clock),
    Operation::new("Emulator_Settings", "GET", "/_emulator/settings", settings),
    Operation::new("Emulator_ChangeSettings", "PUT", "/_emulator/settings", change_settings),
    Operation::new("Emulator_ChangeSettings", "PATCH", "/_emulator/settings", change_settings),
    Operation::new("Emulator_Faults", "GET", "/_emulator/faults", faults),
    Operation::new("Emulator_ReplaceFaults", "PUT", "/_emulator/faults", replace_faults),
    Operation::new("Emulator_Seed", "POST", "/_emulator/seed", seed),
    Operation::new("Emulator_RegisterIssuer", "PUT", "/_emulator/issuers", register_issuer),
];

fn refuse(error: impl std::fmt::Display) -> Stop {
    Response::json(StatusCode::BAD_REQUEST, &json!({"error": error.to_string()})).into()
}

fn body<T: DeserializeOwned>(call: &Call<'_>) -> Result<T, Stop> {
    serde_json::from_slice(&call.request.body).map_err(refuse)
}

fn ok(body: &impl serde::Serialize) -> Answer {
    let body = serde_json::to_value(body).map_err(refuse)?;
    Ok(Response::json(StatusCode::OK, &body))
}

fn since(call: &Call<'_>) -> Result<u64, Stop> {
    call.request.query("since").unwrap_or("0").parse().map_err(|_| refuse("`since` is the number of a request"))
}

fn log(world: &mut World, call: &Call<'_>) -> Answer {
    ok(&world.log.since(since(call)?))
}

fn counts(world: &mut World, call: &Call<'_>) -> Answer {
    ok(&world.log.counts(since(call)?))
}

fn clear_log(world: &mut World, _call: &Call<'_>) -> Answer {
    world.log.clear();
    Ok(Response::empty(StatusCode::NO_CONTENT))
}

fn state(world: &mut World, _call: &Call<'_>) -> Answer {
    ok(&world.state())
}

fn restore_state(world: &mut World, call: &Call<'_>) -> Answer {
    world.restore(body(call)?);
    Ok(Response::empty(StatusCode::NO_CONTENT))
}

fn reset(world: &mut World, _call: &Call<'_>) -> Answer {
    world.reset();
    Ok(Response::empty(StatusCode::NO_CONTENT))
}

fn clock(world: &mut World, _call: &Call<'_>) -> Answer {
    ok(&json!({"now": world.clock.now().format(&Rfc3339).unwrap_or_default()}))
}

fn advance_clock(world: &mut World, call: &Call<'_>) -> Answer {
    let body: Value = body(call)?;
    if !body.at("advance_ms").as_i64().is_some_and(|milliseconds| world.clock.advance(milliseconds)) {
        return Err(refuse(
            "`advance_ms` is a number of milliseconds, to within a thousand years of the machine's time",
        ));
    }
    clock(world, call)
}

fn settings(world: &mut World, _call: &Call<'_>) -> Answer {
    ok(&world.settings)
}

fn change_settings(world: &mut World, call: &Call<'_>) -> Answer {
    world.settings = world.settings.changed(&body(call)?).map_err(refuse)?;
    ok(&world.settings)
}

fn faults(world: &mut World, _call: &Call<'_>) -> Answer {
    ok(&world.faults.list())
}

fn replace_faults(world: &mut World, call: &Call<'_>) -> Answer {
    world.faults.replace(body::<Vec<Fault>>(call)?).map_err(refuse)?;
    ok(&world.faults.list())
}

fn seed(world: &mut World, call: &Call<'_>) -> Answer {
    let text = std::str::from_utf8(&call.request.body).map_err(refuse)?;
    Seed::parse(text).map_err(refuse)?.apply(world).map_err(refuse)?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}

fn register_issuer(world: &mut World, call: &Call<'_>) -> Answer {
    let seed = Seed { issuers: vec![body::<Issuer>(call)?], ..Seed::default() };
    seed.apply(world).map_err(refuse)?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
