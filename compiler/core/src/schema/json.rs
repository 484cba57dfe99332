//! JSON Schemas of everything that people and machines write, from the types that read it. Not here: the types.

use kars_contract::decision_log::LoggedDecision;
use kars_contract::document::Document;
use kars_contract::{EgressAllowlist, RelayDocument, RouterDocument, RouterOrigins, trust::TrustDocument};
use kars_scenario::catalog::{AccountScoped, ModelCatalog, Preset, RuntimeDescriptor, ToolCatalog};
use kars_scenario::environment::Environment;
use kars_scenario::lock::Lock;
use kars_scenario::policy_test::PolicyTests;
use kars_scenario::scenario::Scenario;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema, schema_for};
use serde_json::Value;

/// Where the schemas say they live.
const HOME: &str = "https://karsc.dev/schema/v1alpha1";
/// The top-level keys that an included file may have; all others are the scenario's own.
const FRAGMENT: [&str; 9] =
    ["agents", "channels", "exceptions", "include", "links", "mcpServers", "memories", "models", "rules"];

/// The schema of one kind of file.
#[derive(Debug)]
pub struct Described {
    /// What it is called on the command line and in file names.
    pub name: &'static str,
    /// What it describes, in a few words.
    pub title: &'static str,
    /// The schema, in draft 2020-12.
    pub schema: Value,
}

impl Described {
    fn new(name: &'static str, title: &'static str, mut schema: Schema) -> Self {
        RecursiveTransform(tidy).transform(&mut schema);
        schema.insert("$id".to_owned(), format!("{HOME}/{name}.schema.json").into());
        schema.insert("title".to_owned(), title.into());
        Self { name, title, schema: schema.to_value() }
    }

    fn of<T: JsonSchema>(name: &'static str, title: &'static str) -> Self {
        Self::new(name, title, schema_for!(T))
    }

    fn document<T: Document>(name: &'static str, title: &'static str) -> Self {
        Self::new(name, title, T::schema())
    }

    /// The path below `schema/`.
    pub fn path(&self) -> String {
        format!("json/{}.schema.json", self.name)
    }

    /// The schema as text.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(&self.schema).expect("a schema has text keys") + "\n"
    }
}

/// Every schema: first what people write, then what machines write.
pub fn all() -> Vec<Described> {
    vec![
        Described::of::<Scenario>("scenario", "A scenario: scenario.yaml"),
        Described::of::<Environment>("environment", "An environment: environments/*.yaml"),
        Described::new("fragment", "A file that a scenario includes", fragment()),
        Described::of::<PolicyTests>("tests", "Policy tests: tests/*.yaml"),
        Described::of::<Lock>("lock", "A lock: karsc.lock"),
        Described::of::<RuntimeDescriptor>("runtime", "A runtime: catalog/runtimes/*/runtime.yaml"),
        Described::of::<ToolCatalog>("tools", "A tool catalog: catalog/tools/*.yaml"),
        Described::of::<ModelCatalog>("models", "A model catalog: catalog/models/*.yaml"),
        Described::of::<Preset>("preset", "A preset: catalog/presets/*.yaml"),
        Described::of::<AccountScoped>("hosts", "Account-scoped hosts: catalog/hosts/*.yaml"),
        Described::document::<RouterDocument>("router-document", "The policy of one router: documents/*.router.json"),
        Described::document::<RelayDocument>("relay-document", "The policy of a relay: documents/relay.json"),
        Described::document::<EgressAllowlist>("egress-allowlist", "An egress allowlist: allowlists/*.egress.json"),
        Described::document::<RouterOrigins>(
            "router-origins",
            "Where the rules of a router were written: origins.json",
        ),
        Described::of::<LoggedDecision>("decision-log", "One line of a router's decision log: decisions.jsonl"),
        Described::document::<TrustDocument>("trust", "Whose signatures routers trust: trust.json"),
    ]
}

/// A scenario without what only its first file may say.
fn fragment() -> Schema {
    let mut schema = schema_for!(Scenario);
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.retain(|name, _| FRAGMENT.contains(&name.as_str()));
    }
    schema.remove("required");
    schema.insert("description".to_owned(), "Entries that become part of the scenario that includes the file.".into());
    schema
}

/// Makes one schema say what the parser does: what is left out is not there, and nothing is ever null.
fn tidy(schema: &mut Schema) {
    without_null(schema);
    with_bounds(schema);
    if let Some(Value::String(text)) = schema.get_mut("description") {
        // Lines are broken where the source breaks them; only paragraphs mean something.
        *text = text.split("\n\n").map(|part| part.replace('\n', " ")).collect::<Vec<_>>().join("\n\n");
    }
    let holds_null = schema.get("default").is_some_and(|default| {
        default.is_null() || default.as_object().is_some_and(|fields| fields.values().any(Value::is_null))
    });
    if holds_null {
        schema.remove("default");
    }
}

fn without_null(schema: &mut Schema) {
    for list in ["type", "enum"] {
        let Some(Value::Array(choices)) = schema.get_mut(list) else { continue };
        choices.retain(|choice| !choice.is_null() && choice != "null");
        if let ("type", [only]) = (list, choices.as_slice()) {
            let only = only.clone();
            schema.insert(list.to_owned(), only);
        }
    }
    let Some(Value::Array(choices)) = schema.get_mut("anyOf") else { return };
    choices.retain(|choice| choice["type"] != "null");
    if let [Value::Object(only)] = choices.as_slice() {
        let only = only.clone();
        schema.remove("anyOf");
        for (key, value) in only {
            schema.ensure_object().entry(key).or_insert(value);
        }
    }
}

/// Numbers of a fixed width, in words that every validator knows.
fn with_bounds(schema: &mut Schema) {
    let bounds: (i64, u64) = match schema.get("format").and_then(Value::as_str) {
        Some("uint8") => (0, u8::MAX.into()),
        Some("uint16") => (0, u16::MAX.into()),
        Some("uint32") => (0, u32::MAX.into()),
        Some("uint64") => (0, u64::MAX),
        Some("int64") => (i64::MIN, i64::MAX.unsigned_abs()),
        _ => return,
    };
    schema.remove("format");
    let fields = schema.ensure_object();
    fields.entry("minimum").or_insert(bounds.0.into());
    fields.entry("maximum").or_insert(bounds.1.into());
}
