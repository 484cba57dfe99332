//! Kubernetes shapes that an agent may set: resources, placement, environment variables.

use schemars::JsonSchema;
use serde::Serialize;

use crate::agent::Labels;
use crate::decode::Decode;
use crate::span::Spanned;

/// CPU and memory of a container.
#[derive(Clone, Debug, Decode, Default, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resources {
    /// What the scheduler keeps free for it.
    #[serde(default)]
    pub requests: Option<Amounts>,
    /// What it may use at most.
    #[serde(default)]
    pub limits: Option<Amounts>,
}

/// Amounts of CPU and memory.
#[derive(Clone, Debug, Decode, Default, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Amounts {
    /// Cores: `500m` for half of one, or `"2"`, quoted.
    #[serde(default)]
    pub cpu: Option<Spanned<Cpu>>,
    /// Bytes: `512Mi`, `2Gi`.
    #[serde(default)]
    pub memory: Option<Spanned<Memory>>,
    /// Bytes on the node's disk: `1Gi`.
    #[serde(default)]
    pub ephemeral_storage: Option<Spanned<Memory>>,
}

crate::text::text_type! {
    /// An amount of CPU: `500m`, `"2"`.
    Cpu, "an amount of CPU", 12, "^([1-9][0-9]*m|[1-9][0-9]*)$",
    |text| whole(text.strip_suffix('m').unwrap_or(text)),
    "write thousandths of a core as `500m`, or whole cores as `\"2\"`"
}
crate::text::text_type! {
    /// An amount of memory: `512Mi`, `2Gi`.
    #[schemars(rename = "MemoryAmount")]
    Memory, "an amount of memory", 16, "^[1-9][0-9]*(Ki|Mi|Gi)$",
    |text| ["Ki", "Mi", "Gi"].iter().any(|unit| text.strip_suffix(unit).is_some_and(whole)),
    "write a whole number and one of Ki, Mi, Gi: `512Mi`"
}

fn whole(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Cpu {
    /// Thousandths of a core.
    pub fn milli(&self) -> u64 {
        let text = self.as_str();
        let (digits, factor) = text.strip_suffix('m').map_or((text, 1000), |digits| (digits, 1));
        digits.parse::<u64>().map_or(u64::MAX, |number| number.saturating_mul(factor))
    }
}

impl Memory {
    /// Bytes.
    pub fn bytes(&self) -> u64 {
        self.as_str().parse::<crate::quantity::Size>().map_or(u64::MAX, |size| size.bytes)
    }
}

/// On which nodes a pod may run.
#[derive(Clone, Debug, Decode, Default, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Placement {
    /// Labels that the node must have: `{ pool: agents }`.
    #[serde(default)]
    pub node_selector: Labels,
    /// Taints that the pod puts up with.
    #[serde(default)]
    pub tolerations: Vec<Toleration>,
    /// The pod's priority class.
    #[serde(default)]
    pub priority_class_name: Option<Spanned<String>>,
}

/// A taint that a pod puts up with.
#[derive(Clone, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Toleration {
    /// The taint's key.
    pub key: Spanned<String>,
    /// `Equal` compares the value, `Exists` does not.
    #[serde(default)]
    pub operator: Option<Operator>,
    /// The taint's value.
    #[serde(default)]
    pub value: Option<Spanned<String>>,
    /// The taint's effect; every effect where it is left out.
    #[serde(default)]
    pub effect: Option<Effect>,
}

/// How a toleration compares.
#[derive(Clone, Copy, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Operator {
    Equal,
    Exists,
}

/// What a taint does.
#[derive(Clone, Copy, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Effect {
    NoSchedule,
    PreferNoSchedule,
    NoExecute,
}

/// One environment variable with a plain value. Secrets never go this way.
#[derive(Clone, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvVar {
    /// The variable's name: `LOG_LEVEL`.
    pub name: Spanned<EnvName>,
    /// The variable's value, a text: quote numbers and `true`.
    pub value: Spanned<String>,
}

crate::text::text_type! {
    /// The name of an environment variable.
    EnvName, "the name of an environment variable", 128, "^[A-Za-z_][A-Za-z0-9_]*$",
    |text| !text.starts_with(|first: char| first.is_ascii_digit()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'),
    "use letters, digits and underscores, not a digit first"
}
