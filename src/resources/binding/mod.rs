//! The steps of `azwi_federated_credential_binding`, in the order in which it takes them.
//!
//! | file | what |
//! |---|---|
//! | `model.rs` | the binding as plan and state hold it |
//! | `plan.rs` | what a plan can settle and tell |
//! | `check.rs` | what is looked at before the first write |
//! | `progress.rs` | the writes: credential, service account, roles; and undoing them |
//! | `probe.rs` | whether a pod's token is really accepted |
//! | `refresh.rs` | what is there now, for a refresh and an import |

pub(super) mod check;
pub(super) mod model;
pub(super) mod plan;
pub(super) mod probe;
pub(super) mod progress;
pub(super) mod refresh;

/// The type's name.
pub(super) const NAME: &str = "azwi_federated_credential_binding";
