//! The words by which scenarios recognize a diagnostic: one constant for each kind, and nothing else of a sentence anywhere in the tests.
//!
//! A scenario looks for the kind, and for the object's own names, ids and codes beside it. Whoever rewords a message edits its source
//! and this table.

macro_rules! texts {
    ($($name:ident = $text:literal;)*) => {
        $(pub const $name: &str = $text;)*

        /// Every constant, by its name.
        const ALL: &[(&str, &str)] = &[$((stringify!($name), $text)),*];
    };
}

texts! {
    // What exists, and what does not.
    ALREADY_EXISTS = "exists already";
    NOT_FOUND = "does not exist";
    CHECK_THE_CLUSTER = "talks to the right cluster";
    CREATE_NAMESPACE = "Create namespace";
    ANNOTATIONS_NEED_THE_ACCOUNT = "somebody else makes the account";
    NO_ROLE_OF_THIS_NAME = "no role named";
    NO_ROLE_OF_THIS_ID = "There is no role `";
    DID_YOU_MEAN = "Did you mean";
    CANNOT_MOVE = "Cannot move";

    // Input that no service is asked about.
    ONE_REQUIRED = "Set one of";
    ONLY_ONE_ALLOWED = "Set only one of";
    EXCLUSIVE = "exclude each other";
    READ_ONLY = "read-only attribute";
    NOT_A_CLUSTER_TYPE = "is neither";
    NO_LEADING_SLASH = "does not start with a slash";
    WHITE_SPACE = "white space";
    LOWER_CASE = "lower-case";
    NOT_AN_IDENTITY = "is not the id of a managed identity";
    NULL_ELEMENT = "Null element";

    // The provider's configuration, signing in, and the way to a cluster.
    CONFIGURATION_UNKNOWN = "not known yet";
    NOT_REFRESHED = "was not refreshed";
    CLIENT_SECRET = "client secret";
    NO_CONNECTION = "no connection to the API server";
    PRIVATE_CLUSTER = "The cluster is private";
    TIMED_OUT = "until the timeout";

    // Features of a cluster.
    FEATURES_OFF = "has not enabled its OIDC issuer and workload identity";
    WORKLOAD_IDENTITY_OFF = "has not enabled workload identity";
    ISSUER_OFF = "has no OIDC issuer";
    ISSUER_NOT_YET_KNOWN = "has no issuer yet";
    ONLY_WHEN_CREATED = "when it is made, and at no later time";

    // Issuers.
    ISSUER_MISMATCH = "The issuer is not the cluster's";
    TOKEN_ISSUER_MISMATCH = "The cluster's tokens have another issuer";
    DOCUMENT_ISSUER_MISMATCH = "The discovery document names another issuer";
    LACKS_SLASH = "slash at its end is missing";
    DIFFERS_IN_SLASH = "the slash `/` is missing";
    DIFFERS_IN_CASE = "capital and small letters";
    NO_DISCOVERY_DOCUMENT = "discovery document of issuer";
    OTHER_HOST = "same host only";
    NO_KEYS = "The issuer publishes no keys";
    NO_SOURCE_OF_ISSUER = "Neither `issuer` nor `cluster_id`";

    // Credentials of one identity.
    CREDENTIAL_LIMIT = "credentials for one identity, which holds";
    IDENTITY_FULL = "The identity would hold";
    IDENTITY_FILLS_UP = "The identity fills up";
    DUPLICATE_TRUST = "same issuer and subject";
    HAS_EXPRESSION = "claims by an expression";
    OTHER_TENANT = "another tenant";

    // One owner for each object.
    TWO_OWNERS = "Two resources manage the same object";
    ROLE_HAS_TWO_OWNERS = "Two resources assign the same role";
    NOT_DELETED = "was not deleted";
    PREDECESSOR = "under `create_before_destroy`";

    // Plans, and replacements.
    REPLACED_FOR_UNKNOWN = "Replacement planned because";
    NOTHING_DELETED = "Nothing was deleted";
    STILL_DELETING = "still being deleted";

    // Bindings.
    OTHER_CLUSTER = "not the cluster that the provider talks to";
    OTHER_IDENTITY = "already belongs to another identity";
    ROLLBACK_INCOMPLETE = "could not be undone";
    TOKEN_NOT_PERMITTED = "no right to request a token";
    NOT_USABLE_YET = "not usable yet";
    NEVER_USABLE = "waiting does not end";

    // Role assignments.
    ASSIGNED_TWICE = "assigned twice";
    BROAD_ACCESS = "Broad access: ";
    WHOLE_SUBSCRIPTION = "on a whole subscription";
    ANY_ROLE = "any role on it";
    LIMIT_BY_CONDITION = "with a `condition`";
    ANY_PRINCIPAL = "itself and anybody else";
    ASSIGN_APART = "azwi_role_assignment with";
    CAN_CHANGE = "can change";
    NARROWER_SCOPE = "at the one resource";

    // What Terraform itself says.
    INVALID_VARIABLE = "Invalid value for variable";
    NOT_A_BOOL = "a bool is required";
    NO_PROVIDER_CONFIGURATION = "Provider configuration not present";
    NO_MOVE_ACROSS_TYPES = "Unsupported `moved` across resource types";
    UPDATED_IN_PLACE = "will be updated in-place";

    // The examples' own rules for their variables.
    NOT_A_CLUSTER = "not the id of a cluster";
    NOT_A_KEY_VAULT = "not the id of a Key Vault";
    NOT_A_VAULT = "not the id of a vault";
    NOT_A_STORAGE_ACCOUNT = "not the id of a storage account";
    NOT_A_SERVICE_BUS = "not the id of a Service Bus namespace";
    NOT_A_VAULT_URL = "A vault's URL is";
    NAME_IS_NOT_ENOUGH = "its name or its URL is not enough";
    ID_IS_TOO_MUCH = "Its id is too much";
    PATH_IS_TOO_MUCH = "/subscriptions/ is too much";
    NOT_A_SUBSCRIPTION = "A subscription's id is a GUID";
    NOT_A_RESOURCE_GROUP = "A resource group has a name of";
    DOT_AT_ITS_END = "no '.' at its end";
    NOT_A_LOCATION = "such as westeurope";
    NOT_A_NAMESPACE = "A namespace ";
    NOT_A_NAME = "Choose a name of";
    NOT_A_NAME_FOR_BOTH = "The name is 3 to 63";
    NOT_A_CONTAINER = "A container's name";
    NOT_A_QUEUE = "A queue's name";
    NOT_A_REPOSITORY = "github.repository is OWNER/REPOSITORY";
    NOT_AN_ISSUER = "azure_devops.issuer is";
    TOO_MANY_TAGS = "Azure takes 50 tags at most";
    TAGS_BY_VARIABLE = "come from the variables name and team";
    TOO_MANY_ACCOUNTS = "One identity serves";
    TOKEN_LIFETIME = "between an hour (3600) and a day (86400)";
    CHOOSE_ACCESS = "Choose from";
    SAME_CLUSTER = "Both are the same cluster";
    ONE_SUBJECT = "whoever plans could apply";
    NO_WILDCARD = "knows no *";
    NO_COMPONENT = "Name at least one component";
    COMPONENT_KEY = "by its key in the chart's values";
    SAME_COMPONENT = "differ in more than case";
    AGENT_STATE = "in state";

    // What examples/fleet-from-yaml says of its file.
    HAS_MISTAKES = "has mistakes";
    NAMED_TWICE = "is there 2 times";
    MALFORMED_NAME = "is no name";
    UNUSED_KEY = "which nothing reads";
    NO_NAMESPACE = "has no namespace";
    NO_NAME = "has no name.";
    NOT_TRUE_OR_FALSE = "true nor false";
    NO_SUCH_ROLE = "which is not in roles.tf";
    WRONG_KIND_OF_RESOURCE = "which is no Microsoft.Storage/storageAccounts";
    NO_SUCH_RESOURCE = "which is not in var.resources";
    ROLE_TWICE = "at vault twice";
    SHARED_ACCOUNT = "belongs to several applications";
    NO_APPLICATION = "There is no application in it";
    NOT_YAML = "is no valid YAML";
    NO_LIST = "has no list";
    NO_FILE = "There is no file";
    NO_RESOURCE_ID = "Each resource needs its id";

    // What read-secret.sh of examples/aks-lab prints.
    GOT_ACCESS_TOKEN = "Entra ID  an access token";
    VAULT_REFUSED = "vault     403: ";
    LABEL_MISSING = "Has it the label";

    // What docs/guides/versions.md says that the provider does not have.
    NOT_IN_THIS_VERSION = "functions, ephemeral resources, write-only attributes, list resources, actions, state stores";
}

/// Where one text is part of another, a scenario that looks for the shorter one is content with the other kind.
fn interchangeable(texts: &[(&str, &str)]) -> Vec<String> {
    let pairs = texts.iter().flat_map(|one| texts.iter().map(move |other| (one, other)));
    let within = pairs.filter(|((one, text), (other, whole))| one != other && whole.contains(text));
    within.map(|((one, _), (other, _))| format!("{one} is part of {other}")).collect()
}

#[test]
fn each_text_identifies_one_kind() {
    assert_eq!(interchangeable(ALL), [""; 0]);
    assert!(ALL.iter().all(|(_, text)| text.len() > 5), "a text this short is in many diagnostics");
    let same = [("ONE", "not usable"), ("OTHER", "not usable yet"), ("THIRD", "usable soon")];
    assert_eq!(interchangeable(&same), ["ONE is part of OTHER"]);
    assert_eq!(interchangeable(&[("ONE", "twice"), ("OTHER", "twice")]).len(), 2);
}
