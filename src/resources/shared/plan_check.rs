//! Checks that a plan makes in the world. One that cannot be made leaves the plan as it is, because apply makes it again.
//!
//! An endpoint that could not be reached once is not asked again for the checks of this process: a plan of a thousand objects
//! waits once, and says so once. Apply asks anew, since only plans come here.

use std::future::Future;

use crate::azure::{self, Azure, ErrorKind};
use crate::clients::{Clients, Endpoint, PlanChecks};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::kubernetes::{self, Client};

/// A check, as its warning calls it.
#[derive(Debug, Clone, Copy)]
pub(in crate::resources) struct PlanCheck {
    /// What it asks.
    pub(in crate::resources) endpoint: Endpoint,
    /// What it finds out.
    pub(in crate::resources) what: &'static str,
    /// The attribute that it is about.
    pub(in crate::resources) attribute: &'static str,
}

impl PlanCheck {
    /// What `ask` found out, or `None` where the check could not be made.
    ///
    /// # Errors
    /// Where checks are required and this one cannot be made.
    pub(in crate::resources) async fn ask<T, E: Failure>(
        self,
        context: &Context,
        ask: impl Future<Output = std::result::Result<T, E>>,
    ) -> Result<Option<T>> {
        let clients = context.clients()?;
        if let Some(why) = clients.unreachable(self.endpoint) {
            return self.skip(context, why).map(|()| None);
        }
        let error = match ask.await {
            Ok(found) => return Ok(Some(found)),
            Err(error) => error,
        };
        let lasting = error.is_of_endpoint();
        let why = error.in_plan();
        if lasting {
            clients.set_unreachable(self.endpoint, why.clone());
        }
        self.skip(context, why).map(|()| None)
    }

    /// The Azure client, or `None` where no check is to be made or none can be.
    ///
    /// # Errors
    /// Where checks are required and the client cannot be made.
    pub(in crate::resources) fn azure<'a>(self, context: &Context, clients: &'a Clients) -> Result<Option<&'a Azure>> {
        self.client(context, clients, clients.azure())
    }

    /// The same for the cluster's client.
    ///
    /// # Errors
    /// Where checks are required and the client cannot be made.
    pub(in crate::resources) fn kubernetes<'a>(
        self,
        context: &Context,
        clients: &'a Clients,
    ) -> Result<Option<&'a Client>> {
        self.client(context, clients, clients.kubernetes())
    }

    fn client<'a, T>(self, context: &Context, clients: &Clients, made: Result<&'a T>) -> Result<Option<&'a T>> {
        match made {
            _ if clients.plan_checks == PlanChecks::Off => Ok(None),
            Ok(client) => Ok(Some(client)),
            // A value that another object of the same apply makes: nothing to tell.
            Err(error) if error.configuration_unknown => Ok(None),
            Err(error) => self.skip(context, error).map(|()| None),
        }
    }

    fn skip(self, context: &Context, why: Error) -> Result<()> {
        context.skip_check(self.endpoint, self.what, why.at(self.attribute))
    }
}

/// An error of a client, as far as checks tell errors apart.
pub(in crate::resources) trait Failure {
    /// Whether every other request to the endpoint would meet it, too.
    fn is_of_endpoint(&self) -> bool;

    /// The error without advice on the `timeouts` block, which has no say in a plan.
    fn in_plan(self) -> Error;
}

impl Failure for azure::Error {
    fn is_of_endpoint(&self) -> bool {
        use ErrorKind::{Config, Decode, Network, SignIn, Throttled, Timeout, Unauthorized, Unavailable};
        matches!(self.kind, Config | Decode | Network | SignIn | Throttled | Timeout | Unauthorized | Unavailable)
    }

    fn in_plan(mut self) -> Error {
        use ErrorKind::{Network, Throttled, Timeout, Unavailable};
        if matches!(self.kind, Network | Throttled | Timeout | Unavailable) {
            self.hint = None;
        }
        self.into()
    }
}

impl Failure for kubernetes::Error {
    fn is_of_endpoint(&self) -> bool {
        use kubernetes::Kind::{
            Configuration, Lost, NoCluster, Server, Throttled, TimedOut, Unauthorized, Unreachable, Unreadable,
            Untrusted,
        };
        matches!(
            self.kind,
            Configuration
                | Lost
                | NoCluster
                | Server
                | Throttled
                | TimedOut
                | Unauthorized
                | Unreachable
                | Unreadable
                | Untrusted
        )
    }

    fn in_plan(self) -> Error {
        self.into()
    }
}
