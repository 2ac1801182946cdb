//! What the HTTP clients of this provider share, whether they speak to Azure, to an API server or to an issuer.
//!
//! | file | what |
//! |---|---|
//! | `retry.rs` | the one loop that tries again, and the verdicts that steer it |
//! | `write.rs` | a write whose answer is lost: read back before it is sent again |
//! | `retry_after.rs` | how long a service asks to wait |
//! | `broken.rs` | why a connection broke, and whether the request can have been sent |
//! | `tls.rs` | why a server's certificate is not trusted |
//! | `body.rs` | the only way to read a body: bounded |
//! | `proxy.rs` | which proxy a request goes through |
//! | `header.rs` | what a header can carry |
//! | `show.rs` | URLs and foreign text, as they may appear in messages and logs |
//!
//! A service adds its own classifier, which turns a failure into a [`Verdict`], and its own error type.

mod body;
mod broken;
mod header;
mod proxy;
mod retry;
mod retry_after;
mod show;
mod tls;
mod write;

pub(crate) use body::{DOCUMENT, LIST, OBJECT, Unread, read};
pub(crate) use broken::{Broken, Cause};
pub(crate) use header::fits_header;
pub use proxy::Proxies;
pub(crate) use retry::{Backoff, End, Failed, GaveUp, Repeat, Verdict, jittered, retry};
pub(crate) use retry_after::retry_after;
pub(crate) use show::{show_address, show_at_most, show_text, show_url};
pub(crate) use tls::TlsFailure;
pub(crate) use write::write_once;

/// The name under which this provider sends requests.
pub(crate) const USER_AGENT: &str = concat!("terraform-provider-azwi/", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
#[path = "../../tests/support/server.rs"]
mod server;
