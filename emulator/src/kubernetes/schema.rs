//! The shape of an object: what the API server's Go types and its OpenAPI say of each field.
//!
//! One description serves four readers: decoding ([`super::decode`]), strategic merge patches, the validation of an
//! applied object, and the ownership of fields ([`super::fields`]). How a list is owned and how it is patched are two
//! facts in Kubernetes that agree for every kind here but for atomic lists that are patched as a whole, so one is kept.

/// The type of one value.
#[derive(Debug)]
pub(super) enum Type {
    String,
    Boolean,
    Integer,
    /// RFC 3339, kept in whole seconds.
    Time,
    /// Whatever JSON it is, owned as a whole.
    Any,
    Struct(&'static Struct),
    /// A map with string keys, owned key by key.
    Map(&'static Type),
    List(&'static Type, Elements),
}

/// How the elements of a list are told apart.
#[derive(Debug)]
pub(super) enum Elements {
    /// They are not: the list has one owner, and a patch replaces it.
    Atomic,
    /// By their value.
    Set,
    /// By the value of these fields; strategic merge patches use the first.
    Keyed(&'static [&'static str]),
}

/// A Go struct.
#[derive(Debug)]
pub(super) struct Struct {
    /// Its name in Go, which decoding errors print.
    pub(super) go: &'static str,
    /// Whether it has one owner as a whole.
    pub(super) atomic: bool,
    pub(super) fields: &'static [Field],
}

impl Struct {
    /// The field of this JSON name.
    pub(super) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// One field of a struct.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) of: Type,
    pub(super) presence: Presence,
}

/// When a field is written, which is how Go's `omitempty` and pointers come out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// Unless it is empty: `""`, 0, false, an empty list or map.
    Filled,
    /// When it was given, even where it is empty: a pointer with `omitempty`.
    Given,
    /// Always, empty where it was not given.
    Always,
    /// Always, null where it was not given.
    Nullable,
}

impl Field {
    /// A field that is written unless it is empty.
    pub(super) const fn filled(name: &'static str, of: Type) -> Self {
        Self { name, of, presence: Presence::Filled }
    }

    /// A field that is written when it was given.
    pub(super) const fn given(name: &'static str, of: Type) -> Self {
        Self { name, of, presence: Presence::Given }
    }

    /// A field that is always written.
    pub(super) const fn always(name: &'static str, of: Type) -> Self {
        Self { name, of, presence: Presence::Always }
    }

    /// A field that is always written, as null where it was not given.
    pub(super) const fn nullable(name: &'static str, of: Type) -> Self {
        Self { name, of, presence: Presence::Nullable }
    }
}

/// The `kind` of every object.
pub(super) const KIND: Field = Field::filled("kind", Type::String);
/// The `apiVersion` of every object.
pub(super) const API_VERSION: Field = Field::filled("apiVersion", Type::String);
/// The `metadata` of every object.
pub(super) const METADATA: Field = Field::always("metadata", Type::Struct(&OBJECT_META));
/// A map from string to string, owned key by key.
pub(super) const STRINGS: Type = Type::Map(&Type::String);
/// A list of strings with one owner.
pub(super) const STRING_LIST: Type = Type::List(&Type::String, Elements::Atomic);

/// `meta/v1.ObjectMeta`.
pub(super) static OBJECT_META: Struct = Struct {
    go: "ObjectMeta",
    atomic: false,
    fields: &[
        Field::filled("name", Type::String),
        Field::filled("generateName", Type::String),
        Field::filled("namespace", Type::String),
        Field::filled("selfLink", Type::String),
        Field::filled("uid", Type::String),
        Field::filled("resourceVersion", Type::String),
        Field::filled("generation", Type::Integer),
        Field::given("creationTimestamp", Type::Time),
        Field::given("deletionTimestamp", Type::Time),
        Field::given("deletionGracePeriodSeconds", Type::Integer),
        Field::filled("labels", STRINGS),
        Field::filled("annotations", STRINGS),
        Field::filled("ownerReferences", Type::List(&Type::Struct(&OWNER_REFERENCE), Elements::Keyed(&["uid"]))),
        Field::filled("finalizers", Type::List(&Type::String, Elements::Set)),
        Field::given("managedFields", Type::List(&Type::Struct(&MANAGED_FIELDS_ENTRY), Elements::Atomic)),
    ],
};

static OWNER_REFERENCE: Struct = Struct {
    go: "OwnerReference",
    atomic: true,
    fields: &[
        Field::always("apiVersion", Type::String),
        Field::always("kind", Type::String),
        Field::always("name", Type::String),
        Field::always("uid", Type::String),
        Field::given("controller", Type::Boolean),
        Field::given("blockOwnerDeletion", Type::Boolean),
    ],
};

static MANAGED_FIELDS_ENTRY: Struct = Struct {
    go: "ManagedFieldsEntry",
    atomic: false,
    fields: &[
        Field::filled("manager", Type::String),
        Field::filled("operation", Type::String),
        Field::filled("apiVersion", Type::String),
        Field::given("time", Type::Time),
        Field::filled("fieldsType", Type::String),
        Field::given("fieldsV1", Type::Any),
        Field::filled("subresource", Type::String),
    ],
};
