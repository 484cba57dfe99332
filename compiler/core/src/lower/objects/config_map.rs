//! `ConfigMaps`. Those with policy or files are immutable and carry the hash of their content in their name, so that a
//! change rolls exactly the pods it touches; the signature slot and the origins change without a roll.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kars_contract::digest::Digest;
use kars_contract::document::Document;
use kars_contract::router::RouterDocument;
use kars_contract::settings;
use kars_contract::trust::TrustDocument;

use super::{AgentPlan, Place};
use crate::resolve::Resolved;

/// The slot that signing fills.
pub(super) const SIGNATURE: &str = "router-signature";
pub(crate) const ORIGINS: &str = "router-origins";
/// The copy of the administrators' trust that admission compares.
pub(crate) const TRUST: &str = "router-trust";

/// The rendered files and variables of a runtime.
#[derive(Clone, Debug, Default)]
pub(crate) struct RuntimeFiles {
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) env: BTreeMap<String, String>,
}

impl RuntimeFiles {
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    pub(super) fn env(&self) -> impl Iterator<Item = (&str, &str)> {
        self.env.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The ConfigMap's name: the hash covers paths and texts.
    pub(super) fn name(&self) -> String {
        let listed = serde_json::to_vec(&self.files).expect("text by text");
        format!("runtime-files-{}", Digest::of(&listed).short())
    }
}

/// The key of a file in its ConfigMap: the path below the agent's home, with dashes.
pub(super) fn key_of(path: &str) -> String {
    path.trim_start_matches(settings::AGENT_HOME).trim_start_matches(['/', '.']).replace('/', "-")
}

/// The name of the ConfigMap that holds a document.
pub(crate) fn document_name(start: &str, document: &impl Document) -> String {
    format!("{start}-{}", document.digest().short())
}

/// The document as one line of canonical JSON: the bytes that are hashed and signed.
pub(super) fn holding(start: &str, document: &impl Document, place: &Place) -> ConfigMap {
    let text = String::from_utf8(document.encode()).expect("JSON is UTF-8");
    let mut map = fixed(&document_name(start, document), BTreeMap::from([(file_of(document), text)]), place);
    let digest = document.digest().to_string();
    map.metadata.annotations.get_or_insert_default().insert(settings::ANNOTATION_DOCUMENT_DIGEST.to_owned(), digest);
    map
}

fn file_of<D: Document>(_: &D) -> String {
    D::FILE.to_owned()
}

pub(super) fn document(plan: &AgentPlan<'_, '_>, place: &Place) -> ConfigMap {
    holding("router-document", &plan.document, place)
}

/// The name of the ConfigMap with an agent's document.
pub(super) fn router_document_name(document: &RouterDocument) -> String {
    document_name("router-document", document)
}

pub(super) fn signature(place: &Place) -> ConfigMap {
    changing(SIGNATURE, BTreeMap::from([(settings::SIGNATURE_FILE.to_owned(), String::new())]), place)
}

pub(super) fn origins(plan: &AgentPlan<'_, '_>, place: &Place) -> ConfigMap {
    let text = String::from_utf8(plan.origins.encode()).expect("JSON is UTF-8");
    changing(ORIGINS, BTreeMap::from([(file_of(&plan.origins), text)]), place)
}

/// The trust that the environment names, where it names one.
pub(super) fn trust(scenario: &Resolved<'_>, place: &Place) -> Option<ConfigMap> {
    let document = trust_document(scenario)?;
    Some(trust_map(&document, place))
}

/// Trust as routers read it.
pub(crate) fn trust_map(document: &TrustDocument, place: &Place) -> ConfigMap {
    let text = String::from_utf8(document.encode()).expect("JSON is UTF-8");
    changing(TRUST, BTreeMap::from([(settings::TRUST_FILE.to_owned(), text)]), place)
}

fn trust_document(scenario: &Resolved<'_>) -> Option<TrustDocument> {
    crate::lower::trust::document(scenario.target.environment, scenario.texts, scenario.sources)
}

pub(super) fn runtime_files(files: &RuntimeFiles, place: &Place) -> ConfigMap {
    let data = files.files.iter().map(|(path, text)| (key_of(path), text.clone())).collect();
    fixed(&files.name(), data, place)
}

fn fixed(name: &str, data: BTreeMap<String, String>, place: &Place) -> ConfigMap {
    ConfigMap { immutable: Some(true), ..changing(name, data, place) }
}

fn changing(name: &str, data: BTreeMap<String, String>, place: &Place) -> ConfigMap {
    ConfigMap { metadata: place.metadata(name), data: Some(data), ..ConfigMap::default() }
}
