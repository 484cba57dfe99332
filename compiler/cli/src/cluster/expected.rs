//! What a cluster should hold: the objects of a bundle, read from its folder or compiled. Not here: the cluster.

use std::collections::BTreeMap;
use std::path::Path;

use kars_contract::settings::ANNOTATION_DOCUMENT_DIGEST;
use serde_json::Value;

use super::{Kind, kinds};
use crate::args::Source;
use crate::commands::{Objects, compiled, is_object};
use crate::inputs::Inputs;
use crate::outcome::{Exit, Failure};
use crate::print::Printer;
use crate::tree::files_of;

/// The label of everything that belongs to one scenario.
const PART_OF: &str = "app.kubernetes.io/part-of";

/// What a cluster should hold of one scenario.
pub(crate) struct World {
    pub(crate) scenario: String,
    /// In the order in which they are applied.
    pub(crate) objects: Vec<Expected>,
}

/// One object.
pub(crate) struct Expected {
    /// Its path in the bundle.
    pub(crate) path: String,
    pub(crate) kind: &'static Kind,
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
    pub(crate) object: Value,
}

/// The objects of a bundle's folder, or of the scenario at the path; none where it does not compile, which is then said.
pub(crate) fn world(source: &Source, printer: &Printer) -> Result<Result<World, Exit>, Failure> {
    if source.path.join("bundle.json").is_file() {
        return World::of(read(&source.path)?, &source.path).map(Ok);
    }
    let objects = Objects::default();
    let compilation = compiled(&Inputs::of(source)?, &objects, printer)?;
    if compilation.bundle.is_none() {
        return Ok(Err(Exit::Input));
    }
    World::of(objects.in_order(), &source.path).map(Ok)
}

fn read(folder: &Path) -> Result<BTreeMap<(bool, String), Vec<u8>>, Failure> {
    let paths = files_of(folder)?.into_iter().filter(|path| is_object(path));
    let read = |path: String| {
        let there = folder.join(&path);
        let bytes = std::fs::read(&there)
            .map_err(|error| Failure::Environment(format!("`{}` cannot be read: {error}", there.display())))?;
        Ok(((!path.starts_with("mesh/"), path), bytes))
    };
    paths.map(read).collect()
}

impl World {
    fn of(files: BTreeMap<(bool, String), Vec<u8>>, place: &Path) -> Result<Self, Failure> {
        let objects = files.into_iter().map(|((_, path), bytes)| Expected::of(path, &bytes));
        let objects = objects.collect::<Result<Vec<_>, _>>()?;
        let scenario = objects.iter().find_map(|one| one.object["metadata"]["labels"][PART_OF].as_str());
        let Some(scenario) = scenario.map(ToOwned::to_owned) else {
            let message = format!("`{}` holds no objects of a scenario", place.display());
            return Err(Failure::Usage(message));
        };
        Ok(Self { scenario, objects })
    }

    /// The labels of all objects of the scenario.
    pub(crate) fn labels(&self) -> String {
        format!("app.kubernetes.io/managed-by=karsc,{PART_OF}={}", self.scenario)
    }
}

impl Expected {
    fn of(path: String, bytes: &[u8]) -> Result<Self, Failure> {
        let unusable = |why: &str| Failure::Usage(format!("`{path}` {why}; build the bundle again"));
        let text = std::str::from_utf8(bytes).map_err(|_| unusable("is not text"))?;
        let object: Value = serde_saphyr::from_str(text).map_err(|_| unusable("is not one object"))?;
        let field = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let kind = kinds::named(&field(&object["apiVersion"]), &field(&object["kind"]))
            .ok_or_else(|| unusable("is of a kind that no scenario has"))?;
        let name = field(&object["metadata"]["name"]);
        let namespace = object["metadata"]["namespace"].as_str().map(ToOwned::to_owned);
        if name.is_empty() || kind.namespaced != namespace.is_some() {
            return Err(unusable("has no place"));
        }
        Ok(Self { path, kind, namespace, name, object })
    }

    /// The digest of the document that the pods of a workload mount.
    pub(crate) fn document_digest(&self) -> Option<&str> {
        self.object["spec"]["template"]["metadata"]["annotations"][ANNOTATION_DOCUMENT_DIGEST].as_str()
    }

    /// As people name it: `ConfigMap kars-brief--lead/router-origins`.
    pub(crate) fn title(&self) -> String {
        title(self.kind.name, self.namespace.as_deref(), &self.name)
    }
}

/// As people name an object.
pub(super) fn title(kind: &str, namespace: Option<&str>, name: &str) -> String {
    match namespace {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}
