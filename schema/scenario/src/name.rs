//! Names that people give: agents, models, rule sets and the like. Not here: what a name may look like (`kars_contract`,
//! since machines read names too).

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

pub use kars_contract::name::Name;

use crate::codes;
use crate::decode::{Decode, wrong_type};
use crate::diagnostic::{Diagnostic, Found};
use crate::node::{Node, Value};
use crate::span::Spanned;

/// Entries by name, each name once.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Table<T>(pub BTreeMap<Spanned<Name>, T>);

impl<T> Table<T> {
    pub fn get(&self, name: &Name) -> Option<&T> {
        self.0.get(name)
    }

    pub fn iter(&self) -> std::collections::btree_map::Iter<'_, Spanned<Name>, T> {
        self.0.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'a, T> IntoIterator for &'a Table<T> {
    type Item = (&'a Spanned<Name>, &'a T);
    type IntoIter = std::collections::btree_map::Iter<'a, Spanned<Name>, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: Decode> Decode for Table<T> {
    fn decode(node: &Node, found: &mut Found) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            found.lose(wrong_type(node, "a map"));
            return None;
        };
        let mut table = BTreeMap::new();
        for (key, node) in entries {
            let value = T::decode(node, found);
            match key.value.parse::<Name>() {
                Ok(name) => table.extend(value.map(|value| (Spanned::new(name, key.span), value))),
                Err(error) => found.lose(
                    Diagnostic::error(codes::MALFORMED, key.span, format!("`{}` is not a name", key.value))
                        .label(error.to_string()),
                ),
            }
        }
        Some(Self(table))
    }
}

impl<T: JsonSchema> JsonSchema for Table<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("TableOf{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let name = generator.subschema_for::<Name>();
        let value = generator.subschema_for::<T>();
        json_schema!({ "type": "object", "propertyNames": name, "additionalProperties": value })
    }
}
