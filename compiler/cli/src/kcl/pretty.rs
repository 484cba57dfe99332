//! Reads the text in which the `kcl` program reports what is wrong. Not here: the SARIF log of the library.

use super::fault::{Fault, FaultKind};
use super::sarif::reword;
use super::stage::Stage;

/// The faults in `errors`. None when it has none in the program's form: a title, ` --> FILE:LINE:COLUMN`, the line, the message.
pub(super) fn faults(errors: &str, stage: &Stage) -> Vec<Fault> {
    let plain = without_colours(errors);
    let mut faults: Vec<Fault> = Vec::new();
    // A block starts with its title, and a place that only explains it follows without one.
    let mut title = None;
    let mut place = None;
    for line in plain.lines().map(str::trim) {
        if let Some(position) = line.strip_prefix("--> ") {
            place = staged_place(position, stage);
        } else if let Some(message) = line.strip_prefix('|').and_then(|marked| marked.trim().strip_prefix('^')) {
            record(title.take(), place.take(), message.trim(), &mut faults);
        } else if line.ends_with("Error") || line.ends_with("InvalidSyntax") || line.starts_with("error[") {
            title = Some(line);
        }
    }
    faults
}

fn record(title: Option<&str>, place: Option<super::Place>, message: &str, faults: &mut Vec<Fault>) {
    let (message, help) = reword(message);
    match (title, place, faults.last_mut()) {
        (Some(title), place, _) => {
            let kind = if title.contains("Syntax") { FaultKind::Syntax } else { FaultKind::Schema };
            let fault = Fault { kind, message, place, related: Vec::new(), help };
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
        (None, Some(place), Some(fault)) => fault.related.push((place, message)),
        (None, ..) => {}
    }
}

fn staged_place(position: &str, stage: &Stage) -> Option<super::Place> {
    let mut parts = position.rsplitn(3, ':');
    let (column, line, file) = (parts.next()?, parts.next()?, parts.next()?);
    stage.place(file, line.parse().ok()?, column.parse().ok()?)
}

/// Drops the terminal's colour sequences.
fn without_colours(text: &str) -> String {
    let mut pieces = text.split("\u{1b}[");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        plain.push_str(piece.split_once('m').map_or(piece, |(_, rest)| rest));
    }
    plain
}
