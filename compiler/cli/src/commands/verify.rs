//! `karsc verify`: whether a bundle may be applied. Not here: what is checked (`verification`).

use std::fs;
use std::path::Path;

use kars_contract::document::Document;
use kars_contract::instant::Instant;
use kars_contract::trust::TrustDocument;
use kars_trust::Trust;
use karsc_core::bundle::Bundle;

use super::artifact;
use super::comparison::Comparison;
use super::{compiled, json};
use crate::args::{AnswerFormat, Target, Verify};
use crate::inputs::{Inputs, now};
use crate::keys::read_public;
use crate::outcome::{Exit, Failure, Outcome};
use crate::print::{Printer, counted};
use crate::verification::{Expectations, Report, State, mismatch, verify};

pub(crate) fn run(arguments: &Verify, printer: &Printer) -> Outcome {
    let trust = trust(arguments)?;
    let attestation = arguments.attestation_key.as_deref().map(|path| attesting(path, &trust)).transpose()?;
    let now = arguments.as_of.unwrap_or_else(now);
    let expectations = Expectations { trust, attestation, audience: arguments.audience.clone(), now };
    let state = State::read(arguments.state.as_deref())?;
    let fetched = artifact::fetched(&arguments.bundle, arguments.plain_http, &expectations.trust, printer)?;
    let folder = fetched.as_ref().map_or(arguments.bundle.as_path(), |fetched| fetched.folder.path());
    let mut report = verify(folder, &expectations, &state)?;
    if let Some(source) = &arguments.rebuild {
        rebuilt(source, folder, &report, printer)?;
    }
    report.artifact = fetched.map(|fetched| fetched.reference);
    state.remember(&report)?;
    print(arguments, &report, printer)?;
    Ok(Exit::Done)
}

/// The keys that count.
fn trust(arguments: &Verify) -> Result<Trust, Failure> {
    let Some(path) = &arguments.trust else {
        let keys = arguments.keys.iter().map(|path| read_public(path)).collect::<Result<Vec<_>, _>>()?;
        let trust = Trust::in_keys(keys, arguments.threshold.into(), 0);
        return trust.map_err(|error| Failure::Usage(error.to_string()));
    };
    let usage = |error: &dyn std::fmt::Display| Failure::Usage(format!("`{}`: {error}", path.display()));
    let bytes = fs::read(path)
        .map_err(|error| Failure::Environment(format!("`{}` cannot be read: {error}", path.display())))?;
    let document = TrustDocument::decode(&bytes).map_err(|error| usage(&error))?;
    Trust::of(&document).map_err(|error| usage(&error))
}

/// The key of attestations. One that signs releases could pass an attestation off as a signature.
fn attesting(path: &Path, release: &Trust) -> Result<Trust, Failure> {
    let key = read_public(path)?;
    if release.keys().any(|other| *other == key) {
        let message = format!("`{}` signs releases, too; attestations have a key of their own", path.display());
        return Err(Failure::Usage(message));
    }
    Trust::in_keys([key], 1, 0).map_err(|error| Failure::Usage(error.to_string()))
}

/// Compiles the source as of the bundle's serial; every file must come out as it is there.
fn rebuilt(source: &Path, folder: &Path, report: &Report, printer: &Printer) -> Result<(), Failure> {
    let seconds = i64::try_from(report.serial).ok().and_then(Instant::from_unix_seconds);
    let environment = report.environment.to_string();
    let inputs = Inputs::for_target(source, &Target { environment, as_of: seconds })?;
    let comparison = Comparison::with(folder);
    let built: Option<Bundle> = compiled(&inputs, &comparison, printer)?.bundle;
    let Some(built) = built else {
        return Err(Failure::Usage(format!("`{}` does not build", source.display())));
    };
    let seen = comparison.finish();
    let differing = seen.differing.keys().filter(|path| !path.starts_with("delivery/")).cloned();
    let further = seen.further(folder)?.into_iter().filter(|path| !path.starts_with("delivery/"));
    if let Some(path) = differing.chain(further).min() {
        let message = format!(
            "`{path}` is not what `{}` compiles to, whose content digest is `{}`",
            source.display(),
            built.content
        );
        return Err(mismatch(&message));
    }
    Ok(())
}

fn print(arguments: &Verify, report: &Report, printer: &Printer) -> Result<(), Failure> {
    if matches!(arguments.output, AnswerFormat::Json) {
        return printer.data(json(report).as_bytes());
    }
    let named = |name: &Option<_>, absent: &str| name.as_ref().map_or_else(|| absent.to_owned(), ToString::to_string);
    let attested = if report.attestations.is_empty() {
        "not asked for (`--attestation-key`)".to_owned()
    } else {
        report.attestations.join(", ")
    };
    let rebuilt = arguments.rebuild.as_ref().map_or_else(
        || "not asked for (`--rebuild`)".to_owned(),
        |path| format!("every byte, from `{}`", path.display()),
    );
    let text = format!(
        "verified {scenario}, environment {environment}, for cluster {cluster}\n\
         {artifact}\
         bundle        {bundle}\n\
         content       {content}\n\
         serial        {serial}, until {not_after}\n\
         signed by     {signers}\n\
         files         {files}, {documents} signed\n\
         attested      {attested}\n\
         rebuilt       {rebuilt}\n",
        artifact = report.artifact.iter().map(|artifact| format!("artifact      {artifact}\n")).collect::<String>(),
        scenario = named(&report.scenario, "the platform"),
        environment = report.environment,
        cluster = named(&report.cluster, "any"),
        bundle = report.bundle_digest,
        content = report.content_digest,
        serial = report.serial,
        not_after = report.not_after,
        signers = report.signers.join(", "),
        files = report.files,
        documents = counted(report.documents, "router document"),
    );
    printer.data(text.as_bytes())
}
