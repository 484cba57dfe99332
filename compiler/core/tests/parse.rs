//! Properties of the first stage: no bytes make it panic, and text that people write arrives as it was written.
//! Not here: which faults are reported (the pages of their codes).

use std::collections::BTreeMap;

use kars_scenario::diagnostic::Found;
use karsc_core::parse::{Input, Parsed, parse};
use karsc_core::report::{Format, Style, print};
use karsc_core::sources::{Files, Sources, Unreadable};
use proptest::prelude::*;

#[derive(Default)]
struct Folder(BTreeMap<String, Vec<u8>>);

impl Folder {
    fn of(files: impl IntoIterator<Item = (&'static str, Vec<u8>)>) -> Self {
        Self(files.into_iter().map(|(path, bytes)| (path.to_owned(), bytes)).collect())
    }
}

impl Files for Folder {
    fn read(&self, path: &str) -> Result<Vec<u8>, Unreadable> {
        assert!(path.split('/').all(|part| !part.is_empty() && part != "." && part != ".."), "{path} is inside");
        self.0.get(path).cloned().ok_or(Unreadable::Missing)
    }

    fn list(&self, folder: &str) -> Vec<String> {
        self.0.keys().filter(|path| path.starts_with(&format!("{folder}/"))).cloned().collect()
    }
}

/// Reads a folder and prints what was noticed in every format, as the command line would.
fn read(folder: &Folder) -> (Option<Parsed>, Found, Sources) {
    let input = Input { scenario: "scenario.yaml".to_owned(), evaluated: None, environment: "kind".to_owned() };
    let (mut found, mut sources) = (Found::default(), Sources::default());
    let parsed = parse(&input, folder, &mut sources, &mut found);
    found.sort();
    for format in Format::ALL {
        print(&found, &sources, format, Style::Coloured, "folder");
    }
    (parsed, found, sources)
}

const HEAD: &str = "apiVersion: karsc.dev/v1alpha1\nkind: Scenario\nmetadata: { name: example }\n";

/// Pieces of the language and of YAML.
#[rustfmt::skip]
const PIECES: &[&str] = &[
    "agents:", "lead:", " ", "  ", "\n", "\r\n", "\r", "\t", "- ", "{", "}", "[", "]", ",", ": ", "? ", "'", "\"",
    "|", ">", "|2-", "&a ", "*a", "<<", "!!str ", "!", "%YAML 1.1", "---", "...", "#", "\u{feff}", "\u{202e}",
    "\u{2028}", "\\u", "ü", "egress", "host: ", "**.", "example.org", "include: [scenario.yaml]", "ports: [0]",
    "until: ", "2099-01-31T00:00:00Z", "18446744073709551616", "~", "no", "password: ", "-----BEGIN PRIVATE KEY-----",
    "AKIAIOSFODNN7EXAMPLE", "eyJ", "when: ", "limit", "budget: {", "runtime: { kind: hermes }", "expect:",
    "exceptions:", "models:", "fallback: auto",
];

/// Pieces in any order: closer to what breaks a parser than any bytes are.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(PIECES);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// Text as a person may write it: any character that a file may hold, in the one spelling of line ends.
fn any_text() -> impl Strategy<Value = String> {
    let secret = |text: &str| text.contains("password") || text.contains("passwd");
    any::<String>().prop_filter("a zero byte is no text, line ends are made one", move |text| {
        !text.contains(['\0', '\r']) && !text.starts_with('\u{feff}') && !secret(text)
    })
}

proptest! {
    // Each case reads every built-in catalog, so there are few; `PROPTEST_CASES` asks for more.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.div_ceil(4), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read(&Folder::of([("scenario.yaml", bytes)]));
    }

    #[test]
    fn no_pieces_make_it_panic(text in pieces(), included in pieces(), environment in pieces()) {
        let scenario = format!("{HEAD}include: [team.yaml]\n{text}");
        read(&Folder::of([
            ("scenario.yaml", scenario.into_bytes()),
            ("team.yaml", included.clone().into_bytes()),
            ("environments/kind.yaml", format!("base: kind\n{environment}").into_bytes()),
            ("catalog/presets/own.yaml", included.clone().into_bytes()),
            ("karsc.lock", included.into_bytes()),
        ]));
    }

    #[test]
    fn text_arrives_as_it_was_written(role in any_text(), reason in any_text(), persona in any_text()) {
        let quoted = |text: &str| serde_json::to_string(text).unwrap();
        let scenario = format!(
            "{HEAD}agents:\n  lead:\n    role: {}\n    persona: {{ file: lead.md }}\n    egress: [{{ host: example.org, reason: {} }}]\n",
            quoted(&role),
            quoted(&reason),
        );
        let folder = Folder::of([("scenario.yaml", scenario.into_bytes()), ("lead.md", persona.clone().into_bytes())]);
        let (parsed, _, sources) = read(&folder);
        let parsed = parsed.expect("quoted text is text");
        let json = serde_json::to_value(&parsed.scenario).unwrap();
        prop_assert_eq!(json["agents"]["lead"]["role"].as_str(), Some(role.as_str()));
        prop_assert_eq!(json["agents"]["lead"]["egress"][0]["reason"].as_str(), Some(reason.as_str()));
        let file = parsed.texts.get("lead.md").expect("it was read");
        prop_assert_eq!(&sources.get(file).text, &persona);
    }

    /// `Folder::read` refuses a path that leaves the folder.
    #[test]
    fn includes_stay_inside(path in "[a-z./\\\\:%~ -]{1,24}") {
        let scenario = format!("{HEAD}include: [{}]\nagents: {{ lead: {{}} }}\n", serde_json::to_string(&path).unwrap());
        let (_, found, _) = read(&Folder::of([("scenario.yaml", scenario.into_bytes())]));
        prop_assert!(found.has_errors(), "no other file exists");
    }
}
