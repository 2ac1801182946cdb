//! What happens to an object between configuration and state, decided from its schema alone: pure, and the same for every
//! resource.
//!
//! - `validate`: what is wrong with a configuration, before anything is asked of anybody;
//! - `plan`: what the object will be, and whether it must be replaced;
//! - `refresh`: what a read may show as drift.

pub(crate) mod plan;
pub(crate) mod refresh;
pub(crate) mod validate;
