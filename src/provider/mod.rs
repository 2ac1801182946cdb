//! The provider's own schema, and its configuration: from attributes and environment to clients.

mod checks;
mod cluster;
mod schema;
mod settings;
mod source;
#[cfg(feature = "test-clock")]
mod test_clock;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clients::Clients;
use crate::context::{Context, Report};
use crate::error::{Error, Result};
use crate::ledger::{Ledger, Owner};
use crate::schema::Schema;
use crate::value::Value;
use crate::wait::Wait;

pub(crate) use source::Environment;

/// The provider in one process: what the last configuration said, and the cancellation that Ctrl-C sets.
///
/// In debug mode a process outlives a run of Terraform, so a configuration replaces all that the one before made.
#[derive(Default)]
pub struct Provider {
    session: RwLock<Session>,
}

#[derive(Default, Clone)]
struct Session {
    clients: Option<Arc<Clients>>,
    cancel: CancellationToken,
    ledger: Ledger,
}

impl Provider {
    /// The provider's schema.
    pub fn schema() -> Schema {
        schema::schema()
    }

    /// What is wrong with a configuration of the provider.
    pub(crate) fn validate(&self, config: &Value) -> Vec<Error> {
        let mut errors = crate::lifecycle::validate::validate(&Self::schema(), config, true);
        errors.extend(settings::conflicts(config));
        errors
    }

    /// Takes a configuration, which may hold unknowns, and what the environment adds to it. Contacts nobody.
    pub fn configure(&self, config: &Value, environment: Environment<'_>) -> Report {
        let settings = settings::resolve(config, environment);
        let clients = Clients::new(settings.azure, settings.kubernetes, settings.plan_checks);
        let session = Session { clients: Some(Arc::new(clients)), ..Session::default() };
        *self.session.write().unwrap_or_else(PoisonError::into_inner) = session;
        Report { errors: settings.errors, warnings: Vec::new() }
    }

    /// Ends all waits of the calls that run, as the user's Ctrl-C asks.
    pub(crate) fn stop(&self) {
        self.session().cancel.cancel();
    }

    /// The surroundings of a call that may take `timeout` and changes nothing.
    pub fn context(&self, timeout: Duration) -> Context {
        self.context_of(timeout, false, Owner::default())
    }

    /// The surroundings of a call on behalf of a resource instance.
    pub(crate) fn context_of(&self, timeout: Duration, adopt_existing: bool, owner: Owner) -> Context {
        let session = self.session();
        let wait = Wait::new(timeout, session.cancel.child_token());
        Context::new(clients(&session), wait, adopt_existing, session.ledger.begin(owner))
    }

    fn session(&self) -> Session {
        self.session.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn clients(session: &Session) -> Result<Arc<Clients>> {
    session.clients.clone().ok_or_else(|| {
        Error::new("The provider is not configured", "Terraform asked for an object before it configured the provider.")
    })
}
