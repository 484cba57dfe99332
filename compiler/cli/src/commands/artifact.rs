//! A published bundle, brought here to be verified: its tag is asked for once, everything after goes by digest, and nothing is
//! unpacked that trusted keys have not signed. Not here: the bundle's own statements, which the folder's check reads.

use std::fs;
use std::io;
use std::path::Path;

use kars_contract::digest::Digest;
use kars_trust::{Refusal, Trust};
use oci_client::manifest::{IMAGE_LAYER_GZIP_MEDIA_TYPE, OciDescriptor};
use tempfile::TempDir;

use crate::outcome::Failure;
use crate::package::referrer::COSIGN_SIGN;
use crate::package::{Files, Unpackable, unpack};
use crate::print::Printer;
use crate::registry::{Access, Address, Content, Fault, Registry, Signatures, Transport, manifest_of};

/// An artifact in a folder of its own, which goes when this goes.
pub(super) struct Fetched {
    pub(super) folder: TempDir,
    /// By digest.
    pub(super) reference: String,
}

/// Brings what is named, if it is an artifact in a registry; a folder is there already.
pub(super) fn fetched(
    named: &Path,
    plain_http: bool,
    trust: &Trust,
    printer: &Printer,
) -> Result<Option<Fetched>, Failure> {
    let artifact = named.to_str().filter(|text| text.starts_with("oci://"));
    artifact.map(|text| fetch(text, plain_http, trust, printer)).transpose()
}

/// Brings an artifact that enough trusted keys have signed.
fn fetch(text: &str, plain_http: bool, trust: &Trust, printer: &Printer) -> Result<Fetched, Failure> {
    let address: Address = text.parse().map_err(|error| Failure::Usage(format!("{error}")))?;
    let registry = Registry::open(&address, Access::Pull, Transport::of(plain_http))?;
    let content = registry.manifest(address.selector()).map_err(|fault| match fault {
        Fault::NotFound(place) => unverified(11, format!("`{address}` is not found: `{place}` is not there")),
        fault => fault.into(),
    })?;
    let reference = address.pinned(&content.digest);
    printer.note(&format!("`{address}` is `{reference}`"))?;
    let found = registry.signatures(&content.digest)?;
    signed(&found, &content.digest, trust).map_err(|refusal| {
        let looked_at = found.looked_at.join("`, `");
        let message = format!("`{reference}`: {refusal} ({}); looked at `{looked_at}`", refusal.code());
        unverified(refusal.exit_code(), message)
    })?;
    let layer = layer(&content, &reference)?;
    let files = unpack(&registry.blob(&layer)?).map_err(|error| {
        let message = format!("`{reference}`: {error}");
        match error {
            Unpackable::TooLarge(_) => Failure::Environment(message),
            Unpackable::Broken(_) | Unpackable::Foreign { .. } => unverified(14, message),
        }
    })?;
    let folder = tempfile::tempdir().and_then(|folder| write(folder.path(), &files).map(|()| folder));
    let folder = folder.map_err(|error| Failure::Environment(format!("`{reference}` cannot be unpacked: {error}")))?;
    Ok(Fetched { folder, reference })
}

/// Whether enough trusted keys have signed the manifest: in statements of cosign's type, or in claims of the older form. It
/// does not matter which program each of them used. A statement of another type, such as provenance, is no signature, whoever
/// made it; what others have added takes nothing away.
fn signed(found: &Signatures, subject: &Digest, trust: &Trust) -> Result<(), Refusal> {
    let statements = found.statements.iter().filter(|signed| signed.statement.predicate_type == COSIGN_SIGN);
    let statements: Vec<_> = statements.filter(|signed| signed.statement.digest == *subject).collect();
    let signers = trust.keys().filter(|key| {
        statements.iter().any(|signed| signed.envelope.is_by(key))
            || found.legacy.iter().any(|claim| claim.is_by(key, subject))
    });
    match signers.count() {
        count if count >= trust.threshold() => Ok(()),
        0 if statements.is_empty() && found.legacy.is_empty() => Err(Refusal::Unsigned),
        0 => Err(Refusal::NoMatchingKey),
        count => Err(Refusal::TooFewKeys { found: count, wanted: trust.threshold() }),
    }
}

/// The one layer of a published bundle.
fn layer(content: &Content, reference: &str) -> Result<OciDescriptor, Failure> {
    let manifest = manifest_of(content)?;
    match <[OciDescriptor; 1]>::try_from(manifest.layers) {
        Ok([layer]) if layer.media_type == IMAGE_LAYER_GZIP_MEDIA_TYPE => Ok(layer),
        Ok([layer]) => {
            Err(unverified(14, format!("the layer of `{reference}` is a `{}`, which no bundle is", layer.media_type)))
        }
        Err(layers) => Err(unverified(14, format!("`{reference}` has {} layers, a bundle has one", layers.len()))),
    }
}

fn write(folder: &Path, files: &Files) -> io::Result<()> {
    files.iter().try_for_each(|(path, bytes)| {
        let path = folder.join(path);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, bytes)
    })
}

fn unverified(exit: u8, message: String) -> Failure {
    Failure::Unverified { exit, message }
}
