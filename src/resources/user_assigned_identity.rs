//! `azwi_user_assigned_identity`: a user-assigned managed identity.
//!
//! Written with an API version that knows `isolationScope`: an older one would clear it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::azure::id::same_name;
use crate::azure::identities::{Identity, IdentitySpec};
use crate::azure::{IdError, IdentityId, ResourceGroupId, SubscriptionId};
use crate::context::Context;
use crate::domain::existing::already_exists;
use crate::domain::location;
use crate::error::{Error, Result};
use crate::lifecycle::plan::Plan;
use crate::resource::{IdentityAttribute, Resource};
use crate::schema::{Schema, computed, map_of_text, optional, optional_computed, required, text};
use crate::value;

/// The resource.
pub(super) struct UserAssignedIdentity;

/// The identity as plan and state hold it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Model {
    name: String,
    resource_group_name: String,
    location: String,
    subscription_id: Option<String>,
    tags: Option<BTreeMap<String, String>>,
    isolation_scope: Option<String>,
    id: Option<String>,
    client_id: Option<String>,
    principal_id: Option<String>,
    tenant_id: Option<String>,
}

#[async_trait]
impl Resource for UserAssignedIdentity {
    type Model = Model;

    fn name(&self) -> &'static str {
        "azwi_user_assigned_identity"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "A user-assigned managed identity. Deleting it deletes its federated identity credentials; its role assignments stay, \
             without a principal.",
            vec![
                required("name", text(), "The name: 3 to 128 letters, digits, `-` or `_`, the first a letter or digit.")
                    .replaces()
                    .check(crate::azure::id::check_identity_name)
                    .same(same_name),
                required("resource_group_name", text(), "The resource group, which must exist.")
                    .replaces()
                    .check(crate::azure::id::check_resource_group)
                    .same(same_name),
                required("location", text(), "The region, such as `westeurope` or `West Europe`. Case and spaces do not matter.")
                    .replaces()
                    .check(check_location)
                    .same(location::same),
                optional_computed("subscription_id", text(), "The subscription. Defaults to the provider's.")
                    .replaces()
                    .check(|id| id.parse::<SubscriptionId>().map(drop).map_err(|error| error.to_string()))
                    .same(same_subscription)
                    .stable(),
                optional(
                    "tags",
                    map_of_text(),
                    "Tags, at most 50: names of at most 512 characters without `<>%&\\?/`, values of at most 256. Names that \
                     differ in case only are one tag, and one whose value is null is left out. They replace all tags that are there. \
                     Change in place.",
                )
                .keys_ignore_case()
                .check_keys(check_tag_name)
                .check(check_tag_value)
                .check_value(check_tag_count),
                optional(
                    "isolation_scope",
                    text(),
                    "`Regional` keeps the identity to resources of its region; `None` does not. Changes in place.",
                )
                .one_of(&["None", "Regional"])
                .same(str::eq_ignore_ascii_case)
                .default(value::string("None")),
                computed("id", text(), "The identity's id.").stable(),
                computed("client_id", text(), "The client id: what goes into a service account's annotation.").stable(),
                computed("principal_id", text(), "The object id of its service principal: what roles are assigned to.").stable(),
                computed("tenant_id", text(), "The tenant it belongs to.").stable(),
            ],
        )
    }

    fn identity_schema(&self) -> &'static [IdentityAttribute] {
        &[
            IdentityAttribute { name: "subscription_id", doc: "The subscription." },
            IdentityAttribute { name: "resource_group_name", doc: "The resource group." },
            IdentityAttribute { name: "name", doc: "The name." },
        ]
    }

    fn identity(&self, model: &Model) -> Result<Vec<String>> {
        let subscription = model.subscription_id.as_deref().map(guid_of_subscription).unwrap_or_default();
        Ok(vec![subscription, model.resource_group_name.clone(), model.name.clone()])
    }

    fn import_id(&self, identity: &[String]) -> String {
        let part = |index| identity.get(index).map_or("", String::as_str);
        format!(
            "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{}",
            part(0),
            part(1),
            part(2)
        )
    }

    async fn plan(&self, context: &Context, plan: &mut Plan) -> Result<()> {
        if plan.planned("subscription_id").is_unknown()
            && let Some(subscription) = context.subscription_at_plan().await?
        {
            plan.settle("subscription_id", value::string(subscription.guid()));
        }
        Ok(())
    }

    async fn create(&self, context: &Context, plan: Model) -> Result<Model> {
        let azure = context.clients()?.azure()?;
        let id = plan.identity_id(context).await?;
        match azure.identities().get(&id, &context.wait).await? {
            Some(_) if !context.adopt_existing => {
                Err(already_exists(&format!("The managed identity `{}`", id.name()), self.name(), &id.to_string())
                    .at("name"))
            }
            Some(found) if !location::same(&found.location, &plan.location) => Err(Error::new(
                format!("The managed identity `{}` is in {}", id.name(), found.location),
                format!(
                    "It cannot be adopted into `{}`: an identity never moves. Set `location` to where it is.",
                    plan.location
                ),
            )
            .at("location")),
            _ => self.write(context, &id, plan).await,
        }
    }

    async fn read(&self, context: &Context, state: Model) -> Result<Option<Model>> {
        let azure = context.clients()?.azure()?;
        let id = state.identity_id(context).await?;
        Ok(azure.identities().get(&id, &context.wait).await?.map(|found| Model::of(&id, found, state.tags)))
    }

    async fn update(&self, context: &Context, _prior: Model, plan: Model) -> Result<Model> {
        let id = plan.identity_id(context).await?;
        self.write(context, &id, plan).await
    }

    async fn delete(&self, context: &Context, prior: Model) -> Result<()> {
        let azure = context.clients()?.azure()?;
        let id = prior.identity_id(context).await?;
        azure.identities().delete(&id, &context.wait).await?;
        Ok(())
    }

    async fn import(&self, context: &Context, id: &str) -> Result<Option<Model>> {
        let id: IdentityId =
            id.parse().map_err(|error: IdError| Error::new("The import id is malformed", error.to_string()))?;
        let azure = context.clients()?.azure()?;
        Ok(azure.identities().get(&id, &context.wait).await?.map(|found| Model::of(&id, found, None)))
    }
}

impl UserAssignedIdentity {
    async fn write(&self, context: &Context, id: &IdentityId, plan: Model) -> Result<Model> {
        let azure = context.clients()?.azure()?;
        let spec = IdentitySpec {
            location: location::normal(&plan.location),
            tags: plan.tags.clone().unwrap_or_default(),
            isolation_scope: plan.isolation_scope,
        };
        let written = azure.identities().put(id, &spec, &context.wait).await?;
        Ok(Model::of(id, written, plan.tags))
    }
}

impl Model {
    /// The model of what was found. `tags` says how no tags are written: null or empty.
    fn of(id: &IdentityId, found: Identity, tags: Option<BTreeMap<String, String>>) -> Self {
        let found_tags = if found.tags.is_empty() { tags.filter(BTreeMap::is_empty) } else { Some(found.tags) };
        Self {
            name: id.name().to_owned(),
            resource_group_name: id.group().name().to_owned(),
            location: found.location,
            subscription_id: Some(id.subscription().to_owned()),
            tags: found_tags,
            isolation_scope: Some(found.properties.isolation_scope.unwrap_or_else(|| "None".to_owned())),
            id: Some(id.to_string()),
            client_id: Some(found.properties.client_id),
            principal_id: Some(found.properties.principal_id),
            tenant_id: Some(found.properties.tenant_id),
        }
    }

    async fn identity_id(&self, context: &Context) -> Result<IdentityId> {
        let malformed = |attribute: &'static str| {
            move |error: IdError| Error::new("The identity is misnamed", error.to_string()).at(attribute)
        };
        let subscription: SubscriptionId = match &self.subscription_id {
            Some(subscription) => subscription.parse::<SubscriptionId>().map_err(malformed("subscription_id"))?,
            None => context.clients()?.subscription_id(&context.wait).await?,
        };
        let group =
            ResourceGroupId::new(subscription, &self.resource_group_name).map_err(malformed("resource_group_name"))?;
        IdentityId::new(group, &self.name).map_err(malformed("name"))
    }
}

/// Whether two texts name one subscription: Azure's portal and CLI show it as `/subscriptions/GUID`, too.
fn same_subscription(a: &str, b: &str) -> bool {
    guid_of_subscription(a).eq_ignore_ascii_case(&guid_of_subscription(b))
}

fn guid_of_subscription(text: &str) -> String {
    text.parse::<SubscriptionId>().map_or_else(|_| text.to_owned(), |id| id.guid().to_owned())
}

fn check_location(text: &str) -> std::result::Result<(), String> {
    let normal = location::normal(text);
    if !normal.is_empty() && normal.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(format!(
        "Expected a region such as `westeurope`, got `{text}`. `az account list-locations --output table` lists them."
    ))
}

// The limits on tags are those of Microsoft's page "Tag resources, resource groups, and subscriptions".

fn check_tag_name(name: &str) -> std::result::Result<(), String> {
    if name.is_empty() || name.chars().count() > 512 || name.contains(['<', '>', '%', '&', '\\', '?', '/']) {
        return Err(format!("The tag name `{name}` must have 1 to 512 characters, none of them one of `<>%&\\?/`."));
    }
    Ok(())
}

fn check_tag_value(text: &str) -> std::result::Result<(), String> {
    if text.chars().count() > 256 {
        return Err(format!(
            "A tag's value has at most 256 characters; `{}…` has more.",
            text.chars().take(20).collect::<String>()
        ));
    }
    Ok(())
}

fn check_tag_count(tags: &value::Value) -> std::result::Result<(), String> {
    let count = value::as_map(tags).map_or(0, |tags| tags.values().filter(|value| !value.is_null()).count());
    if count > 50 { Err(format!("A resource has at most 50 tags; these are {count}.")) } else { Ok(()) }
}
