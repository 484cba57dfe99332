//! `karsc sign`: fills the signature slots of a bundle and its `signatures/`. Not here: what is signed (`signing`).

use std::path::Path;
use std::process::Command;

use kars_trust::Signer;

use crate::args::Sign;
use crate::keys::read_private;
use crate::outcome::{Exit, Failure, Outcome};
use crate::print::{Printer, counted};
use crate::signing::{Terms, sign_bundle};

pub(crate) fn run(arguments: &Sign, printer: &Printer) -> Outcome {
    if arguments.identity_token.is_some() {
        let message = "there is no certificate authority to ask: keyless signing needs a Fulcio, and none is configured; sign with `--key`";
        return Err(Failure::Environment(message.to_owned()));
    }
    let password = arguments.password_file.as_deref();
    let read = |path: &Path| read_private(path, &arguments.bundle, password);
    let keys = arguments.keys.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    let attestation = arguments.attestation_key.as_deref().map(read).transpose()?;
    if let Some(second) = &attestation
        && keys.iter().any(|key| key.public_key() == second.public_key())
    {
        let message = "the key of attestations is one of those that sign; an attestation could pass for a signature, use another key";
        return Err(Failure::Usage(message.to_owned()));
    }
    let terms = Terms {
        keys,
        attestation,
        serial: arguments.serial,
        valid: arguments.valid.seconds,
        grace: arguments.grace.seconds,
        replace: arguments.replace,
    };
    let signed = sign_bundle(&arguments.bundle, &terms, || commit_time(&arguments.bundle))?;
    printer.detail(|| {
        format!("signed {} in {:.3} s", counted(signed.signatures, "statement"), signed.took.as_secs_f64())
    })?;
    printer.note(&format!(
        "signed `{}`: bundle {}, serial {}, until {}",
        arguments.bundle.display(),
        signed.bundle,
        signed.serial,
        signed.not_after
    ))?;
    Ok(Exit::Done)
}

/// When the commit was made that the bundle lies in: whoever signs it again gets the same serial.
fn commit_time(bundle: &Path) -> Result<u64, Failure> {
    let git = |folder: &Path| {
        let output =
            Command::new("git").arg("-C").arg(folder).args(["log", "-1", "--format=%ct", "HEAD"]).output().ok()?;
        output.status.success().then_some(())?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    git(bundle).or_else(|| git(Path::new("."))).ok_or_else(|| {
        let message = format!(
            "`{}` lies in no Git repository with a commit, so the serial is not known; give `--serial`",
            bundle.display()
        );
        Failure::Usage(message)
    })
}
