//! What the API server asks of every object: names, labels, sizes; and the mark of dev output. Not here: what objects hold.

use std::collections::BTreeMap;
use std::io::{self, Write};

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kars_contract::digest::Digest;
use kars_contract::settings::{ANNOTATION_DOCUMENT_DIGEST, LABEL_DEV_ONLY};
use serde::Serialize;

use super::PostureScope;
use crate::lower::objects::ExternalSecretMetadata;
use crate::render::fault::{Faults, MISNAMED_OBJECT, NOT_ADMITTED, TOO_LARGE};

/// What the API server holds in one ConfigMap.
const DATA_BYTES: usize = 1024 * 1024;
/// What it holds in all annotations of an object.
const ANNOTATION_BYTES: usize = 256 * 1024;
/// What its store holds in one object.
const OBJECT_BYTES: usize = 1536 * 1024;

pub(super) fn judge(metadata: &ObjectMeta, scope: &PostureScope<'_>, found: &mut Faults) {
    let none = BTreeMap::new();
    judge_parts(
        metadata.name.as_deref().unwrap_or_default(),
        metadata.labels.as_ref().unwrap_or(&none),
        metadata.annotations.as_ref().unwrap_or(&none),
        scope,
        found,
    );
}

pub(super) fn judge_external(metadata: &ExternalSecretMetadata, scope: &PostureScope<'_>, found: &mut Faults) {
    judge_parts(&metadata.name, &metadata.labels, &metadata.annotations, scope, found);
}

fn judge_parts(
    name: &str,
    labels: &BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
    scope: &PostureScope<'_>,
    found: &mut Faults,
) {
    if name.len() > 253 || !name.split('.').all(is_dns_label) {
        found.note(
            MISNAMED_OBJECT,
            format!("`{name}` is not the name of an object"),
            "use lower-case letters, digits and dashes, at most 63 between dots",
        );
    }
    judge_labels(labels, scope, found);
    let size: usize = annotations.iter().map(|(key, value)| key.len() + value.len()).sum();
    if size >= ANNOTATION_BYTES {
        found.note(
            TOO_LARGE,
            format!("the annotations are {size} bytes, and the API server holds 256 KiB"),
            "remove some",
        );
    }
}

pub(super) fn judge_labels(labels: &BTreeMap<String, String>, scope: &PostureScope<'_>, found: &mut Faults) {
    for (key, value) in labels {
        if !is_label_key(key) || !is_label_value(value) {
            found.note(
                MISNAMED_OBJECT,
                format!("`{key}: {value}` is not a label"),
                "use at most 63 letters, digits, dashes, dots and underscores, with a letter or digit at both ends",
            );
        }
    }
    if !scope.platform.dev && labels.contains_key(LABEL_DEV_ONLY) {
        found.note(
            NOT_ADMITTED,
            format!("the object carries the mark of dev output, `{LABEL_DEV_ONLY}`"),
            "remove the label: a prod platform refuses it",
        );
    }
}

fn is_dns_label(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(fits) && !text.starts_with('-') && !text.ends_with('-')
}

fn is_label_key(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let prefix_fits = prefix.is_none_or(|prefix| prefix.len() <= 253 && prefix.split('.').all(is_dns_label));
    prefix_fits && !name.is_empty() && is_label_value(name)
}

fn is_label_value(value: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let ends = |byte: Option<u8>| byte.is_none_or(|byte| byte.is_ascii_alphanumeric());
    value.len() <= 63 && value.bytes().all(fits) && ends(value.bytes().next()) && ends(value.bytes().next_back())
}

/// The data of a ConfigMap, keys included. Binary data is held as base64.
pub(super) fn judge_data(object: &ConfigMap, found: &mut Faults) {
    let text: usize = object.data.iter().flatten().map(|(key, text)| key.len() + text.len()).sum();
    let binary: usize =
        object.binary_data.iter().flatten().map(|(key, bytes)| key.len() + bytes.0.len().div_ceil(3) * 4).sum();
    let size = text + binary;
    if size >= DATA_BYTES {
        found.note(
            TOO_LARGE,
            format!("the ConfigMap holds {size} bytes, and the API server holds 1 MiB"),
            "shorten the persona, prompt or lists that it is made from",
        );
    }
}

/// A document that is not the one its annotation names would be refused by its reader.
pub(super) fn judge_document(object: &ConfigMap, found: &mut Faults) {
    let annotations = object.metadata.annotations.as_ref();
    let Some(named) = annotations.and_then(|annotations| annotations.get(ANNOTATION_DOCUMENT_DIGEST)) else { return };
    let mut texts = object.data.iter().flatten().map(|(_, text)| text);
    let fits = texts.next().is_some_and(|text| Digest::of(text.as_bytes()).to_string() == *named);
    found.require(
        fits && texts.next().is_none(),
        NOT_ADMITTED,
        "the document is not the one that its digest names",
        "leave documents as they are: change the scenario",
    );
}

/// What the store of the API server holds.
pub(super) fn judge_size(object: &impl Serialize, found: &mut Faults) {
    let mut size = Counter(0);
    serde_json::to_writer(&mut size, object).expect("objects are JSON, and counting does not fail");
    if size.0 >= OBJECT_BYTES {
        found.note(
            TOO_LARGE,
            format!("the object is {} bytes, and the API server holds 1.5 MiB", size.0),
            "split the scenario: its relay then admits fewer agents",
        );
    }
}

struct Counter(usize);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
