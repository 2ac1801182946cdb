//! The clients of both planes, made at their first use: configuring the provider contacts nobody.

/// What the provider's configuration gives access to.
#[derive(Debug, Default)]
pub struct Clients {}
