//! Fields of an object in a cluster that somebody has set and the bundle does not have. The server remembers who set what
//! (`managedFields`); its own defaults belong to nobody, and so do not appear. Not here: fields that the bundle has.

use serde_json::{Map, Value};

/// Managers that own defaults, too, because their requests sent whole objects; what they set cannot be told apart.
const WHOLE: [&str; 2] = ["before-first-apply", "kubectl-client-side-apply"];
/// Labels and annotations by which engines and servers find their own objects.
const MARKS: [&str; 4] = [
    "kustomize.toolkit.fluxcd.io/",
    "argocd.argoproj.io/",
    "kubectl.kubernetes.io/last-applied-configuration",
    "kubernetes.io/metadata.name",
];

/// One step into an object.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Field(String),
    /// The item of a list that has these values.
    Item(Map<String, Value>),
    /// An item of a list of plain values.
    Value(Value),
}

/// The path of a field.
pub(super) type Path = Vec<Step>;

/// Every field that somebody has set and the bundle does not have. Nothing can be said of an object that nobody has
/// applied on the server's side.
pub(super) fn unexpected(expected: &Value, live: &Value) -> Vec<Path> {
    let entries = live["metadata"]["managedFields"].as_array().map(Vec::as_slice).unwrap_or_default();
    let own: Vec<_> = entries.iter().filter(|entry| entry.get("subresource").is_none()).collect();
    if applier(live).is_none() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for entry in own {
        if !entry["manager"].as_str().is_some_and(|manager| WHOLE.contains(&manager)) {
            walk(expected, &entry["fieldsV1"], &mut Vec::new(), &mut found);
        }
    }
    found
}

/// Who applies the object: an engine where there is one, else the first who did.
pub(super) fn applier(live: &Value) -> Option<&str> {
    let entries = live["metadata"]["managedFields"].as_array()?.iter();
    let appliers = entries.filter(|entry| entry["operation"] == "Apply" && entry.get("subresource").is_none());
    let mut names: Vec<_> = appliers.filter_map(|entry| entry["manager"].as_str()).collect();
    // Of two managers one may be a person who applied something beside the engine.
    names.sort_by_key(|name| !name.ends_with("-controller"));
    names.first().copied()
}

/// Whether a label or an annotation is a mark of an engine or of the server.
pub(super) fn is_mark(name: &str) -> bool {
    MARKS.iter().any(|mark| name.starts_with(mark))
}

fn walk(expected: &Value, fields: &Value, path: &mut Path, found: &mut Vec<Path>) {
    for (key, inner) in fields.as_object().into_iter().flatten() {
        let Some(step) = step(key) else { continue };
        let there = follow(expected, &step);
        path.push(step);
        match there {
            _ if is_of_others(path) => {}
            Some(there) => walk(there, inner, path, found),
            None if found.contains(path) => {}
            None => found.push(path.clone()),
        }
        path.pop();
    }
}

/// `f:spec`, `k:{"name":"router"}`, `v:"value"`; everything else names no field of its own.
fn step(key: &str) -> Option<Step> {
    match key.split_once(':')? {
        ("f", name) => Some(Step::Field(name.to_owned())),
        ("k", keys) => serde_json::from_str(keys).ok().map(Step::Item),
        ("v", value) => serde_json::from_str(value).ok().map(Step::Value),
        _ => None,
    }
}

fn follow<'v>(value: &'v Value, step: &Step) -> Option<&'v Value> {
    match step {
        Step::Field(name) => value.get(name),
        Step::Item(keys) => value.as_array()?.iter().find(|item| is_item(item, keys)),
        Step::Value(wanted) => value.as_array()?.iter().find(|item| *item == wanted),
    }
}

/// Whether an item has these values; what it leaves out is a default.
fn is_item(item: &Value, keys: &Map<String, Value>) -> bool {
    keys.iter().all(|(key, value)| item.get(key).is_none_or(|there| there == value))
}

/// What others may write on an object without changing what it does: its status, annotations, finalizers, owners, marks.
fn is_of_others(path: &[Step]) -> bool {
    let names: Vec<_> = path.iter().map_while(Step::field).collect();
    match names.as_slice() {
        ["status", ..] | ["metadata", "annotations" | "finalizers" | "ownerReferences", ..] => true,
        ["metadata", "labels", name] => is_mark(name),
        _ => false,
    }
}

impl Step {
    fn field(&self) -> Option<&str> {
        match self {
            Self::Field(name) => Some(name),
            Self::Item(_) | Self::Value(_) => None,
        }
    }
}

/// Removes a field, if it is there.
pub(super) fn remove(value: &mut Value, path: &[Step]) {
    let Some((step, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        match (step, value) {
            (Step::Field(name), Value::Object(fields)) => drop(fields.remove(name)),
            (Step::Item(keys), Value::Array(items)) => items.retain(|item| !is_item(item, keys)),
            (Step::Value(unwanted), Value::Array(items)) => items.retain(|item| item != unwanted),
            _ => {}
        }
        return;
    }
    let inner = match step {
        Step::Field(name) => value.get_mut(name),
        Step::Item(keys) => value.as_array_mut().and_then(|items| items.iter_mut().find(|item| is_item(item, keys))),
        Step::Value(_) => None,
    };
    if let Some(inner) = inner {
        remove(inner, rest);
    }
}

/// As people write it: `spec.template.spec.containers[name=router].image`.
pub(super) fn written(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Field(name) if name.contains(['.', '/']) => text.push_str(&format!("[{name}]")),
            Step::Field(name) => text.push_str(&format!("{}{name}", if text.is_empty() { "" } else { "." })),
            Step::Item(keys) => {
                let keys: Vec<_> = keys.iter().map(|(key, value)| format!("{key}={}", plain(value))).collect();
                text.push_str(&format!("[{}]", keys.join(",")));
            }
            Step::Value(value) => text.push_str(&format!("[{}]", plain(value))),
        }
    }
    text
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn live(entries: &Value) -> Value {
        json!({"metadata": {"managedFields": entries}})
    }

    fn added(fields: &Value) -> Vec<String> {
        let expected = json!({
            "metadata": {"labels": {"app": "a"}},
            "spec": {"containers": [{"name": "agent", "args": ["x"]}], "ports": [{"port": 1}]},
        });
        let entries = json!([
            {"manager": "kustomize-controller", "operation": "Apply", "fieldsV1": {}},
            {"manager": "someone", "operation": "Update", "fieldsV1": fields},
        ]);
        unexpected(&expected, &live(&entries)).iter().map(|path| written(path)).collect()
    }

    #[test]
    fn what_the_bundle_has_is_expected() {
        let fields = json!({"f:metadata": {"f:labels": {".": {}, "f:app": {}}}, "f:spec": {"f:containers": {
            "k:{\"name\":\"agent\"}": {".": {}, "f:name": {}, "f:args": {"v:\"x\"": {}}}},
            "f:ports": {"k:{\"port\":1,\"protocol\":\"TCP\"}": {"f:port": {}}}}});
        assert_eq!(added(&fields), Vec::<String>::new());
    }

    #[test]
    fn what_somebody_added_is_named() {
        let fields = json!({"f:metadata": {"f:labels": {"f:example.org/team": {}}}, "f:spec": {"f:hostPID": {}, "f:containers": {
            "k:{\"name\":\"more\"}": {"f:image": {}},
            "k:{\"name\":\"agent\"}": {"f:tty": {}, "f:args": {"v:\"y\"": {}}}}}});
        let mut found = added(&fields);
        found.sort();
        let expected = [
            "metadata.labels[example.org/team]",
            "spec.containers[name=agent].args[y]",
            "spec.containers[name=agent].tty",
            "spec.containers[name=more]",
            "spec.hostPID",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn marks_and_annotations_are_of_others() {
        let fields = json!({"f:status": {"f:phase": {}}, "f:metadata": {
            "f:annotations": {"f:mine": {}},
            "f:finalizers": {"v:\"wait\"": {}},
            "f:labels": {"f:kustomize.toolkit.fluxcd.io/name": {}}}});
        assert_eq!(added(&fields), Vec::<String>::new());
    }

    #[test]
    fn nothing_is_said_of_whole_requests() {
        let fields = json!({"f:spec": {"f:hostPID": {}}});
        let entry =
            |manager: &str, operation: &str| json!({"manager": manager, "operation": operation, "fieldsV1": fields});
        let client = live(&json!([entry("kubectl-client-side-apply", "Update")]));
        assert_eq!(unexpected(&json!({}), &client), Vec::<Path>::new());
        let both = live(
            &json!([entry("kubectl-client-side-apply", "Update"), {"manager": "kubectl", "operation": "Apply", "fieldsV1": {}}]),
        );
        assert_eq!(unexpected(&json!({}), &both), Vec::<Path>::new());
    }

    #[test]
    fn a_field_can_be_removed_from_where_it_was_found() {
        let mut object =
            json!({"spec": {"hostPID": true, "containers": [{"name": "agent", "tty": true}, {"name": "more"}]}});
        let fields = json!({"f:spec": {"f:hostPID": {}, "f:containers": {
            "k:{\"name\":\"more\"}": {}, "k:{\"name\":\"agent\"}": {"f:tty": {}}}}});
        let entries = json!([{"manager": "kubectl", "operation": "Apply", "fieldsV1": fields}]);
        let expected = json!({"spec": {"containers": [{"name": "agent"}]}});
        for path in unexpected(&expected, &live(&entries)) {
            remove(&mut object, &path);
        }
        assert_eq!(object, expected);
    }

    #[test]
    fn an_engine_applies_before_a_person() {
        let entries = json!([{"manager": "kubectl", "operation": "Apply"}, {"manager": "argocd-controller", "operation": "Apply"}]);
        assert_eq!(applier(&live(&entries)), Some("argocd-controller"));
        assert_eq!(applier(&live(&json!([{"manager": "kubectl", "operation": "Update"}]))), None);
    }
}
