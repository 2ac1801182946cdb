//! What happens to an object between configuration and state, decided from its schema alone: pure, and the same for every
//! resource.
//!
//! - `validate`: what is wrong with a configuration, before anything is asked of anybody;
//! - `meaning`: when two values mean the same;
//! - `plan`: what the object will be, and whether it must be replaced;
//! - `unknown`: replacements that are planned only because a value is not known yet;
//! - `refresh`: what a read may show as drift.

pub(crate) mod meaning;
pub(crate) mod plan;
pub(crate) mod refresh;
pub(crate) mod unknown;
pub(crate) mod validate;
