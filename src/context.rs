//! What a verb is given besides its model: the clients, the bounds of its time, and a place for warnings.

use std::sync::{Arc, Mutex, PoisonError};

use crate::clients::Clients;
use crate::clients::PlanChecks;
use crate::error::{Error, Result};
use crate::wait::Wait;

/// The surroundings of one call.
pub(crate) struct Context {
    clients: Result<Arc<Clients>>,
    /// The bounds of the call's time.
    pub wait: Wait,
    /// Whether the configuration says that a create takes over what exists.
    pub adopt_existing: bool,
    warnings: Mutex<Vec<Error>>,
}

/// What a call tells the user.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// What went wrong.
    pub errors: Vec<Error>,
    /// What went well but should be known.
    pub warnings: Vec<Error>,
}

impl Context {
    /// The surroundings of a call; `clients` is an error where the provider has not been configured.
    pub(crate) fn new(clients: Result<Arc<Clients>>, wait: Wait, adopt_existing: bool) -> Self {
        Self { clients, wait, adopt_existing, warnings: Mutex::default() }
    }

    /// The clients of both planes.
    ///
    /// # Errors
    /// Where the provider has not been configured.
    pub(crate) fn clients(&self) -> Result<&Clients> {
        self.clients.as_deref().map_err(Clone::clone)
    }

    /// Tells the user something that does not make the call fail.
    pub(crate) fn warn(&self, warning: Error) {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).push(warning);
    }

    /// What becomes of a check that a plan could not make: `why` is an error where the provider says that checks are
    /// required, else one warning for the whole run.
    ///
    /// # Errors
    /// With `plan_checks = "required"`.
    pub(crate) fn skip_check(&self, check: &str, why: Error) -> Result<()> {
        let clients = self.clients()?;
        if clients.plan_checks == PlanChecks::Required {
            return Err(why);
        }
        tracing::warn!(check, %why, "a check at plan was skipped");
        if clients.first_skipped() {
            self.warn(Error::new(
                "A check at plan was skipped",
                format!(
                    "{check} was not possible: {}. {}\n\nThe plan goes on without it and without any other check that fails the \
                     same way; each is made again in apply, before the first write. `plan_checks = \"off\"` in the provider's \
                     configuration makes none, `\"required\"` makes this an error.",
                    why.summary, why.detail
                ),
            ));
        }
        Ok(())
    }

    /// Ends the call: everything there is to tell.
    pub(crate) fn report(&self, error: Option<Error>) -> Report {
        let warnings = std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner));
        Report { errors: error.into_iter().collect(), warnings }
    }
}
