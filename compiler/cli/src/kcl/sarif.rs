//! Reads the SARIF log in which the engine reports what is wrong. Not here: the log that karsc writes.

use serde::Deserialize;

use super::fault::{Fault, FaultKind, Place};
use super::stage::Stage;

#[derive(Deserialize)]
struct Log {
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    results: Vec<Report>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    rule_id: String,
    level: String,
    message: Message,
    #[serde(default)]
    locations: Vec<Location>,
    #[serde(default)]
    related_locations: Vec<Location>,
}

#[derive(Deserialize)]
struct Message {
    text: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
    message: Option<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Deserialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
}

/// The engine's code for a text that cannot be parsed.
const SYNTAX: &str = "E1001";

/// The faults in the log that `errors` holds, among other text. None when it holds no log.
pub(super) fn faults(errors: &str, stage: &Stage) -> Vec<Fault> {
    let log = errors.find('{').and_then(|start| {
        let mut logs = serde_json::Deserializer::from_str(&errors[start..]).into_iter::<Log>();
        logs.next()?.ok()
    });
    let mut reports: Vec<Report> = log.into_iter().flat_map(|log| log.runs).flat_map(|run| run.results).collect();
    reports.retain(|report| report.level == "error");
    // What follows from a text that cannot be parsed is noise.
    if reports.iter().any(|report| report.rule_id == SYNTAX) {
        reports.retain(|report| report.rule_id == SYNTAX);
    }
    let mut faults: Vec<Fault> = Vec::new();
    for fault in reports.into_iter().map(|report| report.into_fault(stage)) {
        // One hole in the text is told in several ways.
        let told = |known: &Fault| known.kind == FaultKind::Syntax && known.place == fault.place;
        if !faults.contains(&fault) && !faults.iter().any(told) {
            faults.push(fault);
        }
    }
    faults
}

impl Report {
    fn into_fault(self, stage: &Stage) -> Fault {
        let kind = if self.rule_id == SYNTAX { FaultKind::Syntax } else { FaultKind::Schema };
        // The engine repeats the related messages behind its own.
        let text = self.message.text.split("; related: ").next().unwrap_or_default();
        let place = self.locations.first().and_then(|location| location.place(stage));
        let related = self.related_locations.iter().filter_map(|location| {
            let message = location.message.as_ref().map_or("", |message| message.text.as_str());
            Some((location.place(stage)?, reword(message).0))
        });
        let (message, help) = reword(text);
        Fault { kind, message, place, related: related.collect(), help }
    }
}

impl Location {
    fn place(&self, stage: &Stage) -> Option<Place> {
        let PhysicalLocation { artifact_location, region } = &self.physical_location;
        stage.place(&artifact_location.uri, region.start_line, region.start_column)
    }
}

/// Brings a message of the engine into the form of ours, and makes a help of its guess.
pub(super) fn reword(message: &str) -> (String, Option<String>) {
    let (fact, guess) = match message.split_once(", did you mean '[") {
        Some((fact, guess)) => (fact, guess.split('"').nth(1)),
        None => (message, None),
    };
    let mut letters = fact.trim_end_matches('.').chars();
    let first = letters.next().map_or_else(String::new, |letter| letter.to_lowercase().to_string());
    let sentence = first + &quoted(letters.as_str());
    (sentence, guess.map(|name| format!("did you mean `{name}`?")))
}

/// Quotes in our style; the apostrophe of a word stays.
fn quoted(text: &str) -> String {
    let inside = |at: usize| {
        let after = text[at + 1..].starts_with(char::is_alphabetic);
        after && text[..at].ends_with(char::is_alphabetic)
    };
    text.char_indices().map(|(at, letter)| if letter == '\'' && !inside(at) { '`' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::reword;

    #[test]
    fn messages_sound_like_ours() {
        for (theirs, ours, help) in [
            ("expected str, got int(3)", "expected str, got int(3)", None),
            (
                "Cannot add member 'nam' to schema 'Metadata', did you mean '[\"name\", \"x\"]'?",
                "cannot add member `nam` to schema `Metadata`",
                Some("did you mean `name`?"),
            ),
            ("attribute 'a' can't be None", "attribute `a` can't be None", None),
            ("", "", None),
        ] {
            assert_eq!(reword(theirs), (ours.to_owned(), help.map(ToOwned::to_owned)));
        }
    }
}
