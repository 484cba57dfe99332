//! Patches of the environment: merge patches (RFC 7396) on typed objects. What a patch names must be part of the type,
//! so that no field is dropped in silence. Not here: whether the result is fit (`posture`, `reach`).

use std::sync::atomic::{AtomicBool, Ordering};

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::environment::Patch;
use kars_scenario::span::{Span, Spanned};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::lower::objects::{Object, Planned};

const WITHOUT_TARGET: Code = Code(809);
const DOES_NOT_FIT: Code = Code(810);

/// The patches of an environment, and which of them met an object.
pub(super) struct Patches<'a> {
    patches: &'a [Spanned<Patch>],
    used: Vec<AtomicBool>,
}

impl<'a> Patches<'a> {
    pub(super) fn of(patches: &'a [Spanned<Patch>]) -> Self {
        Self { patches, used: patches.iter().map(|_| AtomicBool::new(false)).collect() }
    }

    /// Applies every patch that means this object. The mesh's objects belong to no agent.
    pub(super) fn apply(&self, planned: &mut Planned, agent: Option<&str>, found: &mut Found) {
        for (patch, used) in self.patches.iter().zip(&self.used) {
            if !means(&patch.value, &planned.object, agent) {
                continue;
            }
            used.store(true, Ordering::Relaxed);
            match patched(&planned.object, &patch.patch) {
                Ok(object) => planned.object = object,
                Err(why) => {
                    let message =
                        format!("the patch does not fit {} `{}`", planned.object.kind(), planned.object.name());
                    found.push(
                        Diagnostic::error(DOES_NOT_FIT, patch.span, message)
                            .label(why)
                            .help("name only fields of that kind, in the spelling of the Kubernetes API"),
                    );
                }
            }
        }
    }

    /// Where the last patch stands that means this object.
    pub(super) fn behind(&self, planned: &Planned, agent: Option<&str>) -> Option<Span> {
        self.patches.iter().rfind(|patch| means(&patch.value, &planned.object, agent)).map(|patch| patch.span)
    }

    /// Notes patches that met nothing.
    pub(super) fn check_used(&self, found: &mut Found) {
        for (patch, used) in self.patches.iter().zip(&self.used) {
            if !used.load(Ordering::Relaxed) {
                found.push(
                    Diagnostic::error(
                        WITHOUT_TARGET,
                        patch.target.kind.span,
                        format!("no object of kind `{}` is meant by this patch", patch.target.kind.value),
                    )
                    .help("correct `target`, or remove the patch"),
                );
            }
        }
    }
}

fn means(patch: &Patch, object: &Object, agent: Option<&str>) -> bool {
    let target = &patch.target;
    target.kind.value == object.kind()
        && target.name.as_ref().is_none_or(|name| name.value == object.name())
        && target.agent.as_ref().is_none_or(|wanted| agent == Some(wanted.as_str()))
}

/// The object with the patch merged in, read as its type again.
fn patched(object: &Object, patch: &Value) -> Result<Object, String> {
    let mut value = serde_json::to_value(object).expect("objects are JSON");
    merge(&mut value, patch);
    let read = match object {
        Object::Namespace(_) => read(value.clone()).map(Object::Namespace),
        Object::ServiceAccount(_) => read(value.clone()).map(Object::ServiceAccount),
        Object::ExternalSecret(_) => read(value.clone()).map(Object::ExternalSecret),
        Object::NetworkPolicy(_) => read(value.clone()).map(Object::NetworkPolicy),
        Object::ConfigMap(_) => read(value.clone()).map(Object::ConfigMap),
        Object::Service(_) => read(value.clone()).map(Object::Service),
        Object::StatefulSet(_) => read(value.clone()).map(|set| Object::StatefulSet(Box::new(set))),
    }?;
    let again = serde_json::to_value(&read).expect("objects are JSON");
    first_difference(&value, &again, String::new())
        .map_or(Ok(read), |path| Err(format!("`{path}` is not a field of this kind")))
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

/// RFC 7396: maps merge, null removes, everything else replaces.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(entries) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(fields) = target else { unreachable!("it was just made one") };
    for (key, value) in entries {
        if value.is_null() {
            fields.remove(key);
        } else {
            merge(fields.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

/// The path of the first field that is lost when the value is read as its type.
fn first_difference(meant: &Value, read: &Value, path: String) -> Option<String> {
    match (meant, read) {
        (Value::Object(meant), Value::Object(read)) => meant.iter().find_map(|(key, value)| {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            match read.get(key) {
                Some(read) => first_difference(value, read, path),
                None if is_empty(value) => None,
                None => Some(path),
            }
        }),
        (Value::Array(meant), Value::Array(read)) if meant.len() == read.len() => meant
            .iter()
            .zip(read)
            .enumerate()
            .find_map(|(at, (meant, read))| first_difference(meant, read, format!("{path}[{at}]"))),
        (meant, read) => (meant != read).then_some(path),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
