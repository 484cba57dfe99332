//! Hostile and mistaken files, row by row: each is refused at its place, with a reason or a remedy, and nothing panics.
//! Not here: disks, links and exit codes, which belong to the command line.

use kars_scenario::diagnostic::{Code, Diagnostic, Found, Severity};
use karsc_core::report::{Style, human};
use karsc_core::sources::{Position, Sources};

use crate::pages::completed;
use crate::support::{Memory, diagnose};

/// Row, scenario, code, line, column.
type Row = (&'static str, &'static str, u16, usize, usize);

const ROWS: &[Row] = &[
    ("CMP-01", "description: &a [x]\nmore: [*a, *a]\n", 103, 1, 14),
    ("CMP-02", "agents: { lead: {}, other: *lead }\n", 103, 1, 28),
    ("CMP-02", "agents: { lead: &lead {} }\n", 103, 1, 17),
    ("CMP-03", "agents:\n  lead:\n    <<: *common\n", 103, 3, 5),
    ("CMP-03", "agents:\n  lead:\n    <<: { role: a }\n", 103, 3, 5),
    ("CMP-04", "agents: { lead: {}, lead: {} }\n", 102, 1, 21),
    ("CMP-04", "agents: { lead: {}, \"lead\": {} }\n", 102, 1, 21),
    ("CMP-04", "agents: { lead: {}, Lead: {} }\n", 111, 1, 21),
    ("CMP-06", "agents: { lead: { role: \"\\ud800\" } }\n", 101, 1, 25),
    ("CMP-06", "agents: { lead: { role: a\0b } }\n", 105, 1, 26),
    ("CMP-07", "agents:\n\tlead: {}\n", 101, 2, 2),
    ("CMP-07", "agents:\n\tü: {}\n", 101, 2, 2),
    ("CMP-07", "agents:\r\n  lead:\r\n    rol: a\r\n", 106, 3, 5),
    ("CMP-07", "agents:\r  lead:\r    rol: a\r", 106, 3, 5),
    ("CMP-07", "agents: { lead: { role: \"a\u{2028}b\", rol: a } }\n", 106, 1, 32),
    ("CMP-09", "agents: { lead: { role: no } }\n", 110, 1, 25),
    ("CMP-09", "agents: { lead: { role: on } }\n", 110, 1, 25),
    ("CMP-09", "agents: { lead: { role: 0777 } }\n", 110, 1, 25),
    ("CMP-09", "agents: { lead: { role: 1_000 } }\n", 110, 1, 25),
    ("CMP-09", "agents: { lead: { role: 1e3 } }\n", 110, 1, 25),
    ("CMP-09", "agents: { lead: { role: .inf } }\n", 110, 1, 25),
    ("CMP-09", "agents: { lead: { role: 12:30:45 } }\n", 110, 1, 25),
    ("CMP-09", "agents: { lead: { role: null } }\n", 110, 1, 25),
    ("CMP-09", "agents: { lead: { role: ~ } }\n", 110, 1, 25),
    ("CMP-09", "agents: { lead: { runtime: { kind: hermes, version: 0.15 } } }\n", 110, 1, 53),
    ("CMP-10", "budget: { tokensPerDay: 18446744073709551616 }\n", 112, 1, 25),
    ("CMP-10", "budget: { tokensPerDay: -1 }\n", 112, 1, 25),
    ("CMP-10", "budget: { tokensPerDay: 1e400 }\n", 108, 1, 25),
    ("CMP-10", "budget: { tokensPerDay: 0x10 }\n", 108, 1, 25),
    ("CMP-10", "agents: { lead: { egress: [{ host: example.org, reason: a, ports: [0] }] } }\n", 310, 1, 68),
    ("CMP-10", "agents: { lead: { egress: [{ host: example.org, reason: a, ports: [65536] }] } }\n", 112, 1, 68),
    ("CMP-10", "agents: { lead: { egress: [{ host: example.org, reason: a, ports: [443.5] }] } }\n", 108, 1, 68),
    ("CMP-10", "agents: { lead: { respond: { mode: auto, timeout: P99999Y } } }\n", 111, 1, 51),
    ("CMP-10", "agents: { lead: { respond: { mode: auto, timeout: 99999999d } } }\n", 111, 1, 51),
    ("CMP-13", "include: [../../etc/passwd]\n", 116, 1, 11),
    ("CMP-13", "include: [/etc/passwd]\n", 116, 1, 11),
    ("CMP-13", "include: [a/../../b]\n", 116, 1, 11),
    ("CMP-13", "include: ['C:\\x']\n", 116, 1, 11),
    ("CMP-13", "include: [//x]\n", 116, 1, 11),
    ("CMP-13", "include: ['%2e%2e/x']\n", 116, 1, 11),
    ("CMP-13", "include: [\"a\\0b\"]\n", 116, 1, 11),
    ("CMP-13", "include: ['file:///etc/passwd']\n", 116, 1, 11),
    ("CMP-13", "include: ['https://example.org/team.yaml']\n", 116, 1, 11),
    ("CMP-13", "agents: { lead: { persona: { file: ../lead.md } } }\n", 116, 1, 36),
    ("CMP-13", "include: [missing.yaml]\n", 115, 1, 11),
    ("CMP-15", "include: [scenario.yaml]\n", 117, 1, 11),
    ("CMP-18", "agents: { lead: { role: \"a\u{202e}b\" } }\n", 114, 1, 27),
    ("CMP-18", "agents: { lead: {} } # a\u{e0041}\n", 114, 1, 25),
    ("CMP-18", "agents: { \"le\u{200b}ad\": {} }\n", 111, 1, 11),
    ("CMP-18", "agents: { lead: { egress: [{ host: \"a\u{2066}.example.org\", reason: a }] } }\n", 111, 1, 36),
    ("CMP-19", "agents: { lead: { egress: [{ host: \u{430}pi.github.com, reason: a }] } }\n", 111, 1, 36),
    ("CMP-19", "agents: { lead: { egress: [{ host: p\u{430}ypal.com, reason: a }] } }\n", 111, 1, 36),
    ("CMP-19", "agents: { lead: { egress: [{ host: xn--example-.org, reason: a }] } }\n", 111, 1, 36),
    ("CMP-21", "# AKIAIOSFODNN7EXAMPLE\n", 119, 1, 3),
    ("CMP-21", "# ghp_0123456789abcdefghijklmnopqrstuvwxyz\n", 119, 1, 3),
    ("CMP-21", "agents: { lead: { role: sk-proj-0123456789abcdefghij } }\n", 119, 1, 25),
    ("CMP-21", "# eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N\n", 119, 1, 3),
    ("CMP-21", "# -----BEGIN RSA PRIVATE KEY-----\n# MIIEpAIBAAKCAQEA\n# -----END RSA PRIVATE KEY-----\n", 119, 1, 3),
    ("CMP-21", "# LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQpNSUlFcEFJQkFBS0NBUUVB\n", 119, 1, 3),
    ("CMP-21", "agents: { lead: { env: [{ name: A, value: \"password=hunter22\" }] } }\n", 119, 1, 53),
    ("CMP-31", "agents: { lead: { egres: [] } }\n", 106, 1, 19),
    ("CMP-31", "agents: { lead: { Egress: [] } }\n", 106, 1, 19),
    ("CMP-31", "kind: Scenaro\n", 109, 1, 7),
    ("CMP-31", "kind: KarsSandbox\n", 109, 1, 7),
    ("CMP-31", "apiVersion: kars.azure.com/v1alpha1\n", 109, 1, 13),
    ("CMP-31", "agents: { lead: { isolation: Standard } }\n", 109, 1, 30),
    ("CMP-33", "agents: { aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: {} }\n", 111, 1, 11),
    ("CMP-33", "agents: { Lead: {} }\n", 111, 1, 11),
    ("CMP-33", "agents: { le_ad: {} }\n", 111, 1, 11),
    ("CMP-33", "agents: { lead-: {} }\n", 111, 1, 11),
    ("CMP-33", "agents: { le--ad: {} }\n", 111, 1, 11),
    ("CMP-33", "agents: { l\u{e9}ad: {} }\n", 111, 1, 11),
    ("CMP-33", "agents: { mesh: {} }\n", 203, 1, 11),
    (
        "CMP-33",
        "metadata: { name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa }\nagents: { bbbbbbbbbbbbbbbbb: {} }\n",
        204,
        2,
        11,
    ),
    ("CMP-37", "agents: { lead: { egress: [{ host: 169.254.169.254, reason: a }] } }\n", 111, 1, 36),
    ("CMP-37", "agents: { lead: { egress: [{ host: 10.0.0.0/8, reason: a }] } }\n", 111, 1, 36),
    ("CMP-37", "agents: { lead: { egress: [{ host: \"[::1]\", reason: a }] } }\n", 111, 1, 36),
    ("CMP-37", "agents: { lead: { egress: [{ host: \"2852039166\", reason: a }] } }\n", 111, 1, 36),
    ("CMP-37", "agents: { lead: { egress: [{ host: localhost, reason: a }] } }\n", 111, 1, 36),
    ("CMP-37", "agents: { lead: { egress: [{ host: metadata.google.internal, reason: a }] } }\n", 111, 1, 36),
    ("CMP-37", "agents: { lead: { egress: [{ host: kubernetes.default.svc, reason: a }] } }\n", 111, 1, 36),
    ("CMP-37", "agents: { lead: { egress: [{ host: a.svc.cluster.local, reason: a }] } }\n", 111, 1, 36),
    ("CMP-37", "agents: { lead: { egress: [{ host: \"*.com\", reason: a }] } }\n", 111, 1, 36),
    ("CMP-38", "agents: { lead: { learn: { until: 2026-02-29T00:00:00Z } } }\n", 111, 1, 35),
    ("CMP-38", "agents: { lead: { learn: { until: 2026-12-01T00:00:00 } } }\n", 111, 1, 35),
    ("CMP-38", "agents: { lead: { learn: { until: 2026-12-01T00:00:00+01:00 } } }\n", 111, 1, 35),
    ("CMP-38", "agents: { lead: { learn: { until: 10000-01-01T00:00:00Z } } }\n", 111, 1, 35),
    ("CMP-38", "agents: { lead: { learn: { until: 2026-12-01 } } }\n", 110, 1, 35),
    ("CMP-38", "agents: { lead: { learn: { until: 2020-01-01T00:00:00Z } } }\n", 309, 1, 35),
];

/// The diagnostic of a code, with its place.
fn find<'f>(found: &'f Found, sources: &Sources, code: u16) -> Option<(&'f Diagnostic, String)> {
    let diagnostic = found.diagnostics().iter().find(|diagnostic| diagnostic.code == Code(code))?;
    let span = diagnostic.primary.span;
    let Position { line, column } = sources.position(span);
    Some((diagnostic, format!("{}:{line}:{column}", sources.get(span.file).path)))
}

/// Why what was found is not what a row expects.
fn mismatch(files: &Memory, code: u16, place: &str) -> Option<String> {
    let (found, sources) = diagnose(files, "kind");
    let shown = human(&found, &sources, Style::Plain, "");
    let Some((diagnostic, at)) = find(&found, &sources, code) else {
        return Some(format!("no K{code:04} in:\n{shown}"));
    };
    let silent = diagnostic.help.is_none() && diagnostic.primary.text.is_empty() && diagnostic.related.is_empty();
    let raw = shown
        .chars()
        .any(|letter| matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0000}'..='\u{e007f}'));
    match (at == place, silent, raw) {
        (false, ..) => Some(format!("K{code:04} is at {at}, not {place}")),
        (_, true, _) => Some("neither reason nor remedy".to_owned()),
        (.., true) => Some("a hidden character is printed as it is".to_owned()),
        _ => None,
    }
}

#[test]
fn every_row_is_refused_at_its_place() {
    let wrong: Vec<String> = ROWS
        .iter()
        .filter_map(|(row, text, code, line, column)| {
            let files = Memory::default().with("scenario.yaml", completed(text));
            let why = mismatch(&files, *code, &format!("scenario.yaml:{line}:{column}"))?;
            Some(format!("{row} {text:?}: {why}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Files that are too deep, too long or too many, and bytes that are no text.
#[test]
fn hostile_sizes_and_bytes_are_refused() {
    let scenario = |bytes: Vec<u8>| Memory::default().with("scenario.yaml", bytes);
    let flow = "[".repeat(10_000);
    let maps = "{a: ".repeat(10_000);
    let block: String = (0..200).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    let items = format!("agents: [{}]\n", "a,".repeat(200_000));
    let fields: String = (0..50_000).map(|number| format!("f{number}: a\n")).collect();
    let wide: String = (0..=10_000).map(|number| format!("  a{number}: {{}}\n")).collect();
    let line = format!("agents: {{ lead: {{ role: \"{}\", rol: a }} }}\n", "x".repeat(1 << 20));
    let rows = [
        ("CMP-05", scenario(flow.into_bytes()), 104, "scenario.yaml:1:256"),
        ("CMP-05", scenario(maps.into_bytes()), 104, "scenario.yaml:1:1021"),
        ("CMP-05", scenario(block.into_bytes()), 104, "scenario.yaml:65:65"),
        ("CMP-06", scenario(b"agents: \xff\n".to_vec()), 105, "scenario.yaml:1:9"),
        ("CMP-06", scenario(b"\xff\xfea\0g\0".to_vec()), 105, "scenario.yaml:1:1"),
        ("CMP-11", scenario(vec![b'#'; (8 << 20) + 1]), 104, "scenario.yaml:1:1"),
        ("CMP-11", scenario(items.into_bytes()), 108, "scenario.yaml:1:9"),
        ("CMP-11", scenario(completed(&fields).into_bytes()), 106, "scenario.yaml:1:1"),
        ("CMP-11", scenario(completed(&format!("agents:\n{wide}")).into_bytes()), 104, "scenario.yaml:10005:19"),
        ("CMP-11", scenario(completed(&line).into_bytes()), 106, "scenario.yaml:1:1048605"),
        ("CMP-11", scenario("# -----BEGIN ".repeat(60_000).into_bytes()), 101, "scenario.yaml:1:1"),
        ("CMP-21", scenario("# -----BEGIN PRIVATE KEY ".repeat(40_000).into_bytes()), 119, "scenario.yaml:1:3"),
        ("CMP-21", scenario(format!("# {}", "eyJ.".repeat(200_000)).into_bytes()), 119, "scenario.yaml:1:3"),
        ("CMP-21", scenario(format!("# {}", "password:".repeat(100_000)).into_bytes()), 119, "scenario.yaml:1:12"),
        ("CMP-18", scenario(format!("# {}", "\u{200b}".repeat(200_000)).into_bytes()), 114, "scenario.yaml:1:3"),
        ("CMP-11", many_files(), 104, "scenario.yaml:1:1"),
        ("CMP-15", chain(1_000), 104, "f31.yaml:1:11"),
    ];
    for (row, files, code, place) in rows {
        assert_eq!(mismatch(&files, code, place), None, "{row}");
    }
}

/// 100,000 included files.
fn many_files() -> Memory {
    let names: String = (0..100_000).map(|number| format!("f{number}.yaml,")).collect();
    let scenario = Memory::default().with("scenario.yaml", completed(&format!("include: [{names}]\n")));
    (0..100_000).fold(scenario, |files, number| files.with(&format!("f{number}.yaml"), "{}\n"))
}

/// Files that include the next one each.
fn chain(length: usize) -> Memory {
    let scenario = Memory::default().with("scenario.yaml", completed("include: [f1.yaml]\n"));
    (1..length).fold(scenario, |files, number| {
        files.with(&format!("f{number}.yaml"), format!("include: [f{}.yaml]\n", number + 1))
    })
}

/// What looks like trouble and is none.
#[test]
fn what_means_no_harm_is_accepted() {
    let plain = |text: &str| Memory::default().with("scenario.yaml", completed(text));
    let diamond = plain("include: [a.yaml, b.yaml]\n")
        .with("a.yaml", "include: [c.yaml]\n")
        .with("b.yaml", "include: [c.yaml]\n")
        .with("c.yaml", "agents: { writer: {} }\n");
    for (row, files) in [
        ("CMP-06", Memory::default().with("scenario.yaml", format!("\u{feff}{}", completed("")))),
        ("CMP-07", Memory::default().with("scenario.yaml", completed("").replace('\n', "\r\n"))),
        ("CMP-15", diamond),
        ("CMP-16", plain("agents: { lead: { role: \"a\\n  hostNetwork: true\\n#\" } }\n")),
        ("CMP-16", plain("agents: { lead: { role: \"{{ x }} ${y} $(z) - : # ---\" } }\n")),
        ("CMP-19", plain("agents: { lead: { egress: [{ host: xn--bcher-kva.example, reason: a }] } }\n")),
        ("CMP-19", plain("agents: { lead: { egress: [{ host: API.GitHub.com., reason: a }] } }\n")),
        ("CMP-21", plain("# the password: required for login, never written down\n")),
    ] {
        let (found, sources) = diagnose(&files, "kind");
        assert_eq!(human(&found, &sources, Style::Plain, ""), "", "{row}");
    }
}

/// A secret is shown by its first four characters, and in no format more of it.
#[test]
fn secrets_are_masked_in_every_output() {
    let files =
        Memory::default().with("scenario.yaml", completed("agents: { lead: { role: AKIAIOSFODNN7EXAMPLE } }\n"));
    let (found, sources) = diagnose(&files, "kind");
    assert!(found.diagnostics().iter().any(|diagnostic| diagnostic.severity == Severity::Error));
    for format in karsc_core::report::Format::ALL {
        let printed = karsc_core::report::print(&found, &sources, format, Style::Plain, "");
        assert!(printed.contains("AKIA") && !printed.contains("AKIAI"), "{printed}");
    }
}
