//! What is suggested for a scenario that a program makes. Not here: the patch and its
//! application, which belong to the command line.

use karsc_core::parse::{Evaluated, Input};
use karsc_core::sources::Evaluation;
use karsc_core::suggest::{Log, suggest};

use crate::pages::completed;
use crate::schemas::json;
use crate::support::{Memory, as_of};

const LINE: &str = r#"{"time":"2026-11-25T08:00:00Z","agent":"lead","kind":"egress","host":"new.example.org","port":8443,"allowed":true,"reason":"learning"}"#;

/// A program is not edited: what to add is said.
#[test]
fn a_scenario_in_kcl_is_left_to_its_author() {
    let scenario = completed("agents: { lead: { egress: [{ host: example.org, reason: work }] } }\n");
    let document = format!("{{\"scenario\": {}}}", json(&scenario));
    let evaluation = Evaluation { engine: "kcl 0.0.0".to_owned(), files: std::collections::BTreeMap::new() };
    let input = Input {
        scenario: "scenario.k".to_owned(),
        evaluated: Some(Evaluated { json: document, evaluation }),
        environment: "kind".to_owned(),
    };
    let log = Log { path: "./decisions.jsonl", bytes: LINE.as_bytes() };
    let inspection = suggest(&input, as_of(), &Memory::default(), &log);
    assert_eq!(inspection.found.diagnostics(), []);
    let suggestion = inspection.seen.unwrap().unwrap();
    assert!(suggestion.edits.is_empty());
    let entries: Vec<_> = suggestion.proposals.iter().map(karsc_core::suggest::Proposal::kcl).collect();
    let reason = "seen in the decision log; say why it is needed";
    assert_eq!(entries, [format!("{{host = \"new.example.org\", ports = [8443], reason = \"{reason}\"}}")]);
}
