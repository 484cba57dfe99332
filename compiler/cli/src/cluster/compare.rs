//! An object of a bundle beside the one that a cluster holds: by what the server would make of it, or by the fields that the
//! bundle has. Neither what the server keeps for itself nor what engines mark their objects with is a difference.

use kars_contract::settings::SIGNATURE_FILE;
use karsc_core::render::canonical;
use serde_json::{Map, Value};
use similar::TextDiff;

use super::unexpected::{Path, applier, is_mark, remove, unexpected, written};
use super::{Cluster, DryRun, Expected, Fault};
use crate::slots;

/// Who applies, where nobody has yet.
const MANAGER: &str = "karsc";
/// What the server writes into the metadata of every object.
const KEPT: [&str; 7] =
    ["creationTimestamp", "generation", "managedFields", "namespace", "resourceVersion", "selfLink", "uid"];

/// How an object in a cluster is not that of the bundle.
pub(crate) struct Difference {
    before: Option<Value>,
    after: Option<Value>,
    /// Why the server would not take the bundle's object, if that is so.
    pub(crate) refused: Option<String>,
}

/// What would change, were the bundle applied; nothing where nothing would. The server is asked, by a dry run.
pub(crate) async fn difference(
    cluster: &Cluster,
    expected: &Expected,
    live: Option<&Value>,
) -> Result<Option<Difference>, Fault> {
    let Some(live) = live else {
        return Ok(Some(Difference { before: None, after: Some(cleaned(&expected.object)), refused: None }));
    };
    if expected.kind.is_secret() {
        return Ok(None);
    }
    let object = expected.with_slot_of(live);
    let manager = applier(live).unwrap_or(MANAGER);
    let (before, after, refused) = match cluster.would_apply(expected, &object, manager).await? {
        DryRun::Stored(mut stored) => {
            for path in unexpected(&object, live) {
                remove(&mut stored, &path);
            }
            (cleaned(live), cleaned(&stored), None)
        }
        DryRun::Refused(reason) => (cleaned(&projected(&object, live)), cleaned(&object), Some(reason)),
    };
    let differs = before != after || refused.is_some();
    Ok(differs.then_some(Difference { before: Some(before), after: Some(after), refused }))
}

/// The fields in which an object in a cluster is not that of the bundle. Nothing is asked of the server.
pub(super) fn differing(expected: &Expected, live: &Value) -> Vec<String> {
    if expected.kind.is_secret() {
        return Vec::new();
    }
    let object = expected.with_slot_of(live);
    let mut found = Vec::new();
    fields(&projected(&object, live), &object, "", &mut found);
    found.extend(unexpected(&object, live).iter().map(Path::as_slice).map(written));
    found.sort();
    found.dedup();
    found
}

impl Difference {
    /// An object that the bundle does not have.
    pub(crate) fn further(live: &Value) -> Self {
        Self { before: Some(cleaned(live)), after: None, refused: None }
    }

    /// The fields that differ; none where one side is missing.
    pub(crate) fn fields(&self) -> Vec<String> {
        let mut found = Vec::new();
        if let (Some(before), Some(after)) = (&self.before, &self.after) {
            fields(before, after, "", &mut found);
        }
        found
    }

    /// As a unified difference from the cluster to the scenario.
    pub(crate) fn text(&self, before: &str, after: &str) -> String {
        let name = |side: &Option<Value>, name: &str| if side.is_some() { name.to_owned() } else { "/dev/null".into() };
        let (old, new) = (yaml(self.before.as_ref()), yaml(self.after.as_ref()));
        let names = (name(&self.before, before), name(&self.after, after));
        TextDiff::from_lines(&old, &new).unified_diff().header(&names.0, &names.1).to_string()
    }
}

fn yaml(object: Option<&Value>) -> String {
    object.map_or_else(String::new, |object| canonical(&object.to_string()).expect("JSON is YAML"))
}

impl Expected {
    /// The object; a slot that a build leaves empty counts as filled with what the cluster has there.
    fn with_slot_of(&self, live: &Value) -> Value {
        let mut object = self.object.clone();
        let filled = live.get("data").and_then(|data| data.get(SIGNATURE_FILE));
        if let Some(filled) = filled.filter(|_| slots::agent(&self.path).is_some()) {
            let slot = &mut object["data"][SIGNATURE_FILE];
            if slot.as_str() == Some("") {
                filled.clone_into(slot);
            }
        }
        object
    }
}

/// What is there of the fields that the bundle has.
fn projected(expected: &Value, live: &Value) -> Value {
    match (expected, live) {
        (Value::Object(expected), Value::Object(live)) => {
            let both = expected.iter().filter_map(|(key, inner)| Some((key.clone(), projected(inner, live.get(key)?))));
            Value::Object(both.collect())
        }
        (Value::Array(expected), Value::Array(live)) if expected.len() == live.len() => {
            Value::Array(expected.iter().zip(live).map(|(expected, live)| projected(expected, live)).collect())
        }
        _ => live.clone(),
    }
}

/// The object without what the server or an engine writes for itself.
fn cleaned(object: &Value) -> Value {
    let mut object = object.clone();
    let Value::Object(fields) = &mut object else { return object };
    fields.remove("status");
    let Some(Value::Object(metadata)) = fields.get_mut("metadata") else { return object };
    // The namespace is in the name of the object already, and cannot differ.
    metadata.retain(|key, _| !KEPT.contains(&key.as_str()));
    for map in ["labels", "annotations"] {
        let Some(Value::Object(marks)) = metadata.get_mut(map) else { continue };
        marks.retain(|name, _| !is_mark(name));
        if marks.is_empty() {
            metadata.remove(map);
        }
    }
    object
}

/// The paths at which two values are not the same.
fn fields(before: &Value, after: &Value, path: &str, found: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            for key in keys(before, after) {
                let inner = match path {
                    "" => key.clone(),
                    _ if key.contains(['.', '/']) => format!("{path}[{key}]"),
                    _ => format!("{path}.{key}"),
                };
                match (before.get(key), after.get(key)) {
                    (Some(before), Some(after)) => fields(before, after, &inner, found),
                    _ => found.push(inner),
                }
            }
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            for (index, (before, after)) in before.iter().zip(after).enumerate() {
                fields(before, after, &format!("{path}[{index}]"), found);
            }
        }
        _ if before == after => {}
        _ => found.push(path.to_owned()),
    }
}

fn keys<'m>(before: &'m Map<String, Value>, after: &'m Map<String, Value>) -> std::collections::BTreeSet<&'m String> {
    before.keys().chain(after.keys()).collect()
}
