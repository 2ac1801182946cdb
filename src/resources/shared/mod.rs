//! Steps that several resources take on the same objects. A rule that needs no client is in `domain`.

pub(super) mod account;
pub(super) mod credential;
pub(super) mod plan_check;
pub(super) mod role;
