//! The calls on managed resources: read what Terraform sent, ask the resource, write what it said.
//!
//! Terraform keeps a few bytes of the provider's with each object. None is stored by this version (see
//! `private`); what is there is handed on, so that a later version's are not lost to an earlier one.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::{from_proto, private, proto::tfplugin6 as tf, state, to_proto};
use crate::{
    context::Report,
    error::{Error, Result},
    provider::Provider,
    resource::{AnyResource, Import, Outcome},
    schema::Schema,
    value::{Type, Value},
};

/// How long after its last write an object counts as written a moment ago.
const FRESH: Duration = Duration::from_secs(30);
/// The pauses before such an object is read again that is not found.
const READ_AGAIN: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(2)];

/// The managed resources, by type name.
pub(super) struct Managed(BTreeMap<&'static str, Entry>);

/// A resource, with what follows from its schema.
struct Entry {
    resource: &'static dyn AnyResource,
    schema: Schema,
    state: Type,
    identity: Type,
}

impl Managed {
    pub(super) fn new(resources: &[&'static dyn AnyResource]) -> Self {
        let entries = resources.iter().map(|&resource| {
            let schema = resource.describe();
            let (state, identity) = (schema.value_type(), to_proto::identity_type(resource.describe_identity()));
            (resource.type_name(), Entry { resource, schema, state, identity })
        });
        Self(entries.collect())
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }

    pub(super) fn schemas(&self) -> BTreeMap<String, tf::Schema> {
        self.0.iter().map(|(name, entry)| ((*name).to_owned(), to_proto::schema(&entry.schema))).collect()
    }

    pub(super) fn identity_schemas(&self) -> BTreeMap<String, tf::ResourceIdentitySchema> {
        let schema = |entry: &Entry| to_proto::identity_schema(entry.resource.describe_identity());
        self.0.iter().map(|(name, entry)| ((*name).to_owned(), schema(entry))).collect()
    }

    fn get(&self, name: &str) -> Result<&Entry> {
        self.0.get(name).ok_or_else(|| {
            Error::new(
                format!("This provider has no resource `{name}`"),
                "Terraform asked for a resource that this version of the provider does not have. It has those that \
                 `terraform providers schema` lists.",
            )
        })
    }

    pub(super) fn validate(
        &self,
        request: tf::validate_resource_config::Request,
    ) -> Result<tf::validate_resource_config::Response> {
        let entry = self.get(&request.type_name)?;
        let config = entry.value(request.config, "configuration")?;
        let errors = entry.resource.check(&config, from_proto::write_only_allowed(request.client_capabilities));
        Ok(tf::validate_resource_config::Response { diagnostics: to_proto::errors(errors) })
    }

    /// Terraform calls this for every object of the state, also for those that are of our version.
    pub(super) fn upgrade(
        &self,
        request: tf::upgrade_resource_state::Request,
    ) -> Result<tf::upgrade_resource_state::Response> {
        let entry = self.get(&request.type_name)?;
        entry.refuse_newer(request.version, entry.schema.version)?;
        let stored = from_proto::stored(request.raw_state, &entry.state, &entry.what("state"))?;
        let upgraded = state::without_write_only(&entry.schema, &stored);
        Ok(tf::upgrade_resource_state::Response {
            upgraded_state: to_proto::value(&upgraded, &entry.state)?,
            diagnostics: Vec::new(),
        })
    }

    /// A state that was written before there were identities has an empty one, and stays without until it is read.
    pub(super) fn upgrade_identity(
        &self,
        request: tf::upgrade_resource_identity::Request,
    ) -> Result<tf::upgrade_resource_identity::Response> {
        let entry = self.get(&request.type_name)?;
        entry.refuse_newer(request.version, 0)?;
        let stored = from_proto::stored(request.raw_identity, &entry.identity, &entry.what("identity"))?;
        // OpenTofu wants the message even where the value is null.
        let upgraded = tf::ResourceIdentityData { identity_data: to_proto::value(&stored, &entry.identity)? };
        Ok(tf::upgrade_resource_identity::Response { upgraded_identity: Some(upgraded), diagnostics: Vec::new() })
    }

    pub(super) async fn read(
        &self,
        provider: &Provider,
        request: tf::read_resource::Request,
    ) -> Result<tf::read_resource::Response> {
        let entry = self.get(&request.type_name)?;
        let current = entry.value(request.current_state, "state")?;
        let outcome = match current {
            // There is nothing to read, and so it is still gone.
            Value::Null => Outcome { state: Value::Null, identity: Value::Null, report: Report::default() },
            current => entry.read(provider, current, &request.private).await,
        };
        Ok(tf::read_resource::Response {
            new_state: to_proto::value(&outcome.state, &entry.state)?,
            diagnostics: to_proto::report(outcome.report),
            private: request.private,
            deferred: None,
            new_identity: to_proto::identity(&outcome.identity, &entry.identity)?,
        })
    }

    pub(super) async fn plan(
        &self,
        provider: &Provider,
        request: tf::plan_resource_change::Request,
    ) -> Result<tf::plan_resource_change::Response> {
        let entry = self.get(&request.type_name)?;
        let proposed = entry.value(request.proposed_new_state, "proposed state")?;
        let mut response = tf::plan_resource_change::Response {
            planned_private: request.prior_private,
            planned_identity: request.prior_identity,
            ..Default::default()
        };
        if proposed.is_null() {
            response.planned_state = to_proto::value(&Value::Null, &entry.state)?;
            return Ok(response);
        }
        let prior = entry.value(request.prior_state, "prior state")?;
        let config = entry.value(request.config, "configuration")?;
        if config.is_null() {
            return Err(Error::defect("Terraform proposed an object that has no configuration"));
        }
        if prior.is_null() {
            // What a replaced object was called says nothing of the new one.
            response.planned_identity = None;
        }
        let creates = prior.is_null();
        let (plan, mut report) = entry.resource.propose(provider, prior, config).await;
        if creates {
            response.planned_private = private::with_successor(&response.planned_private, &plan.planned);
        }
        response.deferred = deferral(&mut report, from_proto::deferral_allowed(request.client_capabilities));
        response.diagnostics = to_proto::report(report);
        response.planned_state = to_proto::value(&plan.planned, &entry.state)?;
        response.requires_replace = plan.replace.into_iter().map(to_proto::path).collect();
        Ok(response)
    }

    pub(super) async fn apply(
        &self,
        provider: &Provider,
        request: tf::apply_resource_change::Request,
    ) -> Result<tf::apply_resource_change::Response> {
        let entry = self.get(&request.type_name)?;
        let prior = entry.value(request.prior_state, "prior state")?;
        let planned = entry.value(request.planned_state, "planned state")?;
        if prior.is_null() && planned.is_null() {
            return Err(Error::defect("Terraform asked to apply a change from nothing to nothing"));
        }
        let refused = match private::successor(&request.planned_private, &entry.state) {
            Some(successor) if planned.is_null() => {
                entry.resource.refuse_replacement(provider, &prior, &successor).await
            }
            _ => None,
        };
        let outcome = match refused {
            Some(refused) => refused,
            None => entry.resource.apply(provider, prior, planned).await,
        };
        let mut private = private::without_successor(&request.planned_private);
        if !outcome.state.is_null() && outcome.report.errors.is_empty() {
            private = private::with_write(&private, SystemTime::now());
        }
        Ok(tf::apply_resource_change::Response {
            new_state: to_proto::value(&outcome.state, &entry.state)?,
            private,
            diagnostics: to_proto::report(outcome.report),
            legacy_type_system: false,
            new_identity: to_proto::identity(&outcome.identity, &entry.identity)?,
        })
    }

    pub(super) async fn import(
        &self,
        provider: &Provider,
        request: tf::import_resource_state::Request,
    ) -> Result<tf::import_resource_state::Response> {
        let entry = self.get(&request.type_name)?;
        let identity = from_proto::identity(request.identity, &entry.identity, &entry.what("identity"))?;
        let import = if request.id.is_empty() && !identity.is_null() {
            Import::Identity(identity)
        } else {
            Import::Id(request.id)
        };
        let Outcome { state, identity, mut report } = entry.resource.adopt(provider, import).await;
        let deferred = deferral(&mut report, from_proto::deferral_allowed(request.client_capabilities));
        let mut imported_resources = Vec::new();
        if !state.is_null() {
            imported_resources.push(tf::import_resource_state::ImportedResource {
                type_name: request.type_name,
                state: to_proto::value(&state, &entry.state)?,
                private: Vec::new(),
                identity: to_proto::identity(&identity, &entry.identity)?,
            });
        }
        let diagnostics = to_proto::report(report);
        Ok(tf::import_resource_state::Response { imported_resources, diagnostics, deferred })
    }

    pub(super) fn take_over(
        &self,
        request: &tf::move_resource_state::Request,
    ) -> Result<tf::move_resource_state::Response> {
        let target = self.get(&request.target_type_name)?.resource.type_name();
        Err(Error::new(
            format!("Cannot move {} to {target}", request.source_type_name),
            format!(
                "{target} cannot take over the state of `{}` from the provider {}. Import the object instead: an import \
                 block for {target}, and a removed block for the old address.",
                request.source_type_name, request.source_provider_address
            ),
        ))
    }

    pub(super) fn generate(
        &self,
        request: tf::generate_resource_config::Request,
    ) -> Result<tf::generate_resource_config::Response> {
        let entry = self.get(&request.type_name)?;
        let stored = entry.value(request.state, "state")?;
        let config = state::as_configuration(entry.resource, &entry.schema, &stored);
        Ok(tf::generate_resource_config::Response {
            config: to_proto::value(&config, &entry.state)?,
            diagnostics: Vec::new(),
        })
    }
}

impl Entry {
    fn value(&self, message: Option<tf::DynamicValue>, part: &str) -> Result<Value> {
        from_proto::value(message, &self.state, &self.what(part))
    }

    /// Reads an object. One that was written a moment ago is believed to be gone only after a few reads: they may meet a copy
    /// that the write has not reached.
    async fn read(&self, provider: &Provider, current: Value, private: &[u8]) -> Outcome {
        let mut outcome = self.resource.refresh(provider, current.clone()).await;
        if !self.resource.reads_may_lag() || !private::is_written_within(private, FRESH, SystemTime::now()) {
            return outcome;
        }
        let wait = provider.context(FRESH, false).wait;
        for pause in READ_AGAIN {
            let gone = outcome.state.is_null() && outcome.report.errors.is_empty();
            if !gone || wait.sleep(pause).await.is_err() {
                break;
            }
            tracing::info!("{} was written a moment ago and is not found: it is read again", self.resource.type_name());
            outcome = self.resource.refresh(provider, current.clone()).await;
        }
        outcome
    }

    fn what(&self, part: &str) -> String {
        format!("the {part} of {}", self.resource.type_name())
    }

    fn refuse_newer(&self, stored: i64, ours: i64) -> Result<()> {
        if stored <= ours {
            return Ok(());
        }
        Err(Error::new(
            format!("The state of {} is from a newer provider", self.resource.type_name()),
            format!("It has version {stored} and this provider knows versions up to {ours}. Upgrade the provider."),
        ))
    }
}

/// An error because the provider's own configuration is not known yet becomes a deferral where that is possible.
///
/// While applying, Terraform allows deferrals as well and must not get a new one. It gets none: by then the
/// configuration is known.
pub(super) fn deferral(report: &mut Report, allowed: bool) -> Option<tf::Deferred> {
    if !allowed || !report.errors.iter().any(|error| error.configuration_unknown) {
        return None;
    }
    report.errors.retain(|error| !error.configuration_unknown);
    Some(tf::Deferred { reason: tf::deferred::Reason::ProviderConfigUnknown.into() })
}
