//! What the rest of the provider works with, written into Terraform's messages.

use tf_provider::{AttributePath, AttributePathStep};

use super::{
    msgpack,
    proto::tfplugin6::{
        self as tf, Diagnostic, DynamicValue, ResourceIdentityData, ResourceIdentitySchema, StringKind,
        attribute_path::{Step, step::Selector},
        diagnostic::Severity,
        resource_identity_schema, schema,
    },
    types,
};
use crate::{
    context::Report,
    error::{Error, Result},
    resource::IdentityAttribute,
    schema::{Attribute, Block, Constraint, Kind, Nesting, Schema},
    value::{Type, Value},
};

/// A value of type `kind`.
///
/// # Errors
/// Where it is of another type, which only a defect of ours causes.
pub(super) fn value(value: &Value, kind: &Type) -> Result<Option<DynamicValue>> {
    let msgpack = msgpack::encode(value, kind).map_err(|malformed| {
        let error = malformed.into_error("a value");
        Error::defect(format!("A value does not fit the schema at `{}`", error.attribute)).at_path(error.attribute)
    })?;
    Ok(Some(DynamicValue { msgpack, json: Vec::new() }))
}

/// An identity of type `kind`; no message at all where it is null.
pub(super) fn identity(identity: &Value, kind: &Type) -> Result<Option<ResourceIdentityData>> {
    if identity.is_null() {
        return Ok(None);
    }
    Ok(Some(ResourceIdentityData { identity_data: value(identity, kind)? }))
}

/// Everything that a call has to tell, errors first.
pub(super) fn report(report: Report) -> Vec<Diagnostic> {
    let errors = report.errors.into_iter().map(|error| diagnostic(error, Severity::Error));
    errors.chain(report.warnings.into_iter().map(|warning| diagnostic(warning, Severity::Warning))).collect()
}

/// Errors alone.
pub(super) fn errors(errors: Vec<Error>) -> Vec<Diagnostic> {
    errors.into_iter().map(|error| diagnostic(error, Severity::Error)).collect()
}

/// Not by way of tf-provider's diagnostic, which adds a backtrace where RUST_BACKTRACE is set.
fn diagnostic(error: Error, severity: Severity) -> Diagnostic {
    let Error { summary, detail, attribute, .. } = error;
    let attribute = (!attribute.steps.is_empty()).then(|| path(attribute));
    Diagnostic { severity: severity.into(), summary, detail, attribute }
}

/// Where in an object.
pub(super) fn path(path: AttributePath) -> tf::AttributePath {
    let steps = path.steps.into_iter().map(|step| match step {
        AttributePathStep::Attribute(name) => Selector::AttributeName(name.into_owned()),
        AttributePathStep::Key(key) => Selector::ElementKeyString(key.into_owned()),
        AttributePathStep::Index(index) => Selector::ElementKeyInt(index),
    });
    tf::AttributePath { steps: steps.map(|selector| Step { selector: Some(selector) }).collect() }
}

/// A schema of the provider, a resource or another kind.
pub(super) fn schema(schema: &Schema) -> tf::Schema {
    tf::Schema { version: schema.version, block: Some(block(&schema.block)) }
}

fn block(from: &Block) -> schema::Block {
    let nested = from.blocks.iter().map(|inner| schema::NestedBlock {
        type_name: inner.name.to_owned(),
        block: Some(block(inner)),
        nesting: schema::nested_block::NestingMode::Single.into(),
        min_items: 0,
        max_items: 0,
    });
    schema::Block {
        attributes: from.attributes.iter().map(attribute).collect(),
        block_types: nested.collect(),
        description: from.doc.to_owned(),
        description_kind: StringKind::Markdown.into(),
        ..Default::default()
    }
}

fn attribute(from: &Attribute) -> schema::Attribute {
    // Exactly one of the two may be set: Terraform crashes on a type that is no JSON.
    let (plain, nested) = match &from.kind {
        Kind::Plain(kind) => (types::encode(kind), None),
        Kind::Nested(nesting, attributes) => (Vec::new(), Some(nested(*nesting, attributes))),
    };
    schema::Attribute {
        name: from.name.to_owned(),
        r#type: plain,
        nested_type: nested,
        description: from.description(),
        required: from.constraint == Constraint::Required,
        optional: matches!(from.constraint, Constraint::Optional | Constraint::OptionalComputed),
        computed: from.is_computed(),
        sensitive: from.sensitive,
        description_kind: StringKind::Markdown.into(),
        deprecated: from.deprecated.is_some(),
        write_only: from.write_only,
        deprecation_message: from.deprecated.unwrap_or_default().to_owned(),
    }
}

fn nested(nesting: Nesting, attributes: &[Attribute]) -> schema::Object {
    use schema::object::NestingMode;
    let nesting = match nesting {
        Nesting::Single => NestingMode::Single,
        Nesting::List => NestingMode::List,
        Nesting::Set => NestingMode::Set,
        Nesting::Map => NestingMode::Map,
    };
    schema::Object {
        attributes: attributes.iter().map(attribute).collect(),
        nesting: nesting.into(),
        ..Default::default()
    }
}

/// The schema of an identity: strings, all needed to import by it.
pub(super) fn identity_schema(attributes: &[IdentityAttribute]) -> ResourceIdentitySchema {
    let attributes = attributes.iter().map(|from| resource_identity_schema::IdentityAttribute {
        name: from.name.to_owned(),
        r#type: types::encode(&Type::String),
        required_for_import: true,
        optional_for_import: false,
        description: from.doc.to_owned(),
    });
    // Version 0 is also what Terraform takes a state without any identity for.
    ResourceIdentitySchema { version: 0, identity_attributes: attributes.collect() }
}

/// The type of a value of an identity.
pub(super) fn identity_type(attributes: &[IdentityAttribute]) -> Type {
    Type::Object(attributes.iter().map(|attribute| (attribute.name.to_owned(), Type::String)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{computed, list_of_text, optional, required, text};
    use crate::value::string;

    fn example() -> Schema {
        let account = Kind::Nested(Nesting::Set, vec![required("name", text(), "Its name.")]);
        let mut schema = Schema::new(
            "A thing.",
            vec![
                required("name", text(), "The name."),
                optional("mode", text(), "How.").default(string("object")),
                optional("old", list_of_text(), "Gone soon.").sensitive(),
                computed("id", text(), "The id."),
                optional("accounts", account, "Whose."),
            ],
        );
        schema.version = 3;
        schema.block =
            schema.block.with(Block::named("timeouts", "How long.", vec![optional("read", text(), "Read.")]));
        schema
    }

    #[test]
    fn a_schema_says_who_gives_each_value_and_either_type_or_nested_type() {
        let message = schema(&example());
        assert_eq!(message.version, 3);
        let block = message.block.unwrap();
        assert_eq!(block.description, "A thing.");
        let flags: Vec<_> =
            block.attributes.iter().map(|a| (a.name.as_str(), a.required, a.optional, a.computed)).collect();
        assert_eq!(
            flags,
            [
                ("name", true, false, false),
                ("mode", false, true, true),
                ("old", false, true, false),
                ("id", false, false, true),
                ("accounts", false, true, false),
            ]
        );
        assert!(block.attributes.iter().all(|a| a.r#type.is_empty() == a.nested_type.is_some()));
        assert_eq!(block.attributes[2].r#type, br#"["list","string"]"#);
        assert!(block.attributes[2].sensitive);
        assert_eq!(block.attributes[4].nested_type.as_ref().unwrap().nesting, schema::object::NestingMode::Set as i32);
        let [timeouts] = &block.block_types[..] else { panic!("{:?}", block.block_types) };
        assert_eq!((timeouts.type_name.as_str(), timeouts.min_items, timeouts.max_items), ("timeouts", 0, 0));
        assert_eq!(timeouts.nesting, schema::nested_block::NestingMode::Single as i32);
    }

    #[test]
    fn a_diagnostic_has_a_path_only_where_it_is_about_one_attribute() {
        let report = report(Report {
            errors: vec![Error::new("Bad", "Do this.").at_path(AttributePath::new("tags").key("a").index(2))],
            warnings: vec![Error::new("Hm", "")],
        });
        let [error, warning] = &report[..] else { panic!("{report:?}") };
        assert_eq!(
            (error.severity(), error.summary.as_str(), error.detail.as_str()),
            (Severity::Error, "Bad", "Do this.")
        );
        let steps: Vec<_> =
            error.attribute.as_ref().unwrap().steps.iter().map(|s| s.selector.clone().unwrap()).collect();
        assert_eq!(
            steps,
            [
                Selector::AttributeName("tags".into()),
                Selector::ElementKeyString("a".into()),
                Selector::ElementKeyInt(2)
            ]
        );
        assert_eq!((warning.severity(), &warning.attribute), (Severity::Warning, &None));
    }

    #[test]
    fn a_value_of_another_type_is_our_defect_and_does_not_show_itself() {
        let error = value(&string("secret"), &Type::Bool).unwrap_err();
        assert_eq!(error.summary, Error::defect("").summary);
        assert!(!error.detail.contains("secret"));
    }
}
