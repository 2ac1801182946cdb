//! What every surface stands on: the documents, the clock, one request's way from the port to its answer, and the contract of a
//! surface. It knows no surface; the list of them is handed in.

pub(crate) mod access_token;
mod certificates;
pub(crate) mod chance;
pub(crate) mod clock;
mod cut;
pub mod fault;
pub(crate) mod folder;
pub(crate) mod guid;
pub(crate) mod http;
pub(crate) mod json;
pub mod jwt;
pub mod log;
pub(crate) mod operation;
pub(crate) mod pipeline;
pub(crate) mod port;
pub(crate) mod route;
pub mod rule;
pub(crate) mod server;
pub mod settings;
pub(crate) mod store;
pub(crate) mod stream;
pub(crate) mod surface;
pub(crate) mod throttle;
mod tunnel;
pub(crate) mod world;
