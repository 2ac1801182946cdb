//! The contract of a data source: a schema, a model and one verb. Everything else follows.
//!
//! As with resources, the trait is implemented in one file with a plain model, and [`AnyDataSource`] is the erased form that
//! the protocol serves. Every data source also has the block `timeouts`, which stands in no model.

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::context::{Context, Report};
use crate::error::{Error, Result};
use crate::lifecycle::{meaning, refresh, validate};
use crate::provider::Provider;
use crate::schema::Schema;
use crate::timeouts;
use crate::value::{self, Known, Value};

/// A kind of object that this provider looks up.
#[async_trait]
pub(crate) trait DataSource: Send + Sync + 'static {
    /// The object. Before it is read, what is computed is `None`.
    type Model: Serialize + DeserializeOwned + Send + Sync;

    /// The type's name with the provider's prefix, such as `azwi_cluster`.
    fn name(&self) -> &'static str;

    /// The attributes.
    fn schema(&self) -> Schema;

    /// What is wrong with a configuration beyond what each attribute's own checks say. Values may be unknown.
    fn validate(&self, _config: &Value) -> Vec<Error> {
        Vec::new()
    }

    /// Looks the object up, and returns it with everything known. Everything configured is known by then.
    ///
    /// # Errors
    /// Where it cannot be told, or does not exist: an error that says what does not.
    async fn read(&self, context: &Context, config: Self::Model) -> Result<Self::Model>;
}

/// A data source without its model's type.
#[async_trait]
pub trait AnyDataSource: Send + Sync {
    /// The type's name with the provider's prefix.
    fn type_name(&self) -> &'static str;

    /// The whole schema, with what every data source has.
    fn describe(&self) -> Schema;

    /// Whether a value of this type can be read into the model and written back unchanged.
    ///
    /// # Errors
    /// What was lost. Schema and model name their attributes twice; a test over all data sources holds them together.
    fn round_trips(&self, state: &Value) -> std::result::Result<(), String>;

    /// What is wrong with a configuration.
    fn check(&self, config: &Value) -> Vec<Error>;

    /// Looks the object up. The value is null where that failed.
    async fn look_up(&self, provider: &Provider, config: Value) -> (Value, Report);

    /// The object before it can be looked up: what is computed is unknown.
    fn not_yet(&self, config: &Value) -> Value;
}

fn full_schema(mut schema: Schema) -> Schema {
    schema.block.blocks.push(timeouts::of_data_source());
    schema
}

/// A model as state, with the timeouts and the spelling of the configuration.
fn encode<M: Serialize>(schema: &Schema, model: &M, config: &Value) -> Result<Value> {
    let mut json =
        serde_json::to_value(model).map_err(|error| Error::defect(format!("The model cannot be saved: {error}.")))?;
    if let Json::Object(map) = &mut json {
        map.insert(timeouts::NAME.to_owned(), value::to_json(value::attribute(config, timeouts::NAME)));
    }
    let state = value::from_json(&json, &schema.value_type())
        .map_err(|error| Error::defect(format!("The model does not fit the data source's schema: {error}.")))?;
    Ok(refresh::keep_spelling(&schema.block, config, state))
}

#[async_trait]
impl<D: DataSource> AnyDataSource for D {
    fn type_name(&self) -> &'static str {
        self.name()
    }

    fn describe(&self) -> Schema {
        full_schema(self.schema())
    }

    fn round_trips(&self, state: &Value) -> std::result::Result<(), String> {
        let schema = self.describe();
        let model: D::Model = value::decode(&meaning::essence(&schema.block, state))?;
        let back = encode(&schema, &model, state).map_err(|error| error.detail)?;
        if &back == state { Ok(()) } else { Err(format!("{} became {}", value::to_json(state), value::to_json(&back))) }
    }

    fn check(&self, config: &Value) -> Vec<Error> {
        let schema = self.describe();
        let mut errors = validate::validate(&schema, config, true);
        errors.extend(self.validate(&meaning::essence(&schema.block, config)));
        errors
    }

    async fn look_up(&self, provider: &Provider, config: Value) -> (Value, Report) {
        let context = provider.context(timeouts::of(&config, "read", timeouts::READ));
        let schema = self.describe();
        let read = async {
            let model: D::Model = value::decode(&meaning::essence(&schema.block, &config)).map_err(|error| {
                Error::defect(format!("The configuration does not fit the data source's model: {error}."))
            })?;
            encode(&schema, &self.read(&context, model).await?, &config)
        };
        match read.await {
            Ok(state) => (state, context.report(None)),
            Err(error) => (Value::Null, context.report(Some(error))),
        }
    }

    fn not_yet(&self, config: &Value) -> Value {
        let schema = self.describe();
        let of = |name: &str, computed: bool| match value::attribute(config, name) {
            Value::Null if computed => Value::Unknown,
            given => given.clone(),
        };
        let attributes = schema.block.attributes.iter().map(|it| (it.name.to_owned(), of(it.name, it.is_computed())));
        let blocks = schema.block.blocks.iter().map(|it| (it.name.to_owned(), of(it.name, false)));
        Value::Value(Known::Map(attributes.chain(blocks).collect()))
    }
}
