//! Objects and documents as files. Keys stand in the order that people read them in, and words that some YAML reader takes
//! for something else than text are quoted. Not here: what is written.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;
use serde_saphyr::SerializerOptions;

/// Keys that come first, in this order; all others follow by name.
const FIRST: [&str; 24] = [
    "apiVersion",
    "kind",
    "metadata",
    "name",
    "namespace",
    "labels",
    "annotations",
    "immutable",
    "image",
    "imagePullPolicy",
    "command",
    "args",
    "env",
    "value",
    "serviceName",
    "replicas",
    "selector",
    "podSelector",
    "policyTypes",
    "template",
    "initContainers",
    "containers",
    "volumes",
    "spec",
];

/// One document.
pub(crate) fn to_yaml(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).expect("objects hold text, numbers, lists and maps");
    serde_saphyr::to_string_with_options(&Ordered(&value), options()).expect("JSON can be written as YAML")
}

fn options() -> SerializerOptions {
    serde_saphyr::ser_options! {
        compact_list_indent: true,
        // Long lines stay lines: folding would hide where a text breaks.
        folded_wrap_chars: usize::MAX,
    }
}

/// A value whose maps are written in reading order.
struct Ordered<'v>(&'v Value);

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(&Ordered(item)))?;
                list.end()
            }
            Value::Object(fields) => {
                let mut sorted: Vec<_> = fields.iter().map(|(key, value)| (rank(key), key, value)).collect();
                sorted.sort_unstable_by_key(|(rank, key, _)| (*rank, *key));
                let mut map = serializer.serialize_map(Some(sorted.len()))?;
                sorted.into_iter().try_for_each(|(_, key, value)| map.serialize_entry(key, &Ordered(value)))?;
                map.end()
            }
            scalar => scalar.serialize(serializer),
        }
    }
}

fn rank(key: &str) -> usize {
    FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len())
}

/// A document in the layout of [`to_yaml`], whoever wrote it; nothing where it is no YAML.
pub fn canonical(text: &str) -> Option<String> {
    serde_saphyr::from_str::<Value>(text).ok().map(|value| to_yaml(&value))
}

/// JSON for people to read: two spaces, sorted as the type says, a line end at the end.
pub(crate) fn to_json(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).expect("text, numbers, lists and maps");
    text.push(b'\n');
    text
}

/// One document without the fields that hold nothing. It is for people; no machine reads it back.
pub(crate) fn to_short_yaml(value: &impl Serialize) -> String {
    let mut value = serde_json::to_value(value).expect("text, numbers, lists and maps");
    shorten(&mut value);
    to_yaml(&value)
}

fn shorten(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(shorten);
            fields.retain(|_, field| !is_empty(field));
        }
        Value::Array(items) => items.iter_mut().for_each(shorten),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// An empty map may mean something, as in `managedIdentity: {}`.
fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}
