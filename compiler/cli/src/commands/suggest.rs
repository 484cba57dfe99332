//! `karsc suggest`: what a router's decision log lacks in the allowlists, as a patch. Nothing is written.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path};

use kars_contract::decision_log::MOST_LINES;
use karsc_core::suggest::{Edit, Log, Proposal, Seen, Skipped, Suggestion, suggest};
use similar::TextDiff;

use super::seen;
use crate::args::Suggest;
use crate::inputs::Inputs;
use crate::outcome::{Exit, Failure, Outcome};
use crate::print::{Printer, counted};

/// The largest log.
const LARGEST: u64 = 256 << 20;

pub(crate) fn run(arguments: &Suggest, printer: &Printer) -> Outcome {
    if arguments.source.path == Path::new("-") {
        return Err(Failure::Usage("a patch is of files; name the scenario's folder or file".to_owned()));
    }
    let inputs = Inputs::of(&arguments.source)?;
    let bytes = read(&arguments.from)?;
    let log = Log { path: &shown(&arguments.from), bytes: &bytes };
    let inspection = suggest(&inputs.input, inputs.as_of, inputs.files.as_ref(), &log);
    let Some(outcome) = seen(inspection, &inputs, printer)? else { return Ok(Exit::Input) };
    let suggestion = outcome.map_err(|error| Failure::Bug(error.to_string()))?;
    tell(&suggestion, printer)?;
    if bytes.split(|byte| *byte == b'\n').count() > MOST_LINES {
        printer
            .note(&format!("a router stops at {MOST_LINES} lines: hosts that were asked for later may be missing"))?;
    }
    if suggestion.edits.is_empty() && !suggestion.proposals.is_empty() {
        return Err(Failure::Usage(for_program(&suggestion, &inputs.input.scenario)));
    }
    let (folder, is_below) = folder_of_patch(&inputs.folder);
    for edit in &suggestion.edits {
        printer.data(patch(edit, &folder).as_bytes())?;
    }
    if !is_below && !suggestion.edits.is_empty() {
        printer.note(&format!("the patch is for that folder: `patch -p1 -d {}`", inputs.folder))?;
    }
    Ok(Exit::Done)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let cannot = |error: io::Error| Failure::Environment(format!("`{}` cannot be read: {error}", path.display()));
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().lock().take(LARGEST + 1).read_to_end(&mut bytes).map_err(cannot)?;
    } else {
        File::open(path).map_err(cannot)?.take(LARGEST + 1).read_to_end(&mut bytes).map_err(cannot)?;
    }
    if bytes.len() as u64 > LARGEST {
        let message = format!("`{}` is larger than {} MiB; cut off what is old", path.display(), LARGEST >> 20);
        return Err(Failure::Environment(message));
    }
    Ok(bytes)
}

/// The path of the log in messages.
fn shown(path: &Path) -> String {
    match path.to_string_lossy() {
        name if name == "-" => "<stdin>".to_owned(),
        name if ["/", "./", "../"].iter().any(|start| name.starts_with(start)) => name.into_owned(),
        name => format!("./{name}"),
    }
}

/// Says what is proposed, what is not and why, and where a wildcard might be meant.
fn tell(suggestion: &Suggestion, printer: &Printer) -> Result<(), Failure> {
    for Proposal { agent, host, ports, seen: Seen { allowed, refused, .. } } in &suggestion.proposals {
        let ports = listed(ports);
        printer.note(&format!("{agent}: {host}:{ports}, allowed {allowed} and refused {refused} times"))?;
    }
    for Skipped { agent, host, ports, why } in &suggestion.skipped {
        printer.note(&format!("{agent}: {host}:{} is not proposed: {why}", listed(ports)))?;
    }
    for (agent, pattern, count) in suggestion.wildcards() {
        let hosts = counted(count, "host");
        printer
            .note(&format!("{agent}: `{pattern}` would mean {hosts} of these, and hosts that nobody has asked for"))?;
    }
    if suggestion.proposals.is_empty() {
        printer.note("nothing to add: the scenario lists every host of the log that it can list")?;
    }
    Ok(())
}

fn listed(ports: &std::collections::BTreeSet<kars_contract::name::Port>) -> String {
    ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// What to write by hand in a scenario that is a program.
fn for_program(suggestion: &Suggestion, file: &str) -> String {
    let line = |proposal: &Proposal| format!("\n  agents.{}.egress: {}", proposal.agent, proposal.kcl());
    let lines: String = suggestion.proposals.iter().map(line).collect();
    format!("`{file}` is a program, which no patch can be made of; add to its result:{lines}")
}

/// The folder that paths of a patch start with, and whether it lies below the current one, where patches are applied.
fn folder_of_patch(folder: &str) -> (String, bool) {
    let mut parts = Vec::new();
    for part in Path::new(folder).components() {
        match part {
            Component::CurDir => {}
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned() + "/"),
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return (String::new(), false),
        }
    }
    (parts.concat(), true)
}

/// One file as a unified difference that `patch -p1` and `git apply` take.
fn patch(Edit { path, before, after }: &Edit, folder: &str) -> String {
    // Lines end with `\n` for both programs; a carriage return is a letter to them.
    let before: Vec<&str> = before.split_inclusive('\n').collect();
    let after: Vec<&str> = after.split_inclusive('\n').collect();
    let diff = TextDiff::configure().newline_terminated(true).diff_slices(&before, &after);
    diff.unified_diff().header(&format!("a/{folder}{path}"), &format!("b/{folder}{path}")).to_string()
}
