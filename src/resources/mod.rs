//! The managed resources, one file each.

mod service_account;

use crate::resource::AnyResource;

/// All resources, in the order of the documentation. A new one is a file here and a line in this list.
pub static ALL: &[&dyn AnyResource] = &[&service_account::ServiceAccount];
