//! `karsc inspect`: what a registry holds of a bundle, each digest with what it is of. Nothing is verified.

use std::collections::BTreeMap;

use kars_contract::digest::Digest;
use kars_contract::instant::Instant;
use kars_contract::name::Name;
use kars_trust::{BundleClaims, SignatureFile, Statement};
use oci_client::manifest::OciDescriptor;
use serde::Serialize;

use super::json;
use crate::args::{AnswerFormat, Inspect};
use crate::outcome::{Exit, Outcome};
use crate::package::referrer::COSIGN_SIGN;
use crate::package::{Files, unpack};
use crate::print::Printer;
use crate::registry::{Access, Registry, Signatures, Signed, Transport, manifest_of};
use crate::verification::{BUNDLE_SIGNATURE, Inventory, SIGNATURES};

/// What was found.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Inspected {
    /// The manifest, by digest.
    artifact: String,
    manifest_digest: Digest,
    config: Piece,
    layers: Vec<Piece>,
    annotations: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle: Option<Bundle>,
    signatures: Vec<Found>,
    attestations: Vec<Found>,
    /// How many claims of the older form there are.
    legacy_signatures: usize,
    looked_at: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Piece {
    blob_digest: String,
    media_type: String,
    size: i64,
}

/// What the inventory and the statement about it say.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    scenario: Option<Name>,
    environment: Name,
    content_digest: Digest,
    files: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    signed: Option<Claimed>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Claimed {
    serial: u64,
    not_after: Instant,
    cluster: Option<Name>,
    key_hints: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    key_hint: String,
    predicate_type: String,
}

pub(crate) fn run(arguments: &Inspect, printer: &Printer) -> Outcome {
    let address = &arguments.artifact;
    let registry = Registry::open(address, Access::Pull, Transport::of(arguments.plain_http))?;
    let content = registry.manifest(address.selector())?;
    let manifest = manifest_of(&content)?;
    let found = registry.signatures(&content.digest)?;
    let bundle = match manifest.layers.as_slice() {
        [layer] => unpack(&registry.blob(layer)?).ok().as_ref().and_then(bundle),
        _ => None,
    };
    let Signatures { statements, legacy, looked_at } = found;
    let (signatures, attestations) =
        statements.iter().map(statement).partition(|found| found.predicate_type == COSIGN_SIGN);
    let inspected = Inspected {
        artifact: address.pinned(&content.digest),
        manifest_digest: content.digest,
        config: blob(manifest.config),
        layers: manifest.layers.into_iter().map(blob).collect(),
        annotations: manifest.annotations.unwrap_or_default(),
        bundle,
        signatures,
        attestations,
        legacy_signatures: legacy.len(),
        looked_at,
    };
    let text = match arguments.output {
        AnswerFormat::Json => json(&inspected),
        AnswerFormat::Text => text(&inspected),
    };
    printer.data(text.as_bytes())?;
    Ok(Exit::Done)
}

fn blob(descriptor: OciDescriptor) -> Piece {
    let OciDescriptor { media_type, digest, size, .. } = descriptor;
    Piece { blob_digest: digest, media_type, size }
}

fn statement(signed: &Signed) -> Found {
    Found { key_hint: signed.envelope.hint().to_owned(), predicate_type: signed.statement.predicate_type.clone() }
}

/// What the files of a layer say of themselves, where they are a bundle's.
fn bundle(files: &Files) -> Option<Bundle> {
    let inventory = Inventory::read(files.get("bundle.json")?).ok()?;
    let signed = files.get(&format!("{SIGNATURES}/{BUNDLE_SIGNATURE}")).and_then(|bytes| claimed(bytes));
    Some(Bundle {
        scenario: inventory.scenario,
        environment: inventory.environment,
        content_digest: inventory.content_digest,
        files: inventory.files.len(),
        signed,
    })
}

fn claimed(bytes: &[u8]) -> Option<Claimed> {
    let file = SignatureFile::decode(bytes).ok()?;
    let claims = Statement::<BundleClaims>::decode(file.payload()?).ok()?.claims;
    Some(Claimed {
        serial: claims.serial,
        not_after: claims.not_after,
        cluster: claims.cluster,
        key_hints: file.envelopes().map(|envelope| envelope.hint().to_owned()).collect(),
    })
}

fn text(inspected: &Inspected) -> String {
    let mut text = format!("artifact      {}\n", inspected.artifact);
    text.push_str(&format!("manifest      {}\n", inspected.manifest_digest));
    let blobs = [("config blob", &inspected.config)].into_iter();
    for (what, blob) in blobs.chain(inspected.layers.iter().map(|layer| ("layer blob", layer))) {
        text.push_str(&format!("{what:13} {} {} {} bytes\n", blob.blob_digest, blob.media_type, blob.size));
    }
    for (key, value) in &inspected.annotations {
        text.push_str(&format!("annotation    {key}: {value}\n"));
    }
    if let Some(bundle) = &inspected.bundle {
        let scenario = bundle.scenario.as_ref().map_or("the platform", Name::as_str);
        text.push_str(&format!(
            "bundle        {scenario}, environment {}, {} files\ncontent       {}\n",
            bundle.environment, bundle.files, bundle.content_digest
        ));
        if let Some(Claimed { serial, not_after, cluster, key_hints }) = &bundle.signed {
            let cluster = cluster.as_ref().map_or("any", Name::as_str);
            text.push_str(&format!("serial        {serial}, until {not_after}, for cluster {cluster}\n"));
            text.push_str(&format!("bundle by     {}\n", key_hints.join(", ")));
        }
    }
    for (what, found) in [("signature by", &inspected.signatures), ("attested by", &inspected.attestations)] {
        for Found { key_hint, predicate_type } in found {
            text.push_str(&format!("{what:13} {key_hint} {predicate_type}\n"));
        }
    }
    if inspected.legacy_signatures > 0 {
        text.push_str(&format!("older form    {} in the `.sig` tag\n", inspected.legacy_signatures));
    }
    if inspected.signatures.is_empty() && inspected.legacy_signatures == 0 {
        text.push_str(&format!("no signature; looked at {}\n", inspected.looked_at.join(", ")));
    }
    text
}
