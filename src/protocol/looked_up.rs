//! The calls on data sources: read what Terraform sent, ask the data source, write what it said.

use std::collections::BTreeMap;

use super::{from_proto, managed::deferral, proto::tfplugin6 as tf, to_proto};
use crate::{
    data_source::AnyDataSource,
    error::{Error, Result},
    provider::Provider,
    schema::Schema,
    value::{Type, Value},
};

/// The data sources, by type name.
pub(super) struct LookedUp(BTreeMap<&'static str, Entry>);

/// A data source, with what follows from its schema.
struct Entry {
    source: &'static dyn AnyDataSource,
    schema: Schema,
    kind: Type,
}

impl LookedUp {
    pub(super) fn new(sources: &[&'static dyn AnyDataSource]) -> Self {
        let entries = sources.iter().map(|&source| {
            let schema = source.describe();
            let kind = schema.value_type();
            (source.type_name(), Entry { source, schema, kind })
        });
        Self(entries.collect())
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }

    pub(super) fn schemas(&self) -> BTreeMap<String, tf::Schema> {
        self.0.iter().map(|(name, entry)| ((*name).to_owned(), to_proto::schema(&entry.schema))).collect()
    }

    fn get(&self, name: &str) -> Result<&Entry> {
        self.0.get(name).ok_or_else(|| {
            Error::new(
                format!("This provider has no data source `{name}`"),
                "Terraform asked for a data source that this version of the provider does not have. It has those that \
                 `terraform providers schema` lists.",
            )
        })
    }

    pub(super) fn validate(
        &self,
        request: tf::validate_data_resource_config::Request,
    ) -> Result<tf::validate_data_resource_config::Response> {
        let entry = self.get(&request.type_name)?;
        let errors = entry.source.check(&entry.config(request.config)?);
        Ok(tf::validate_data_resource_config::Response { diagnostics: to_proto::errors(errors) })
    }

    pub(super) async fn read(
        &self,
        provider: &Provider,
        request: tf::read_data_source::Request,
    ) -> Result<tf::read_data_source::Response> {
        let entry = self.get(&request.type_name)?;
        let config = entry.config(request.config)?;
        let (mut state, mut report) = entry.source.look_up(provider, config.clone()).await;
        let deferred = deferral(&mut report, from_proto::deferral_allowed(request.client_capabilities));
        if deferred.is_some() {
            state = entry.source.not_yet(&config);
        }
        Ok(tf::read_data_source::Response {
            state: to_proto::value(&state, &entry.kind)?,
            diagnostics: to_proto::report(report),
            deferred,
        })
    }
}

impl Entry {
    fn config(&self, message: Option<tf::DynamicValue>) -> Result<Value> {
        from_proto::value(message, &self.kind, &format!("the configuration of {}", self.source.type_name()))
    }
}
