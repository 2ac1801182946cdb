//! What a verb is given besides its model: the clients, the bounds of its time, and a place for warnings.

use std::sync::{Arc, Mutex, PoisonError};

use crate::azure::SubscriptionId;
use crate::clients::Clients;
use crate::clients::{Endpoint, PlanChecks};
use crate::domain::existing::{not_deleted, two_owners};
use crate::domain::object::Object;
use crate::error::{Error, Result};
use crate::ledger::{Call, How, interrupted};
use crate::turn::Turn;
use crate::wait::Wait;

/// The surroundings of one call.
pub struct Context {
    clients: Result<Arc<Clients>>,
    /// The bounds of the call's time.
    pub wait: Wait,
    /// Whether the configuration says that a create takes over what exists.
    pub adopt_existing: bool,
    /// What the other calls of this run know of this one.
    pub(crate) call: Call,
    warnings: Mutex<Vec<Error>>,
}

/// What a call tells the user.
#[derive(Debug, Default)]
pub struct Report {
    /// What went wrong.
    pub errors: Vec<Error>,
    /// What went well but should be known.
    pub warnings: Vec<Error>,
}

impl Context {
    /// The surroundings of a call; `clients` is an error where the provider has not been configured.
    pub(crate) fn new(clients: Result<Arc<Clients>>, wait: Wait, adopt_existing: bool, call: Call) -> Self {
        Self { clients, wait, adopt_existing, call, warnings: Mutex::default() }
    }

    /// The clients of both planes.
    ///
    /// # Errors
    /// Where the provider has not been configured.
    pub fn clients(&self) -> Result<&Clients> {
        self.clients.as_deref().map_err(Clone::clone)
    }

    /// The subscription that a plan works with for what names none; `None` if that is not known yet, or if only the Azure CLI
    /// could tell and the provider says that a plan checks nothing.
    ///
    /// # Errors
    /// If nothing supplies one: an apply would fail the same way.
    pub(crate) async fn subscription_at_plan(&self) -> Result<Option<SubscriptionId>> {
        let clients = self.clients()?;
        match clients.configured_subscription()? {
            Some(configured) => Ok(Some(configured)),
            None if !clients.is_azure_known() || clients.plan_checks == PlanChecks::Off => Ok(None),
            None => clients.subscription_id(&self.wait).await.map(Some),
        }
    }

    /// Notes that this call is about to write an object, which `attribute` names.
    ///
    /// # Errors
    /// Where another resource instance of this run owns it.
    pub(crate) fn take(&self, object: &Object, attribute: &str) -> Result<()> {
        self.call
            .take(object.clone())
            .map_err(|other| two_owners(object, &self.call.owner().label, &other.label).at(attribute))
    }

    /// Waits for the sole right of this run to write an object.
    ///
    /// # Errors
    /// When the wait is over first.
    pub(crate) async fn turn(&self, object: &Object) -> Result<Turn> {
        let turn = self.call.turn(object, &self.wait).await;
        turn.map_err(|why| interrupted(why, object, "other writes to it"))
    }

    /// Notes that the object is this resource's now; `existed` says whether it was adopted.
    pub(crate) fn wrote(&self, object: &Object, existed: bool) {
        self.call.has(object.clone(), if existed { How::Adopted } else { How::Wrote });
    }

    /// Whether an object must not be deleted, because another resource instance has written or adopted it in this run. The user is
    /// told.
    pub(crate) fn keeps(&self, object: &Object) -> bool {
        let Some((owner, how)) = self.call.other_owner(object) else { return false };
        self.warn(not_deleted(object, &owner.label, how == How::Adopted));
        true
    }

    /// Tells the user something that does not make the call fail.
    pub(crate) fn warn(&self, warning: Error) {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).push(warning);
    }

    /// Skips a check of a plan that could not be made: `why` is an error if the provider requires checks, else one warning for
    /// the whole run.
    ///
    /// # Errors
    /// With `plan_checks = "required"`.
    pub(crate) fn skip_check(&self, endpoint: Endpoint, check: &str, why: Error) -> Result<()> {
        let clients = self.clients()?;
        if clients.plan_checks == PlanChecks::Required {
            return Err(why);
        }
        tracing::warn!(check, %why, "a plan check was skipped");
        if clients.first_skipped() {
            let skipped = match clients.unreachable(endpoint) {
                Some(_) => {
                    format!("These checks of {} are skipped for all objects: {}", endpoint.name(), endpoint.checks())
                }
                None => format!("This check is skipped: {check}"),
            };
            self.warn(Error::new(
                "Plan checks were skipped",
                format!(
                    "{}. {}\n\n{skipped}. The plan is made from configuration and state alone, and apply makes each check before \
                     its first write. Other checks that cannot be made are skipped without another warning. Set `plan_checks` in \
                     the provider's configuration to \"off\" to make none, or to \"required\" to make this an error.",
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
