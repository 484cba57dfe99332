//! `karsc sign`: fills the signature slots of a bundle. Not here: what is signed (`signing`).

use std::path::Path;

use kars_contract::instant::Instant;
use kars_trust::{PrivateKey, Signer, Trust};

use super::artifact;
use crate::args::Sign;
use crate::keys::{Password, read_private};
use crate::outcome::{Exit, Failure, Outcome};
use crate::print::{Printer, counted};
use crate::signing::{Order, of_head, sign};

pub(crate) fn run(arguments: &Sign, printer: &Printer) -> Outcome {
    if arguments.identity_token.is_some() {
        let message = "an identity token needs a certificate authority that takes it (Fulcio), and none is configured; \
                       sign with `--key`";
        return Err(Failure::Environment(message.to_owned()));
    }
    let folder = arguments.bundle.as_path();
    for key in arguments.keys.iter().chain(&arguments.attestation_key) {
        outside(key, folder)?;
    }
    let serial = arguments.serial.map_or_else(|| of_head(folder), Ok)?;
    let mut order = Order {
        not_after: later(serial, arguments.not_after.seconds)?,
        serial,
        grace: arguments.grace.seconds.into(),
        signers: signers(arguments)?,
        attester: attester(arguments)?,
        replace: arguments.replace,
        keep: None,
    };
    if let Some(attester) = &order.attester
        && order.signers.iter().any(|signer| signer.public_key() == attester.public_key())
    {
        let message = "the attestation key signs the bundle, too; engines would take an attestation for a signature, so \
                       give it a key of its own";
        return Err(Failure::Usage(message.to_owned()));
    }
    let earlier = earlier(arguments, &order.signers, printer)?;
    order.keep =
        earlier.as_ref().map_or_else(|| arguments.keep.clone(), |fetched| Some(fetched.folder.path().to_owned()));
    let signed = sign(folder, &order)?;
    let (statements, seconds) = (counted(signed.statements, "statement"), signed.took.as_secs_f64());
    printer.detail(|| format!("signed {statements} in {seconds:.3} s"))?;
    let what = if signed.changed { "signed" } else { "signed already, with the same bytes" };
    let mut documents = counted(signed.documents, "router document");
    if arguments.keep.is_some() {
        documents += &format!(", of which {} kept theirs", signed.kept);
    }
    printer.note(&format!(
        "{what}: `{}`, {documents}, serial {serial}, until {}; {}",
        folder.display(),
        order.not_after,
        signed.digest
    ))?;
    Ok(Exit::Done)
}

/// The earlier release, where it is in a registry: one of the keys that sign now must have signed it, too.
fn earlier(arguments: &Sign, signers: &[PrivateKey], printer: &Printer) -> Result<Option<artifact::Fetched>, Failure> {
    let Some(keep) = &arguments.keep else { return Ok(None) };
    let keys = signers.iter().map(|signer| signer.public_key().clone());
    let trust = Trust::in_keys(keys, 1, 0).map_err(|error| Failure::Usage(error.to_string()))?;
    let fetched = artifact::fetched(keep, arguments.plain_http, &trust, printer)?;
    if fetched.is_none() && !keep.join("bundle.json").is_file() {
        let message = format!("`{}` holds no bundle to keep statements of", keep.display());
        return Err(Failure::Environment(message));
    }
    Ok(fetched)
}

fn signers(arguments: &Sign) -> Result<Vec<PrivateKey>, Failure> {
    let password = Password::in_file(arguments.password_file.as_deref());
    arguments.keys.iter().map(|path| read_private(path, &password)).collect()
}

fn attester(arguments: &Sign) -> Result<Option<PrivateKey>, Failure> {
    let file = arguments.attestation_password_file.as_deref().or(arguments.password_file.as_deref());
    let password = Password::in_file(file);
    arguments.attestation_key.as_deref().map(|path| read_private(path, &password)).transpose()
}

/// A private key in the folder that is published would be published with it.
fn outside(key: &Path, folder: &Path) -> Result<(), Failure> {
    let (Ok(inner), Ok(folder)) = (key.canonicalize(), folder.canonicalize()) else { return Ok(()) };
    if inner.starts_with(folder) {
        return Err(Failure::Usage(format!("the private key `{}` lies in the bundle; move it away", key.display())));
    }
    Ok(())
}

fn later(serial: u64, seconds: u32) -> Result<Instant, Failure> {
    let moment = i64::try_from(serial.saturating_add(seconds.into())).ok().and_then(Instant::from_unix_seconds);
    moment.ok_or_else(|| {
        Failure::Usage(format!("the serial {serial} is no moment, in Unix seconds, that can be written"))
    })
}
