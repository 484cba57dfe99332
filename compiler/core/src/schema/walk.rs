//! Steps through a schema: what a value may be, and which values lie inside it. Not here: how that is shown.

use serde_json::Value;

use super::definition_name;

/// One place in a schema.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    /// The whole schema, where definitions stand.
    root: &'a Value,
    schema: &'a Value,
}

/// A field of a map.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) required: bool,
    pub(super) part: Part<'a>,
}

impl<'a> Part<'a> {
    /// The outermost value of a file.
    pub(super) fn of(root: &'a Value) -> Self {
        Self { root, schema: root }
    }

    fn with(self, schema: &'a Value) -> Self {
        Self { root: self.root, schema }
    }

    /// The name of the definition that is meant, where it is not written in place.
    pub(super) fn definition(self) -> Option<&'a str> {
        self.schema["$ref"].as_str().and_then(definition_name)
    }

    fn target(self) -> Self {
        self.definition().map_or(self, |name| self.with(&self.root["$defs"][name]))
    }

    /// What the value may be: the alternatives of a union, or the one thing that it is.
    pub(super) fn forms(self) -> Vec<Self> {
        let target = self.target();
        let union = ["anyOf", "oneOf"].iter().find_map(|key| target.schema[*key].as_array());
        // Beside its fields, a map may say with `oneOf` which of them go together.
        match union.filter(|_| target.schema["properties"].is_null()) {
            Some(forms) => forms.iter().flat_map(|form| target.with(form).forms()).collect(),
            None => vec![target],
        }
    }

    /// The fields of each form that is a map with fields; those that must be written come first.
    pub(super) fn records(self) -> Vec<Vec<Field<'a>>> {
        let record = |form: &Part<'a>| {
            let listed = form.schema["required"].as_array();
            let required = |name: &str| listed.is_some_and(|all| all.iter().any(|word| word == name));
            let properties = form.schema["properties"].as_object()?.iter();
            let mut fields: Vec<_> = properties
                .map(|(name, schema)| Field { name, required: required(name), part: self.with(schema) })
                .collect();
            fields.sort_by_key(|field| !field.required);
            Some(fields)
        };
        self.forms().iter().filter_map(record).collect()
    }

    /// The fields of all forms.
    pub(super) fn fields(self) -> Vec<Field<'a>> {
        let mut fields: Vec<Field<'a>> = Vec::new();
        for field in self.records().into_iter().flatten() {
            if fields.iter().all(|known| known.name != field.name) {
                fields.push(field);
            }
        }
        fields
    }

    /// A value of a map whose keys are the writer's own.
    pub(super) fn entries(self) -> Option<Self> {
        let entries = self.forms().into_iter().map(|form| &form.schema["additionalProperties"]);
        entries.into_iter().find(|entries| entries.is_object()).map(|entries| self.with(entries))
    }

    /// An item of a list.
    pub(super) fn items(self) -> Option<Self> {
        let items = self.forms().into_iter().map(|form| &form.schema["items"]);
        items.into_iter().find(|items| items.is_object()).map(|items| self.with(items))
    }

    /// What the field is for, in the words of the place where it stands.
    pub(super) fn about(self) -> &'a str {
        let own = self.schema["description"].as_str();
        own.or_else(|| self.target().schema["description"].as_str()).unwrap_or_default()
    }

    /// How text of its type is written, where the type says so and the place itself says something else.
    pub(super) fn about_type(self) -> Option<&'a str> {
        let target = self.target();
        let of_type = target.schema["description"].as_str()?;
        let is_text = target.schema["pattern"].is_string() || target.schema["anyOf"][0]["pattern"].is_string();
        (is_text && self.definition().is_some() && of_type != self.about()).then_some(of_type)
    }

    /// The words that it may be, each with what it means.
    pub(super) fn words(self) -> Vec<(&'a str, &'a str)> {
        let mut words = Vec::new();
        for form in self.forms() {
            let about = if form.schema["const"].is_string() { form.about() } else { "" };
            let listed = form.schema["enum"].as_array().into_iter().flatten();
            words.extend(
                form.schema.get("const").into_iter().chain(listed).filter_map(Value::as_str).map(|word| (word, about)),
            );
        }
        words
    }

    /// What holds where the field is left out, as it would be written.
    pub(super) fn default(self) -> Option<String> {
        let default = self.schema.get("default")?;
        Some(default.as_str().map_or_else(|| default.to_string(), str::to_owned))
    }

    /// The type, in words: `text`, `list of maps`, `` `auto` or list of texts ``.
    pub(super) fn kind(self) -> String {
        let mut kinds: Vec<String> = self.words().iter().map(|(word, _)| format!("`{word}`")).collect();
        for form in self.forms() {
            let kind = form.kind_of_form();
            if !kind.is_empty() && !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        match kinds.split_last() {
            Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
            _ => kinds.concat(),
        }
    }

    fn kind_of_form(self) -> String {
        let schema = self.schema;
        if schema.get("const").is_some() || schema.get("enum").is_some() {
            return String::new();
        }
        match schema["type"].as_str() {
            Some("string") => "text".to_owned(),
            Some("integer") => "whole number".to_owned(),
            Some("boolean") => "`true` or `false`".to_owned(),
            Some("array") => format!("list of {}", plural(&self.with(&schema["items"]).kind())),
            Some("object") if schema["additionalProperties"].is_object() => {
                format!("map of {} by name", plural(&self.with(&schema["additionalProperties"]).kind()))
            }
            Some("object") => "map".to_owned(),
            _ => "anything".to_owned(),
        }
    }

    /// The smallest and the largest number, where one is set that is not the end of the number's own range.
    pub(super) fn bounds(self) -> Option<(u64, u64)> {
        let form = self.forms().into_iter().find(|form| form.schema["type"] == "integer")?;
        let bound = |key: &str| self.schema[key].as_u64().or_else(|| form.schema[key].as_u64());
        let (least, most) = (bound("minimum")?, bound("maximum")?);
        let usual = [u8::MAX.into(), u16::MAX.into(), u32::MAX.into(), u64::MAX].contains(&most) && least == 0;
        (!usual).then_some((least, most))
    }
}

fn plural(kind: &str) -> String {
    match kind {
        "text" | "whole number" | "map" => format!("{kind}s"),
        other => other.strip_prefix("list of ").map_or(other.to_owned(), |items| format!("lists of {items}")),
    }
}
