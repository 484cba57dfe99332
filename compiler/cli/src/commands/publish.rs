//! `karsc publish`: a signed bundle into a registry. Not here: in which order it appears there (`registry`).

mod pin;

use std::fs;
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget};
use kars_contract::digest::Digest;
use kars_trust::sign::CannotSign;
use kars_trust::statement::Attested;
use kars_trust::{PrivateKey, SignatureFile, Signer, Trust, sign};
use serde_json::value::RawValue;

use super::fmt::replace;
use crate::args::Publish;
use crate::inputs::now;
use crate::keys::{Password, read_private};
use crate::outcome::{Exit, Failure, Outcome};
use crate::package::artifact::Artifact;
use crate::package::legacy::Legacy;
use crate::package::referrer::{COSIGN_SIGN, Referrer};
use crate::package::{Files, collect, pack};
use crate::print::Printer;
use crate::registry::{Access, Address, Publication, Registry, Transport};
use crate::verification::{Expectations, Report, SIGNATURES, State, mismatch, verify};

/// The signature file of each attestation, and the type of its statement in a registry: those that cosign has names for.
const ATTESTED: [(&str, &str); 2] = [
    ("provenance.sigstore.json", "https://slsa.dev/provenance/v1"),
    ("sbom.sigstore.json", "https://spdx.dev/Document"),
];

pub(crate) fn run(arguments: &Publish, printer: &Printer) -> Outcome {
    let keys = Keys::read(arguments)?;
    let report = verify(&arguments.bundle, &keys.expectations()?, &State::default())?;
    let files = collect(&arguments.bundle, &report)?;
    let layer = pack(&files, report.serial).map_err(|error| Failure::Usage(error.to_string()))?;
    let artifact = Artifact::of(layer, &report);
    let reference = arguments.artifact.pinned(&artifact.digest);
    let pinned =
        arguments.pin.as_deref().map(|file| pinned(file, &arguments.artifact, &artifact.digest)).transpose()?;
    if !arguments.dry_run {
        publish(arguments, &keys, &report, &files, artifact, printer)?;
        if let Some((file, text)) = arguments.pin.as_deref().zip(pinned) {
            replace(file, &text).map_err(|error| {
                let message = format!("`{}` cannot be written: {error}; write `{reference}` there", file.display());
                Failure::Environment(message)
            })?;
        }
    }
    printer.data(format!("{reference}\n").as_bytes())?;
    Ok(Exit::Done)
}

fn publish(
    arguments: &Publish,
    keys: &Keys,
    report: &Report,
    files: &Files,
    artifact: Artifact,
    printer: &Printer,
) -> Result<(), Failure> {
    let address = &arguments.artifact;
    if address.digest.is_some() {
        return Err(Failure::Usage(format!("`{address}` names a digest, which publishing makes; name a tag, or none")));
    }
    if arguments.legacy_signature {
        printer.warning(
            "whoever can write to the registry can copy a `.sig` to other content, and Flux accepts it there; \
             write it for Flux up to 2.7 alone",
        )?;
    }
    let tag = address.tag.clone().unwrap_or_else(|| report.environment.to_string());
    let publication = keys.vouch(artifact, address, files, report.serial, arguments.legacy_signature, tag)?;
    let registry = Registry::open(address, Access::Push, Transport::of(arguments.plain_http))?;
    let target = if printer.is_watched() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(None, target);
    bar.enable_steady_tick(std::time::Duration::from_millis(100));
    let published = registry.publish(&publication, &|step| bar.set_message(format!("pushing {step}")));
    bar.finish_and_clear();
    published?;
    printer.note(&format!("published to `oci://{}/{}:{}`", address.host, address.repository, publication.tag))
}

/// The file with the digest in it, before anything is published.
fn pinned(file: &Path, address: &Address, digest: &Digest) -> Result<String, Failure> {
    let shown = file.display();
    let text =
        fs::read_to_string(file).map_err(|error| Failure::Environment(format!("`{shown}` cannot be read: {error}")))?;
    pin::pinned(&text, address, digest).map_err(|error| Failure::Usage(format!("`{shown}` cannot be pinned: {error}")))
}

/// Who signs, and who attests.
struct Keys {
    release: Vec<PrivateKey>,
    attestation: Option<PrivateKey>,
}

impl Keys {
    fn read(arguments: &Publish) -> Result<Self, Failure> {
        let password = Password::in_file(arguments.password_file.as_deref());
        let attesting = arguments.attestation_password_file.as_deref().or(arguments.password_file.as_deref());
        let attesting = Password::in_file(attesting);
        let release = arguments.keys.iter().map(|path| read_private(path, &password)).collect::<Result<Vec<_>, _>>()?;
        let attestation = arguments.attestation_key.as_deref();
        let attestation = attestation.map(|path| read_private(path, &attesting)).transpose()?;
        if attestation.as_ref().is_some_and(|key| release.iter().any(|other| other.public_key() == key.public_key())) {
            let message =
                "the attestation key signs the release, too; an attestation could then be passed off as a signature";
            return Err(Failure::Usage(format!("{message}; name another key")));
        }
        Ok(Self { release, attestation })
    }

    /// What the bundle must show: that these keys have signed it.
    fn expectations(&self) -> Result<Expectations, Failure> {
        let trust = |keys: &[PrivateKey]| {
            let trust = Trust::in_keys(keys.iter().map(|key| key.public_key().clone()), keys.len(), 0);
            trust.map_err(|error| Failure::Usage(error.to_string()))
        };
        let attestation = self.attestation.as_ref().map(std::slice::from_ref).map(trust).transpose()?;
        Ok(Expectations { trust: trust(&self.release)?, attestation, audience: None, now: now() })
    }

    /// Signs the artifact's digest, and attests about it what was attested about the bundle.
    fn vouch(
        &self,
        artifact: Artifact,
        address: &Address,
        files: &Files,
        serial: u64,
        legacy: bool,
        tag: String,
    ) -> Result<Publication, Failure> {
        let cannot = |error: CannotSign| Failure::Environment(error.to_string());
        let signers: Vec<&dyn Signer> = self.release.iter().map(|key| key as &dyn Signer).collect();
        let nothing = RawValue::from_string("{}".to_owned()).expect("it is JSON");
        let mut statements = vec![(COSIGN_SIGN, nothing, signers.clone())];
        if let Some(key) = &self.attestation {
            for (name, kind) in ATTESTED {
                statements.push((kind, predicate(files, name)?, vec![key]));
            }
        }
        let mut referrers = Vec::new();
        for (kind, predicate, signers) in statements {
            let digest = artifact.digest.clone();
            let statement = Attested { digest, predicate_type: kind.to_owned(), predicate };
            let signed = sign::sign(&statement.encode(), &signers).map_err(cannot)?;
            let envelopes = signed.envelopes();
            referrers.extend(envelopes.map(|envelope| Referrer::of(artifact.subject(), envelope, kind, serial)));
        }
        let repository = format!("{}/{}", address.host, address.repository);
        let claims = signers.iter().filter(|_| legacy);
        let claims = claims.map(|signer| Legacy::sign(&repository, &artifact.digest, *signer));
        let legacy = claims.collect::<Result<_, _>>().map_err(cannot)?;
        Ok(Publication { artifact, referrers, legacy, tag })
    }
}

/// What was attested about the bundle, in a file of signatures that was verified.
fn predicate(files: &Files, name: &str) -> Result<Box<RawValue>, Failure> {
    let path = format!("{SIGNATURES}/{name}");
    let file = files.get(&path).and_then(|bytes| SignatureFile::decode(bytes).ok());
    let statement = file.as_ref().and_then(SignatureFile::payload).and_then(|payload| Attested::decode(payload).ok());
    statement
        .map(|statement| statement.predicate)
        .ok_or_else(|| mismatch(&format!("`{path}` changed while it was read")))
}
