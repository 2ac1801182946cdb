//! The managed resources, one file each.

use crate::resource::AnyResource;

/// All resources, in the order of the documentation. A new one is a file here and a line in this list.
pub static ALL: &[&dyn AnyResource] = &[];
