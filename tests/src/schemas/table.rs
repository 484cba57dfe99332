//! Snippets on which schema and parser must agree: what an editor calls wrong, the build refuses, and nothing else.
//! Not here: what depends on how a value is spelt (`1e3`, an unquoted `no`), since a schema sees values alone.

use kars_scenario::diagnostic::{Code, Found};
use karsc_core::parse::{Input, parse, policy_tests};
use karsc_core::sources::Sources;

use super::{json, validator};
use crate::support::{Memory, diagnose};

/// What becomes of a snippet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Verdict {
    Accepted,
    Refused,
    /// The parser reads it, and the rule of this code refuses it: the schema may say so earlier.
    Rule(u16),
}
use Verdict::{Accepted, Refused, Rule};

/// What every scenario has, by top-level key, unless the snippet says it itself.
const BASE: [(&str, &str); 6] = [
    ("apiVersion", "apiVersion: karsc.dev/v1alpha1\n"),
    ("kind", "kind: Scenario\n"),
    ("metadata", "metadata: { name: example }\n"),
    (
        "models",
        "models:\n  main: { provider: azure-foundry, deployment: gpt-5.4, endpoint: \"https://contoso.services.ai.azure.com/api/projects/brief\", credential: { secret: model-credentials, key: API_KEY } }\n",
    ),
    ("defaults", "defaults: { runtime: { kind: hermes }, model: main }\n"),
    ("agents", "agents: { lead: {} }\n"),
];

const SCENARIOS: [(&str, Verdict); 58] = [
    ("", Accepted),
    ("apiVersion: karsc.dev/v1\n", Refused),
    ("kind: Environment\n", Refused),
    ("metadata: {}\n", Refused),
    ("metadata: { name: Example }\n", Refused),
    ("metadata: { name: a--b }\n", Refused),
    ("metadata: { name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa }\n", Accepted),
    ("metadata: { name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa }\n", Refused),
    ("metadata: { name: a, owner: b }\n", Refused),
    ("metadata: { name: a, description: null }\n", Refused),
    ("agents: {}\n", Rule(212)),
    ("agents: { lead: null }\n", Refused),
    ("agents: { Lead: {} }\n", Refused),
    ("agents: [lead]\n", Refused),
    ("agents: { lead: { model: null } }\n", Refused),
    ("agents: { lead: { modle: main } }\n", Refused),
    ("agents: { lead: { isolation: standard } }\n", Accepted),
    ("agents: { lead: { isolation: strict } }\n", Refused),
    ("agents: { lead: { isolation: Standard } }\n", Refused),
    ("agents: { lead: { replicas: 0 } }\n", Accepted),
    ("agents: { lead: { replicas: -1 } }\n", Refused),
    ("agents: { lead: { replicas: 2 } }\n", Rule(213)),
    ("agents: { lead: { tools: [hermes.file.*] } }\n", Accepted),
    ("agents: { lead: { tools: [\"hermes.*\"] } }\n", Refused),
    ("agents: { lead: { tools: hermes.file.patch } }\n", Refused),
    ("agents: { lead: { respond: { mode: auto, timeout: 20m } } }\n", Accepted),
    ("agents: { lead: { respond: { mode: auto, timeout: 20 } } }\n", Refused),
    ("agents: { lead: { respond: { mode: auto, timeout: 0m } } }\n", Refused),
    ("agents: { lead: { respond: { timeout: 20m } } }\n", Refused),
    ("agents: { lead: { egress: [{ host: example.org, reason: a }] } }\n", Accepted),
    ("agents: { lead: { egress: [{ host: \"**.example.org\", reason: a, ports: [443, 8443] }] } }\n", Accepted),
    ("agents: { lead: { egress: [{ host: example.org }] } }\n", Refused),
    ("agents: { lead: { egress: [{ host: \"a.*.example.org\", reason: a }] } }\n", Refused),
    ("agents: { lead: { egress: [{ host: localhost, reason: a }] } }\n", Refused),
    ("agents: { lead: { egress: [{ host: 10.0.0.1, reason: a }] } }\n", Refused),
    ("agents: { lead: { egress: [{ host: db.svc, reason: a }] } }\n", Refused),
    ("agents: { lead: { egress: [{ host: example.org, reason: \" \" }] } }\n", Rule(306)),
    ("agents: { lead: { egress: [{ host: example.org, reason: a, ports: [0] }] } }\n", Rule(310)),
    ("agents: { lead: { egress: [{ host: example.org, reason: a, ports: [65536] }] } }\n", Refused),
    ("agents: { lead: { egress: [{ host: example.org, reason: a, until: 2099-01-31T00:00:00Z }] } }\n", Accepted),
    ("agents: { lead: { egress: [{ host: example.org, reason: a, until: 2099-01-31 }] } }\n", Refused),
    ("agents: { lead: { egress: [{ preset: pypi }] } }\n", Accepted),
    ("agents: { lead: { egress: [{ preset: pypi, host: example.org, reason: a }] } }\n", Refused),
    ("agents: { lead: { env: [{ name: LOG_LEVEL, value: debug }] } }\n", Accepted),
    ("agents: { lead: { env: [{ name: 1_LEVEL, value: debug }] } }\n", Refused),
    ("agents: { lead: { env: [{ name: LOG_LEVEL, value: 1 }] } }\n", Refused),
    ("agents: { lead: { resources: { limits: { cpu: 500m, memory: 512Mi } } } }\n", Accepted),
    ("agents: { lead: { resources: { limits: { memory: 512MB } } } }\n", Refused),
    ("agents: { lead: { produces: [{ path: a.png, type: png, width: 10, maxSize: 4096 }] } }\n", Accepted),
    ("agents: { lead: { produces: [{ path: a.png, type: gif }] } }\n", Refused),
    ("rules: { house: [{ allow: hermes.file.*, when: { args: { path: { under: /sandbox } } } }] }\n", Accepted),
    ("rules: { house: [{ allow: hermes.file.*, deny: hermes.file.* }] }\n", Refused),
    ("rules: { house: [{ limit: hermes.file.*, calls: 0, per: 1m }] }\n", Rule(616)),
    ("rules: { house: [{ limit: hermes.file.*, calls: 1 }] }\n", Refused),
    ("rules: { house: [{ deny: hermes.file.*, when: { args: { path: { prefix: a, max: 1 } } } }] }\n", Rule(612)),
    ("rules: { house: [{}] }\n", Refused),
    ("mcpServers: { docs: { url: docs.example.org, tools: [a] } }\nagents: { lead: { mcp: [docs] } }\n", Rule(311)),
    ("links: [{ from: lead, to: lead }]\n", Refused),
];

/// Forms of a model, in place of `main`.
const MODELS: [(&str, Verdict); 11] = [
    ("credential: { managedIdentity: {} }", Accepted),
    (
        "credential: { workloadIdentity: { clientId: 00000000-0000-0000-0000-000000000000, tenantId: 00000000-0000-0000-0000-000000000000 } }",
        Accepted,
    ),
    ("credential: { workloadIdentity: { clientId: me, tenantId: 00000000-0000-0000-0000-000000000000 } }", Refused),
    ("credential: { workloadIdentity: { clientId: 00000000-0000-0000-0000-000000000000 } }", Refused),
    ("credential: { workloadIdentity: { clientId: 00000000-0000-0000-0000-000000000000, tenantId: common } }", Refused),
    ("credential: { secret: a, key: b, managedIdentity: {} }", Refused),
    ("credential: { secret: a }", Refused),
    ("credential: {}", Refused),
    ("credential: { managedIdentity: {} }, fallback: auto", Accepted),
    ("credential: { managedIdentity: {} }, fallback: none", Refused),
    ("credential: { managedIdentity: {} }, safety: { hate: no-limit }", Refused),
];

/// Other files: the name of the schema, where the file lies, and its text without `apiVersion`.
const OTHERS: [(&str, &str, &str, Verdict); 25] = [
    ("environment", "environments/x.yaml", "kind: Environment\nmetadata: { name: x }\nbase: kind\n", Accepted),
    ("environment", "environments/x.yaml", "kind: Environment\nmetadata: { name: x }\nprofile: test\n", Refused),
    (
        "environment",
        "environments/x.yaml",
        "kind: Environment\nmetadata: { name: x }\ncluster: { version: 1.34 }\n",
        Refused,
    ),
    (
        "environment",
        "environments/x.yaml",
        "kind: Environment\nmetadata: { name: x }\nbase: kind\ncluster: { dns: 10.0.0.10 }\n",
        Accepted,
    ),
    (
        "environment",
        "environments/x.yaml",
        "kind: Environment\nmetadata: { name: x }\ncluster: { dns: 10.0.0.256 }\n",
        Refused,
    ),
    (
        "environment",
        "environments/x.yaml",
        "kind: Environment\nmetadata: { name: x }\ncluster: { serviceCidr: 10.0.0.0/33 }\n",
        Refused,
    ),
    (
        "environment",
        "environments/x.yaml",
        "kind: Environment\nmetadata: { name: x }\nbase: kind\ncluster: { ipFamilies: [IPv4, IPv6], serviceCidr: \"fd00::/8\" }\n",
        Accepted,
    ),
    (
        "environment",
        "environments/x.yaml",
        "kind: Environment\nmetadata: { name: x }\nbase: kind\npatches: [{ target: { kind: Service }, patch: { metadata: { annotations: { a: null } } } }]\n",
        Accepted,
    ),
    ("environment", "environments/x.yaml", "kind: Environment\nmetadata: { name: x }\nmesh: {}\n", Refused),
    (
        "environment",
        "environments/x.yaml",
        "kind: Environment\nmetadata: { name: x }\nbase: kind\ndelivery: { engine: none }\n",
        Accepted,
    ),
    (
        "environment",
        "environments/x.yaml",
        "kind: Environment\nmetadata: { name: x }\ntrust: { threshold: 256, keys: [] }\n",
        Refused,
    ),
    ("lock", "karsc.lock", "kind: Lock\n", Accepted),
    ("lock", "karsc.lock", "kind: Lock\nimages: { \"a:1\": \"sha256:12\" }\n", Refused),
    (
        "preset",
        "catalog/presets/x.yaml",
        "kind: Preset\nmetadata: { name: x }\negress: [{ host: example.org, reason: a }]\n",
        Accepted,
    ),
    ("preset", "catalog/presets/x.yaml", "kind: Preset\nmetadata: { name: x }\negress: [{ preset: pypi }]\n", Refused),
    (
        "tools",
        "catalog/tools/x.yaml",
        "kind: ToolCatalog\nprovider: x\ntools: [{ id: x.set.tool, toolset: set, description: a, enforced: router }]\n",
        Accepted,
    ),
    (
        "tools",
        "catalog/tools/x.yaml",
        "kind: ToolCatalog\nprovider: x\ntools: [{ id: x.set, toolset: set, description: a, enforced: router }]\n",
        Refused,
    ),
    ("tests", "tests/x.yaml", "expectations: [{ agent: a, egress: \"example.org:443\", expect: deny }]\n", Accepted),
    ("tests", "tests/x.yaml", "expectations: [{ agent: a, egress: example.org, expect: deny }]\n", Refused),
    ("tests", "tests/x.yaml", "expectations: [{ agent: a, tool: x.y.z, args: { n: 1 }, expect: allow }]\n", Accepted),
    ("tests", "tests/x.yaml", "expectations: [{ agent: a, tool: x.y.z, mesh: b, expect: allow }]\n", Refused),
    ("tests", "tests/x.yaml", "expectations: [{ agent: a, mesh: b, args: { n: 1 }, expect: allow }]\n", Refused),
    ("tests", "tests/x.yaml", "expectations: [{ agent: a, mcp: b/c, args: { n: 1 }, expect: allow }]\n", Accepted),
    ("tests", "tests/x.yaml", "expectations: [{ agent: a, expect: allow }]\n", Refused),
    ("tests", "tests/x.yaml", "expectations: [{ agent: a, mcp: docs/read, expect: maybe }]\n", Refused),
];

fn completed(text: &str) -> String {
    let written = |key: &str| text.lines().any(|line| line.starts_with(&format!("{key}:")));
    let base: String = BASE.iter().filter(|(key, _)| !written(key)).map(|(_, text)| *text).collect();
    format!("{text}{base}")
}

/// What the parser and the rules say to a file among the others of a scenario.
fn verdict(files: &Memory, path: &str, expected: Verdict) -> Verdict {
    let environment = if path.starts_with("environments/") { "x" } else { "kind" };
    if let Rule(code) = expected {
        let (found, _) = diagnose(files, environment);
        let refused = found.diagnostics().iter().any(|diagnostic| diagnostic.code == Code(code));
        return if refused { expected } else { Accepted };
    }
    let (mut found, mut sources) = (Found::default(), Sources::default());
    if path.starts_with("tests/") {
        policy_tests(path, files, &mut sources, &mut found);
    } else {
        let input =
            Input { scenario: "scenario.yaml".to_owned(), evaluated: None, environment: environment.to_owned() };
        parse(&input, files, &mut sources, &mut found);
    }
    // The codes of shapes; what a file refers to is another matter.
    let shape = |code: Code| (Code(101)..=Code(114)).contains(&code);
    if found.diagnostics().iter().any(|diagnostic| shape(diagnostic.code)) { Refused } else { Accepted }
}

#[test]
fn schema_and_parser_agree() {
    let scenarios = SCENARIOS.iter().map(|(text, verdict)| ("scenario", "scenario.yaml", completed(text), *verdict));
    let models = MODELS.iter().map(|(form, verdict)| {
        let text = format!("models:\n  main: {{ provider: openai, deployment: gpt-5, {form} }}\n");
        ("scenario", "scenario.yaml", completed(&text), *verdict)
    });
    let others = OTHERS.iter().map(|(name, path, text, verdict)| {
        let version = if *name == "tests" { "" } else { "apiVersion: karsc.dev/v1alpha1\n" };
        (*name, *path, format!("{version}{text}"), *verdict)
    });
    let mut failures = Vec::new();
    for (name, path, text, expected) in scenarios.chain(models).chain(others) {
        let files = Memory::default().with("scenario.yaml", completed("")).with(path, text.clone());
        let parsed = verdict(&files, path, expected);
        let fits = validator(name).is_valid(&json(&text));
        if parsed != expected || fits != (expected == Accepted) {
            let fits = if fits { "fits" } else { "does not fit" };
            failures
                .push(format!("{name}: expected {expected:?}, the parser says {parsed:?}, the schema: {fits}\n{text}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
