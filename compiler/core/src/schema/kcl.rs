//! The KCL package `karsc.v1alpha1`: one KCL schema for each record that a scenario or an environment is made of.
//! Not here: constraints that KCL has no type for, such as what a name may look like; the parser holds those.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::definition_name;
use super::json::{Described, all};

/// Words of KCL that are written with a dollar sign where they are names.
const KEYWORDS: [&str; 27] = [
    "False",
    "None",
    "True",
    "Undefined",
    "all",
    "and",
    "any",
    "as",
    "assert",
    "check",
    "elif",
    "else",
    "filter",
    "for",
    "from",
    "if",
    "import",
    "in",
    "is",
    "lambda",
    "map",
    "mixin",
    "not",
    "or",
    "protocol",
    "rule",
    "schema",
];
const HEAD: &str = "# Made by `karsc schema --kcl` from the types that read scenarios. Names that are words of KCL are written with a\n\
                    # dollar sign: `$from`, `$rule`, `$schema`.\n";

/// The files of the package, by path below `karsc/`.
pub fn package() -> Vec<(String, String)> {
    let schemas = all();
    let mut written = Vec::new();
    ["scenario", "environment"]
        .into_iter()
        .map(|name| {
            let described = schemas.iter().find(|schema| schema.name == name).expect("both are always made");
            (format!("v1alpha1/{name}.k"), file(described, &mut written))
        })
        .collect()
}

/// One file: the root's record, then every other that no earlier file holds.
fn file(described: &Described, written: &mut Vec<String>) -> String {
    let none = Map::new();
    let definitions = described.schema["$defs"].as_object().unwrap_or(&none);
    let package = Package { definitions };
    let mut text = HEAD.to_owned();
    text.push_str(&package.record(&capitalised(described.name), &described.schema));
    for (name, schema) in definitions {
        if written.contains(name) {
            continue;
        }
        written.push(name.clone());
        if is_record(schema) {
            text.push_str(&package.record(name, schema));
        }
        for form in forms(schema).iter().filter(|form| is_record(form)) {
            text.push_str(&package.record(&inline_name(name, form), form));
        }
    }
    text
}

/// Whether a schema is an object with fields of its own, and so a schema of KCL.
fn is_record(schema: &Value) -> bool {
    schema["type"] == "object" && (schema["properties"].is_object() || schema["additionalProperties"] == false)
}

/// The alternatives of a union.
fn forms(schema: &Value) -> &[Value] {
    ["anyOf", "oneOf"].iter().find_map(|key| schema[*key].as_array()).map_or(&[], Vec::as_slice)
}

/// The name of a record that stands inside a union: that of the union and of its only field.
fn inline_name(union: &str, record: &Value) -> String {
    let field = record["properties"].as_object().and_then(|fields| fields.keys().next());
    format!("{union}{}", field.map_or_else(String::new, |field| capitalised(field)))
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

struct Package<'a> {
    definitions: &'a Map<String, Value>,
}

impl Package<'_> {
    fn record(&self, name: &str, schema: &Value) -> String {
        let none = Map::new();
        let fields = schema["properties"].as_object().unwrap_or(&none);
        let required =
            |field: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|n| n == field));
        let mut text = format!("\nschema {name}:\n    \"\"\"{}\n", described(schema).replace('\n', "\n    "));
        if !fields.is_empty() {
            text.push_str("\n    Attributes\n    ----------\n");
        }
        let mut attributes = String::new();
        for (field, schema) in fields {
            let kind = self.type_of(name, schema);
            let needed = if required(field) { "required" } else { "optional" };
            let dollar = if KEYWORDS.contains(&field.as_str()) { "$" } else { "" };
            let about = described(schema).replace('\n', "\n        ");
            writeln!(text, "    {dollar}{field} : {kind}, {needed}\n        {about}").expect("a string takes all");
            let mark = if required(field) { "" } else { "?" };
            // A field that has only one value need not be written.
            let value = if kind.starts_with('"') && !kind.contains('|') { format!(" = {kind}") } else { String::new() };
            writeln!(attributes, "    {dollar}{field}{mark}: {kind}{value}").expect("a string takes all");
        }
        format!("{text}    \"\"\"\n{attributes}")
    }

    /// The type of a value; `owner` is the definition that it stands in.
    fn type_of(&self, owner: &str, schema: &Value) -> String {
        if let Some(name) = schema["$ref"].as_str().and_then(definition_name) {
            let definition = &self.definitions[name];
            return if is_record(definition) { name.to_owned() } else { self.type_of(name, definition) };
        }
        if is_record(schema) {
            return inline_name(owner, schema);
        }
        if let Some(literal) = schema.get("const") {
            return literal.to_string();
        }
        if let Some(literals) = schema["enum"].as_array() {
            return literals.iter().map(Value::to_string).collect::<Vec<_>>().join(" | ");
        }
        if !forms(schema).is_empty() {
            let mut types: Vec<String> = forms(schema).iter().map(|form| self.type_of(owner, form)).collect();
            types.dedup();
            return types.join(" | ");
        }
        match schema["type"].as_str() {
            Some("string") => "str".to_owned(),
            Some("integer") => "int".to_owned(),
            Some("number") => "float".to_owned(),
            Some("boolean") => "bool".to_owned(),
            Some("array") => format!("[{}]", self.type_of(owner, &schema["items"])),
            Some("object") => format!("{{str:{}}}", self.type_of(owner, &schema["additionalProperties"])),
            _ => "any".to_owned(),
        }
    }
}

/// What a schema says about itself, fit for a text in three quotes.
fn described(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_default().replace('\\', "\\\\")
}
