//! The contract of a managed resource: a schema, a model and the verbs. Everything else follows.
//!
//! A resource implements [`Resource`] in one file, with plain models; [`AnyResource`] is the erased form that the protocol
//! serves, the same code for every resource. Two things that every resource has are added here and stand in no resource's
//! file: the attribute `adopt_existing` and the block `timeouts`.

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::context::{Context, Report};
use crate::error::{Error, Result};
use crate::lifecycle::plan::{self, Plan};
use crate::lifecycle::{meaning, refresh, unknown, validate};
use crate::provider::Provider;
use crate::schema::{Schema, boolean, optional};
use crate::timeouts;
use crate::value::{self, Known, Value};

/// A kind of object that this provider creates, reads, updates and deletes.
///
/// Models are plain structs. By the time a verb runs, everything configured is known; what is computed and not known yet is
/// `None`. Fields named `adopt_existing` and `timeouts` are not part of a model: see [`Context`].
#[async_trait]
pub trait Resource: Send + Sync + 'static {
    /// The object, as plan and state hold it.
    type Model: Serialize + DeserializeOwned + Clone + Send + Sync;

    /// The type's name with the provider's prefix, such as `azwi_service_account`.
    fn name(&self) -> &'static str;

    /// The attributes.
    fn schema(&self) -> Schema;

    /// The attributes of the resource identity: strings that name the object for ever and are enough to import it.
    fn identity_schema(&self) -> &'static [IdentityAttribute];

    /// The identity of an object, a value for each attribute of [`Resource::identity_schema`], in its order.
    ///
    /// # Errors
    /// Where the model holds an id that does not parse, which only a state changed by hand does.
    fn identity(&self, model: &Self::Model) -> Result<Vec<String>>;

    /// The import id that says the same as an identity.
    fn import_id(&self, identity: &[String]) -> String;

    /// What is wrong with a configuration beyond what each attribute's own checks say. Values may be unknown.
    fn validate(&self, _config: &Value) -> Vec<Error> {
        Vec::new()
    }

    /// A question that the domain asks at plan, after the schema has planned.
    ///
    /// # Errors
    /// Where the plan could never be applied.
    async fn plan(&self, _context: &Context, _plan: &mut Plan) -> Result<()> {
        Ok(())
    }

    /// Looks, in a replacement and before the old object is deleted, whether the new one can exist: a value that names nothing
    /// must not cost what works. What is unknown in `successor` is null.
    ///
    /// # Errors
    /// If creating the successor is certain to fail. Nothing is deleted then.
    async fn check_replacement(&self, _context: &Context, _successor: &Value) -> Result<()> {
        Ok(())
    }

    /// Makes the object, and returns it with everything known.
    ///
    /// # Errors
    /// With [`Error::keeping`] what exists all the same; without it, nothing exists.
    async fn create(&self, context: &Context, plan: Self::Model) -> Result<Self::Model>;

    /// Whether a read may miss what was written a moment ago, as in Azure. An API server's reads do not.
    fn reads_may_lag(&self) -> bool {
        true
    }

    /// What the object is now; `None` where it is gone.
    ///
    /// # Errors
    /// Where it cannot be told.
    async fn read(&self, context: &Context, state: Self::Model) -> Result<Option<Self::Model>>;

    /// Changes the object in place.
    ///
    /// # Errors
    /// With [`Error::keeping`] what the object is now; without it, it is as before.
    async fn update(&self, context: &Context, prior: Self::Model, plan: Self::Model) -> Result<Self::Model>;

    /// Ends the object. That it is gone already is success.
    ///
    /// # Errors
    /// Where it may still exist.
    async fn delete(&self, context: &Context, prior: Self::Model) -> Result<()>;

    /// Reads an object that exists by its import id; `None` where it does not exist.
    ///
    /// # Errors
    /// Where the id is malformed (with what is expected), or it cannot be told.
    async fn import(&self, context: &Context, id: &str) -> Result<Option<Self::Model>>;
}

/// One attribute of a resource identity. All of ours are strings.
#[derive(Debug, Clone, Copy)]
pub struct IdentityAttribute {
    /// The name.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
}

/// What a call did: the state to save, its identity, and what to tell the user.
#[derive(Debug)]
pub struct Outcome {
    /// The object; null where there is none.
    pub state: Value,
    /// The resource identity; null where there is none.
    pub identity: Value,
    /// Errors and warnings.
    pub report: Report,
}

/// How an import names its object.
#[derive(Debug, Clone)]
pub enum Import {
    /// By the import id.
    Id(String),
    /// By the resource identity.
    Identity(Value),
}

/// A resource without its model's type.
#[async_trait]
pub trait AnyResource: Send + Sync {
    /// The type's name with the provider's prefix.
    fn type_name(&self) -> &'static str;

    /// The whole schema, with what every resource has.
    fn describe(&self) -> Schema;

    /// The attributes of the resource identity.
    fn describe_identity(&self) -> &'static [IdentityAttribute];

    /// Whether a value of this resource's type can be read into the model and written back unchanged.
    ///
    /// # Errors
    /// What was lost. Schema and model name their attributes twice; a test over all resources holds them together.
    fn round_trips(&self, state: &Value) -> std::result::Result<(), String>;

    /// Whether a read may miss what was written a moment ago.
    fn reads_may_lag(&self) -> bool;

    /// What is wrong with a configuration.
    fn check(&self, config: &Value, write_only_allowed: bool) -> Vec<Error>;

    /// Plans a create or an update. Neither value is null but `prior` for a create.
    async fn propose(&self, provider: &Provider, prior: Value, config: Value) -> (Plan, Report);

    /// Reads the object anew.
    async fn refresh(&self, provider: &Provider, state: Value) -> Outcome;

    /// Creates, updates or, where `planned` is null, deletes the object.
    async fn apply(&self, provider: &Provider, prior: Value, planned: Value) -> Outcome;

    /// Why `prior` is not to be deleted in favour of `successor`, in which what is unknown is null; `None` if it may.
    async fn refuse_replacement(&self, provider: &Provider, prior: &Value, successor: &Value) -> Option<Outcome>;

    /// Reads an object that is not in the state yet.
    async fn adopt(&self, provider: &Provider, import: Import) -> Outcome;
}

const ADOPT_EXISTING: &str = "adopt_existing";

fn full_schema(mut schema: Schema) -> Schema {
    schema.block.attributes.push(
        optional(
            ADOPT_EXISTING,
            boolean(),
            "Whether a create takes over an object that exists already, instead of an error that shows how to import it. \
             What was adopted is changed to what is configured, and destroyed with the resource.",
        )
        .default(value::boolean(false)),
    );
    schema.block.blocks.push(timeouts::of_resource());
    schema
}

fn decode<M: DeserializeOwned>(schema: &Schema, object: &Value) -> Result<M> {
    value::decode(&meaning::essence(&schema.block, object))
        .map_err(|error| Error::defect(format!("The state does not fit the resource's model: {error}.")))
}

/// A model as state, with what every resource has taken from `beside`.
fn encode(schema: &Schema, mut model: Json, beside: &Value) -> Result<Value> {
    if let Json::Object(map) = &mut model {
        let adopt = value::attribute(beside, ADOPT_EXISTING);
        map.insert(ADOPT_EXISTING.to_owned(), if adopt.is_null() { Json::Bool(false) } else { value::to_json(adopt) });
        map.insert(timeouts::NAME.to_owned(), value::to_json(value::attribute(beside, timeouts::NAME)));
    }
    let state = value::from_json(&model, &schema.value_type())
        .map_err(|error| Error::defect(format!("The model does not fit the resource's schema: {error}.")))?;
    Ok(refresh::keep_spelling(&schema.block, beside, state))
}

#[async_trait]
impl<R: Resource> AnyResource for R {
    fn type_name(&self) -> &'static str {
        self.name()
    }

    fn describe(&self) -> Schema {
        full_schema(self.schema())
    }

    fn describe_identity(&self) -> &'static [IdentityAttribute] {
        self.identity_schema()
    }

    fn round_trips(&self, state: &Value) -> std::result::Result<(), String> {
        let schema = self.describe();
        let model: R::Model = value::decode(&meaning::essence(&schema.block, state))?;
        let json = serde_json::to_value(&model).map_err(|error| error.to_string())?;
        let back = encode(&schema, json, state).map_err(|error| error.detail)?;
        if &back == state { Ok(()) } else { Err(format!("{} became {}", value::to_json(state), value::to_json(&back))) }
    }

    fn reads_may_lag(&self) -> bool {
        Resource::reads_may_lag(self)
    }

    fn check(&self, config: &Value, write_only_allowed: bool) -> Vec<Error> {
        let schema = self.describe();
        let mut errors = validate::validate(&schema, config, write_only_allowed);
        errors.extend(self.validate(&meaning::essence(&schema.block, config)));
        errors
    }

    async fn propose(&self, provider: &Provider, prior: Value, config: Value) -> (Plan, Report) {
        let mut plan = plan::plan(&self.describe(), prior, config);
        let context = provider.context(timeouts::READ, false);
        let result = self.plan(&context, &mut plan).await;
        if let Some(warning) = unknown::warning(&plan) {
            context.warn(warning);
        }
        (plan, context.report(result.err()))
    }

    async fn refresh(&self, provider: &Provider, state: Value) -> Outcome {
        let context = provider.context(timeouts::of(&state, "read", timeouts::READ), false);
        let schema = self.describe();
        let read = async {
            let model = self.read(&context, decode(&schema, &state)?).await?;
            model.map(|model| encode_model(&schema, &model, &state)).transpose()
        };
        match read.await {
            Ok(None) => Outcome { state: Value::Null, identity: Value::Null, report: context.report(None) },
            Ok(Some(found)) => outcome(self, found, &context, None),
            // An object in the state outlives a cluster that is only planned, or being replaced: it stays as it was last seen.
            Err(error) if error.configuration_unknown || error.cluster_missing => {
                context.warn(Error::new(format!("{} was not refreshed", self.name()), error.detail));
                outcome(self, state, &context, None)
            }
            Err(error) => outcome(self, state, &context, Some(error)),
        }
    }

    async fn apply(&self, provider: &Provider, prior: Value, planned: Value) -> Outcome {
        let (verb, source) = match (prior.is_null(), planned.is_null()) {
            (true, _) => ("create", &planned),
            (false, false) => ("update", &planned),
            (false, true) => ("delete", &prior),
        };
        let adopt = value::attribute(source, ADOPT_EXISTING) == &value::boolean(true);
        let context = provider.context(timeouts::of(source, verb, timeouts::WRITE), adopt);
        let schema = self.describe();
        let applied = async {
            let model = match verb {
                "create" => self.create(&context, decode(&schema, &planned)?).await?,
                "update" => self.update(&context, decode(&schema, &prior)?, decode(&schema, &planned)?).await?,
                _ => return self.delete(&context, decode(&schema, &prior)?).await.map(|()| Value::Null),
            };
            encode_model(&schema, &model, &planned)
        };
        match applied.await {
            Ok(state) => outcome(self, state, &context, None),
            Err(mut error) => {
                let kept = error.state.take().map(|model| encode(&schema, model, source));
                let state = match kept {
                    None => prior,
                    Some(Ok(state)) => state,
                    Some(Err(defect)) => {
                        context.warn(defect);
                        prior
                    }
                };
                outcome(self, state, &context, Some(error))
            }
        }
    }

    async fn refuse_replacement(&self, provider: &Provider, prior: &Value, successor: &Value) -> Option<Outcome> {
        let context = provider.context(timeouts::of(prior, "delete", timeouts::WRITE), false);
        let successor = meaning::essence(&self.describe().block, successor);
        let mut error = self.check_replacement(&context, &successor).await.err()?;
        error.detail.push_str("\n\nNothing was deleted: the object that was to be replaced stays as it is.");
        Some(outcome(self, prior.clone(), &context, Some(error)))
    }

    async fn adopt(&self, provider: &Provider, import: Import) -> Outcome {
        let context = provider.context(timeouts::READ, false);
        let schema = self.describe();
        let read = async {
            let id = match import {
                Import::Id(id) => id,
                Import::Identity(identity) => {
                    let parts: Vec<String> = self
                        .identity_schema()
                        .iter()
                        .map(|part| {
                            value::as_str(value::attribute(&identity, part.name)).unwrap_or_default().to_owned()
                        })
                        .collect();
                    self.import_id(&parts)
                }
            };
            let Some(model) = self.import(&context, &id).await? else {
                return Err(Error::new(
                    format!("Cannot import {}: it does not exist", self.name()),
                    format!(
                        "Nothing has the id `{id}`. Check the id, and whether the provider looks at the right tenant or cluster."
                    ),
                ));
            };
            encode_model(&schema, &model, &Value::Null)
        };
        match read.await {
            Ok(state) => outcome(self, state, &context, None),
            Err(error) => Outcome { state: Value::Null, identity: Value::Null, report: context.report(Some(error)) },
        }
    }
}

fn encode_model<M: Serialize>(schema: &Schema, model: &M, beside: &Value) -> Result<Value> {
    let json =
        serde_json::to_value(model).map_err(|error| Error::defect(format!("The model cannot be saved: {error}.")))?;
    encode(schema, json, beside)
}

fn outcome<R: Resource>(resource: &R, state: Value, context: &Context, error: Option<Error>) -> Outcome {
    let identity = if state.is_null() {
        Value::Null
    } else {
        match decode(&resource.describe(), &state).and_then(|model| resource.identity(&model)) {
            Ok(parts) => Value::Value(Known::Map(
                resource
                    .identity_schema()
                    .iter()
                    .zip(parts)
                    .map(|(attribute, part)| (attribute.name.to_owned(), value::string(part)))
                    .collect(),
            )),
            Err(_) => Value::Null,
        }
    };
    Outcome { state, identity, report: context.report(error) }
}
