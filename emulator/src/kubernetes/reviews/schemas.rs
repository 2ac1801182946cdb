//! The fields of the questions.

use crate::kubernetes::schema::{API_VERSION, Field, KIND, METADATA, STRING_LIST, Struct, Type};

pub(super) static SELF_SUBJECT_REVIEW: Struct = Struct {
    go: "SelfSubjectReview",
    atomic: false,
    fields: &[KIND, API_VERSION, METADATA, Field::given("status", Type::Any)],
};

pub(super) static TOKEN_REVIEW: Struct = Struct {
    go: "TokenReview",
    atomic: false,
    fields: &[
        KIND,
        API_VERSION,
        METADATA,
        Field::always("spec", Type::Struct(&TOKEN_REVIEW_SPEC)),
        Field::given("status", Type::Any),
    ],
};

static TOKEN_REVIEW_SPEC: Struct = Struct {
    go: "TokenReviewSpec",
    atomic: false,
    fields: &[Field::filled("token", Type::String), Field::filled("audiences", STRING_LIST)],
};

pub(super) static SELF_SUBJECT_ACCESS_REVIEW: Struct = Struct {
    go: "SelfSubjectAccessReview",
    atomic: false,
    fields: &[
        KIND,
        API_VERSION,
        METADATA,
        Field::always("spec", Type::Struct(&SELF_ACCESS_SPEC)),
        Field::given("status", Type::Any),
    ],
};

static SELF_ACCESS_SPEC: Struct =
    Struct { go: "SelfSubjectAccessReviewSpec", atomic: false, fields: &[RESOURCE, NON_RESOURCE] };

pub(super) static SUBJECT_ACCESS_REVIEW: Struct = Struct {
    go: "SubjectAccessReview",
    atomic: false,
    fields: &[
        KIND,
        API_VERSION,
        METADATA,
        Field::always("spec", Type::Struct(&ACCESS_SPEC)),
        Field::given("status", Type::Any),
    ],
};

static ACCESS_SPEC: Struct = Struct {
    go: "SubjectAccessReviewSpec",
    atomic: false,
    fields: &[
        RESOURCE,
        NON_RESOURCE,
        Field::filled("user", Type::String),
        Field::filled("groups", STRING_LIST),
        Field::filled("extra", Type::Map(&STRING_LIST)),
        Field::filled("uid", Type::String),
    ],
};

pub(super) static SELF_SUBJECT_RULES_REVIEW: Struct = Struct {
    go: "SelfSubjectRulesReview",
    atomic: false,
    fields: &[
        KIND,
        API_VERSION,
        METADATA,
        Field::always("spec", Type::Struct(&RULES_SPEC)),
        Field::given("status", Type::Any),
    ],
};

static RULES_SPEC: Struct =
    Struct { go: "SelfSubjectRulesReviewSpec", atomic: false, fields: &[Field::filled("namespace", Type::String)] };

const RESOURCE: Field = Field::given("resourceAttributes", Type::Struct(&RESOURCE_ATTRIBUTES));
const NON_RESOURCE: Field = Field::given("nonResourceAttributes", Type::Struct(&NON_RESOURCE_ATTRIBUTES));

static RESOURCE_ATTRIBUTES: Struct = Struct {
    go: "ResourceAttributes",
    atomic: false,
    fields: &[
        Field::filled("namespace", Type::String),
        Field::filled("verb", Type::String),
        Field::filled("group", Type::String),
        Field::filled("version", Type::String),
        Field::filled("resource", Type::String),
        Field::filled("subresource", Type::String),
        Field::filled("name", Type::String),
        Field::given("fieldSelector", Type::Any),
        Field::given("labelSelector", Type::Any),
    ],
};

static NON_RESOURCE_ATTRIBUTES: Struct = Struct {
    go: "NonResourceAttributes",
    atomic: false,
    fields: &[Field::filled("path", Type::String), Field::filled("verb", Type::String)],
};
