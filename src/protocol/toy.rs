//! A resource and a data source for tests, whose verbs do what the name of the object says: `gone`, `refused`, `halfway`, `broken`.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{
    context::Context,
    data_source::DataSource,
    error::{Error, Result},
    lifecycle::plan::Plan,
    resource::{IdentityAttribute, Resource},
    schema::{Attribute, Schema, computed, number, optional, optional_computed, required, set_of_text, text},
    value::{self, Value},
};

/// The resource `azwi_toy`.
pub(super) struct Toy;

#[derive(Serialize, Deserialize, Clone)]
pub(super) struct Model {
    name: String,
    size: Option<f64>,
    audience: Option<String>,
    audience_id: Option<String>,
    labels: Option<Vec<String>>,
    secret: Option<String>,
    id: Option<String>,
}

impl Model {
    fn made(mut self) -> Self {
        self.id = Some(format!("/toys/{}", self.name));
        self.audience.get_or_insert_with(|| "api".to_owned());
        self.audience_id.get_or_insert_with(|| "api-id".to_owned());
        self
    }

    fn named(name: &str) -> Self {
        let nothing = (None, None, None, None, None, None);
        let (size, audience, audience_id, labels, secret, id) = nothing;
        Self { name: name.to_owned(), size, audience, audience_id, labels, secret, id }.made()
    }
}

fn unknown_configuration() -> Error {
    Error { configuration_unknown: true, ..Error::new("Not yet", "Apply once more.") }
}

#[async_trait]
impl Resource for Toy {
    type Model = Model;

    fn name(&self) -> &'static str {
        "azwi_toy"
    }

    fn schema(&self) -> Schema {
        let secret = Attribute { write_only: true, ..optional("secret", text(), "Never stored.") };
        Schema::new(
            "A toy.",
            vec![
                required("name", text(), "The name.").replaces(),
                optional("size", number(), "How large.").default(value::number(1)),
                optional_computed("audience", text(), "For whom.").stable(),
                optional_computed("audience_id", text(), "For whom, by id.").stable(),
                optional("labels", set_of_text(), "Words."),
                secret,
                computed("id", text(), "The id.").stable(),
            ],
        )
    }

    fn identity_schema(&self) -> &'static [IdentityAttribute] {
        &[IdentityAttribute { name: "name", doc: "The name." }]
    }

    fn identity(&self, model: &Model) -> Result<Vec<String>> {
        Ok(vec![model.name.clone()])
    }

    fn import_id(&self, identity: &[String]) -> String {
        format!("/toys/{}", identity[0])
    }

    fn validate(&self, config: &Value) -> Vec<Error> {
        crate::lifecycle::validate::conflicts(config, "audience", "audience_id").into_iter().collect()
    }

    async fn plan(&self, _: &Context, plan: &mut Plan) -> Result<()> {
        match value::as_str(plan.planned("name")) {
            Some("unconfigured") => Err(unknown_configuration()),
            Some("unplannable") => panic!("planning fell over"),
            _ => Ok(()),
        }
    }

    async fn create(&self, context: &Context, plan: Model) -> Result<Model> {
        match plan.name.as_str() {
            "broken" => panic!("creating fell over"),
            "refused" => Err(Error::new("Refused", "Nothing was made.").at("name")),
            "halfway" => Err(Error::new("Halfway", "It exists.").keeping(&plan.made())),
            "slow" => {
                context.wait.sleep(std::time::Duration::from_secs(60)).await.unwrap_err();
                Err(Error::new("Interrupted", "It exists.").keeping(&plan.made()))
            }
            _ => Ok(plan.made()),
        }
    }

    async fn read(&self, context: &Context, state: Model) -> Result<Option<Model>> {
        match state.name.as_str() {
            "gone" => Ok(None),
            "unreadable" => Err(Error::new("Unreadable", "Try again.")),
            _ => {
                context.warn(Error::new("Odd", "But there."));
                Ok(Some(state))
            }
        }
    }

    async fn update(&self, _: &Context, _: Model, _: Model) -> Result<Model> {
        Err(Error::new("Refused", "It is as before."))
    }

    async fn delete(&self, _: &Context, _: Model) -> Result<()> {
        Ok(())
    }

    async fn import(&self, _: &Context, id: &str) -> Result<Option<Model>> {
        match id.strip_prefix("/toys/") {
            Some("unconfigured") => Err(unknown_configuration()),
            Some(name) => Ok((name != "gone").then(|| Model::named(name))),
            None => Err(Error::new("Malformed id", "Expected /toys/NAME.")),
        }
    }
}

/// The data source `azwi_toy`.
pub(super) struct ToyOfOthers;

#[async_trait]
impl DataSource for ToyOfOthers {
    type Model = Model;

    fn name(&self) -> &'static str {
        "azwi_toy"
    }

    fn schema(&self) -> Schema {
        let mut schema = Resource::schema(&Toy);
        schema.block.attributes.retain(|attribute| !attribute.write_only);
        schema
    }

    fn validate(&self, config: &Value) -> Vec<Error> {
        Resource::validate(&Toy, config)
    }

    async fn read(&self, context: &Context, config: Model) -> Result<Model> {
        match config.name.as_str() {
            "gone" => Err(Error::new("Toy missing", "Make one.").at("name")),
            "unconfigured" => Err(unknown_configuration()),
            "missing" => Err(Error { cluster_missing: true, ..Error::new("No cluster", "Make one.") }),
            "broken" => panic!("reading fell over"),
            _ => {
                context.warn(Error::new("Odd", "But there."));
                Ok(config.made())
            }
        }
    }
}
