//! The fields of a pod's spec, which pods have and the templates of workloads.
//!
//! A part that the emulator never looks into is owned as a whole ([`Type::Any`]), where a real API server knows its
//! fields: a manager that changes one of them then owns all of that part.

use crate::kubernetes::schema::{Elements, Field, METADATA, STRING_LIST, STRINGS, Struct, Type};

/// `core/v1.PodTemplateSpec`.
pub(super) static POD_TEMPLATE: Struct = Struct {
    go: "PodTemplateSpec",
    atomic: false,
    fields: &[METADATA, Field::always("spec", Type::Struct(&POD_SPEC))],
};

/// `core/v1.PodSpec`.
pub(super) static POD_SPEC: Struct = Struct {
    go: "PodSpec",
    atomic: false,
    fields: &[
        Field::filled("volumes", Type::List(&Type::Struct(&VOLUME), Elements::Keyed(&["name"]))),
        Field::filled("initContainers", CONTAINERS),
        Field::always("containers", CONTAINERS),
        Field::filled("ephemeralContainers", Type::List(&Type::Any, Elements::Keyed(&["name"]))),
        Field::filled("restartPolicy", Type::String),
        Field::given("terminationGracePeriodSeconds", Type::Integer),
        Field::given("activeDeadlineSeconds", Type::Integer),
        Field::filled("dnsPolicy", Type::String),
        Field::filled("nodeSelector", Type::Any),
        Field::filled("serviceAccountName", Type::String),
        Field::filled("serviceAccount", Type::String),
        Field::given("automountServiceAccountToken", Type::Boolean),
        Field::filled("nodeName", Type::String),
        Field::filled("hostNetwork", Type::Boolean),
        Field::filled("hostPID", Type::Boolean),
        Field::filled("hostIPC", Type::Boolean),
        Field::given("shareProcessNamespace", Type::Boolean),
        Field::given("securityContext", Type::Struct(&POD_SECURITY)),
        Field::filled("imagePullSecrets", Type::List(&Type::Struct(&REFERENCE), Elements::Keyed(&["name"]))),
        Field::filled("hostname", Type::String),
        Field::filled("subdomain", Type::String),
        Field::given("affinity", Type::Any),
        Field::filled("schedulerName", Type::String),
        Field::filled("tolerations", Type::List(&Type::Struct(&TOLERATION), Elements::Atomic)),
        Field::filled("hostAliases", Type::List(&Type::Struct(&HOST_ALIAS), Elements::Keyed(&["ip"]))),
        Field::filled("priorityClassName", Type::String),
        Field::given("priority", Type::Integer),
        Field::given("dnsConfig", Type::Any),
        Field::filled("readinessGates", Type::List(&Type::Any, Elements::Atomic)),
        Field::given("runtimeClassName", Type::String),
        Field::given("enableServiceLinks", Type::Boolean),
        Field::given("preemptionPolicy", Type::String),
        Field::filled("overhead", Type::Map(&Type::Any)),
        Field::filled(
            "topologySpreadConstraints",
            Type::List(&Type::Any, Elements::Keyed(&["topologyKey", "whenUnsatisfiable"])),
        ),
        Field::given("setHostnameAsFQDN", Type::Boolean),
        Field::given("os", Type::Any),
        Field::given("hostUsers", Type::Boolean),
        Field::filled("schedulingGates", Type::List(&Type::Any, Elements::Keyed(&["name"]))),
        Field::filled("resourceClaims", Type::List(&Type::Any, Elements::Keyed(&["name"]))),
        Field::given("resources", Type::Struct(&RESOURCES)),
        Field::given("hostnameOverride", Type::String),
    ],
};

const CONTAINERS: Type = Type::List(&Type::Struct(&CONTAINER), Elements::Keyed(&["name"]));

static CONTAINER: Struct = Struct {
    go: "Container",
    atomic: false,
    fields: &[
        Field::always("name", Type::String),
        Field::filled("image", Type::String),
        Field::filled("command", STRING_LIST),
        Field::filled("args", STRING_LIST),
        Field::filled("workingDir", Type::String),
        Field::filled("ports", Type::List(&Type::Struct(&PORT), Elements::Keyed(&["containerPort", "protocol"]))),
        Field::filled("envFrom", Type::List(&Type::Any, Elements::Atomic)),
        Field::filled("env", Type::List(&Type::Struct(&ENV), Elements::Keyed(&["name"]))),
        Field::always("resources", Type::Struct(&RESOURCES)),
        Field::filled("resizePolicy", Type::List(&Type::Any, Elements::Atomic)),
        Field::given("restartPolicy", Type::String),
        Field::filled("restartPolicyRules", Type::List(&Type::Any, Elements::Atomic)),
        Field::filled("volumeMounts", Type::List(&Type::Struct(&MOUNT), Elements::Keyed(&["mountPath"]))),
        Field::filled("volumeDevices", Type::List(&Type::Any, Elements::Keyed(&["devicePath"]))),
        Field::given("livenessProbe", Type::Struct(&PROBE)),
        Field::given("readinessProbe", Type::Struct(&PROBE)),
        Field::given("startupProbe", Type::Struct(&PROBE)),
        Field::given("lifecycle", Type::Any),
        Field::filled("terminationMessagePath", Type::String),
        Field::filled("terminationMessagePolicy", Type::String),
        Field::filled("imagePullPolicy", Type::String),
        Field::given("securityContext", Type::Struct(&CONTAINER_SECURITY)),
        Field::filled("stdin", Type::Boolean),
        Field::filled("stdinOnce", Type::Boolean),
        Field::filled("tty", Type::Boolean),
    ],
};

static PORT: Struct = Struct {
    go: "ContainerPort",
    atomic: false,
    fields: &[
        Field::filled("name", Type::String),
        Field::filled("hostPort", Type::Integer),
        Field::always("containerPort", Type::Integer),
        Field::filled("protocol", Type::String),
        Field::filled("hostIP", Type::String),
    ],
};

static ENV: Struct = Struct {
    go: "EnvVar",
    atomic: false,
    fields: &[
        Field::always("name", Type::String),
        Field::filled("value", Type::String),
        Field::given("valueFrom", Type::Struct(&ENV_SOURCE)),
    ],
};

static ENV_SOURCE: Struct = Struct {
    go: "EnvVarSource",
    atomic: false,
    fields: &[
        Field::given("fieldRef", Type::Struct(&FIELD_REFERENCE)),
        Field::given("resourceFieldRef", Type::Any),
        Field::given("configMapKeyRef", Type::Any),
        Field::given("secretKeyRef", Type::Any),
        Field::given("fileKeyRef", Type::Any),
    ],
};

static FIELD_REFERENCE: Struct = Struct {
    go: "ObjectFieldSelector",
    atomic: true,
    fields: &[Field::filled("apiVersion", Type::String), Field::always("fieldPath", Type::String)],
};

static RESOURCES: Struct = Struct {
    go: "ResourceRequirements",
    atomic: false,
    fields: &[
        Field::filled("limits", Type::Map(&Type::Any)),
        Field::filled("requests", Type::Map(&Type::Any)),
        Field::filled("claims", Type::List(&Type::Any, Elements::Keyed(&["name"]))),
    ],
};

static MOUNT: Struct = Struct {
    go: "VolumeMount",
    atomic: false,
    fields: &[
        Field::always("name", Type::String),
        Field::filled("readOnly", Type::Boolean),
        Field::given("recursiveReadOnly", Type::String),
        Field::always("mountPath", Type::String),
        Field::filled("subPath", Type::String),
        Field::given("mountPropagation", Type::String),
        Field::filled("subPathExpr", Type::String),
    ],
};

static PROBE: Struct = Struct {
    go: "Probe",
    atomic: false,
    fields: &[
        Field::given("exec", Type::Any),
        Field::given("httpGet", Type::Struct(&HTTP_GET)),
        Field::given("tcpSocket", Type::Any),
        Field::given("grpc", Type::Any),
        Field::filled("initialDelaySeconds", Type::Integer),
        Field::filled("timeoutSeconds", Type::Integer),
        Field::filled("periodSeconds", Type::Integer),
        Field::filled("successThreshold", Type::Integer),
        Field::filled("failureThreshold", Type::Integer),
        Field::given("terminationGracePeriodSeconds", Type::Integer),
    ],
};

static HTTP_GET: Struct = Struct {
    go: "HTTPGetAction",
    atomic: false,
    fields: &[
        Field::filled("path", Type::String),
        Field::always("port", Type::Any),
        Field::filled("host", Type::String),
        Field::filled("scheme", Type::String),
        Field::filled("httpHeaders", Type::List(&Type::Any, Elements::Atomic)),
    ],
};

static POD_SECURITY: Struct = Struct {
    go: "PodSecurityContext",
    atomic: false,
    fields: &[
        Field::given("seLinuxOptions", Type::Any),
        Field::given("windowsOptions", Type::Any),
        Field::given("runAsUser", Type::Integer),
        Field::given("runAsGroup", Type::Integer),
        Field::given("runAsNonRoot", Type::Boolean),
        Field::filled("supplementalGroups", Type::List(&Type::Integer, Elements::Atomic)),
        Field::given("supplementalGroupsPolicy", Type::String),
        Field::given("fsGroup", Type::Integer),
        Field::filled("sysctls", Type::List(&Type::Any, Elements::Atomic)),
        Field::given("fsGroupChangePolicy", Type::String),
        Field::given("seccompProfile", Type::Any),
        Field::given("appArmorProfile", Type::Any),
        Field::given("seLinuxChangePolicy", Type::String),
    ],
};

static CONTAINER_SECURITY: Struct = Struct {
    go: "SecurityContext",
    atomic: false,
    fields: &[
        Field::given("capabilities", Type::Struct(&CAPABILITIES)),
        Field::given("privileged", Type::Boolean),
        Field::given("seLinuxOptions", Type::Any),
        Field::given("windowsOptions", Type::Any),
        Field::given("runAsUser", Type::Integer),
        Field::given("runAsGroup", Type::Integer),
        Field::given("runAsNonRoot", Type::Boolean),
        Field::given("readOnlyRootFilesystem", Type::Boolean),
        Field::given("allowPrivilegeEscalation", Type::Boolean),
        Field::given("procMount", Type::String),
        Field::given("seccompProfile", Type::Any),
        Field::given("appArmorProfile", Type::Any),
    ],
};

static CAPABILITIES: Struct = Struct {
    go: "Capabilities",
    atomic: false,
    fields: &[Field::filled("add", STRING_LIST), Field::filled("drop", STRING_LIST)],
};

static REFERENCE: Struct =
    Struct { go: "LocalObjectReference", atomic: true, fields: &[Field::filled("name", Type::String)] };

static TOLERATION: Struct = Struct {
    go: "Toleration",
    atomic: false,
    fields: &[
        Field::filled("key", Type::String),
        Field::filled("operator", Type::String),
        Field::filled("value", Type::String),
        Field::filled("effect", Type::String),
        Field::given("tolerationSeconds", Type::Integer),
    ],
};

static HOST_ALIAS: Struct = Struct {
    go: "HostAlias",
    atomic: false,
    fields: &[Field::always("ip", Type::String), Field::filled("hostnames", STRING_LIST)],
};

static VOLUME: Struct = Struct {
    go: "Volume",
    atomic: false,
    fields: &[
        Field::always("name", Type::String),
        Field::given("hostPath", Type::Any),
        Field::given("emptyDir", Type::Any),
        Field::given("secret", Type::Struct(&SECRET_SOURCE)),
        Field::given("configMap", Type::Struct(&CONFIG_MAP_SOURCE)),
        Field::given("downwardAPI", Type::Struct(&DOWNWARD_SOURCE)),
        Field::given("projected", Type::Struct(&PROJECTED_SOURCE)),
        Field::given("persistentVolumeClaim", Type::Any),
        Field::given("csi", Type::Any),
        Field::given("ephemeral", Type::Any),
        Field::given("image", Type::Any),
        Field::given("nfs", Type::Any),
        Field::given("iscsi", Type::Any),
        Field::given("azureDisk", Type::Any),
        Field::given("azureFile", Type::Any),
    ],
};

static SECRET_SOURCE: Struct = Struct {
    go: "SecretVolumeSource",
    atomic: false,
    fields: &[
        Field::filled("secretName", Type::String),
        Field::filled("items", ITEMS),
        Field::given("defaultMode", Type::Integer),
        Field::given("optional", Type::Boolean),
    ],
};

static CONFIG_MAP_SOURCE: Struct = Struct {
    go: "ConfigMapVolumeSource",
    atomic: false,
    fields: &[
        Field::filled("name", Type::String),
        Field::filled("items", ITEMS),
        Field::given("defaultMode", Type::Integer),
        Field::given("optional", Type::Boolean),
    ],
};

static DOWNWARD_SOURCE: Struct = Struct {
    go: "DownwardAPIVolumeSource",
    atomic: false,
    fields: &[Field::filled("items", ITEMS), Field::given("defaultMode", Type::Integer)],
};

static PROJECTED_SOURCE: Struct = Struct {
    go: "ProjectedVolumeSource",
    atomic: false,
    fields: &[
        Field::nullable("sources", Type::List(&Type::Struct(&PROJECTION), Elements::Atomic)),
        Field::given("defaultMode", Type::Integer),
    ],
};

static PROJECTION: Struct = Struct {
    go: "VolumeProjection",
    atomic: false,
    fields: &[
        Field::given("secret", Type::Any),
        Field::given("downwardAPI", Type::Any),
        Field::given("configMap", Type::Any),
        Field::given("serviceAccountToken", Type::Struct(&TOKEN_PROJECTION)),
        Field::given("clusterTrustBundle", Type::Any),
        Field::given("podCertificate", Type::Any),
    ],
};

static TOKEN_PROJECTION: Struct = Struct {
    go: "ServiceAccountTokenProjection",
    atomic: false,
    fields: &[
        Field::filled("audience", Type::String),
        Field::given("expirationSeconds", Type::Integer),
        Field::always("path", Type::String),
    ],
};

const ITEMS: Type = Type::List(&Type::Any, Elements::Atomic);

/// `meta/v1.LabelSelector`.
pub(super) static LABEL_SELECTOR: Struct = Struct {
    go: "LabelSelector",
    atomic: true,
    fields: &[
        Field::filled("matchLabels", STRINGS),
        Field::filled("matchExpressions", Type::List(&Type::Any, Elements::Atomic)),
    ],
};
