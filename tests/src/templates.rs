//! What is written is what is meant: texts full of the syntax of YAML, JSON, `.env` and of templates come out of every
//! rendered file as they went in. Each scenario is built twice, with harmless words and with hostile ones; read back by
//! the parser of each file's syntax, the two may differ in those words alone. Not here: what files hold; golden trees do.

mod dotenv;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use karsc_core::compile;
use karsc_core::parse::Input;
use karsc_core::report::{Style, human};
use proptest::prelude::*;
use serde_json::Value;

use crate::support::{Collected, Memory, as_of};

/// Stand for the hostile texts in the harmless build.
const WORDS: &str = "harmless-words";
const PERSONA: &str = "harmless persona";

const SCENARIO: &str = r#"
apiVersion: karsc.dev/v1alpha1
kind: Scenario
metadata: { name: hostile }
models:
  main: { provider: azure-foundry, deployment: gpt-5.4, endpoint: "https://contoso.services.ai.azure.com/api/projects/brief", credential: { secret: model-credentials, key: API_KEY } }
  chat: { provider: azure-foundry, deployment: gpt-4.1, endpoint: "https://contoso.services.ai.azure.com/api/projects/brief", credential: { secret: model-credentials, key: API_KEY } }
mcpServers:
  deepwiki: { url: "https://mcp.deepwiki.com/mcp", tools: [ask_question] }
defaults:
  model: main
  tools: ["kars.mesh.*", kars.notes.keep_note]
  mcp: [deepwiki]
  budget: { tokensPerDay: 100000, tokensPerRequest: 60000 }
  respond: { mode: auto, timeout: 5m }
agents:
  old: { role: <words>, persona: { file: persona.md }, runtime: { kind: hermes, version: 0.15.2 } }
  new: { role: <words>, persona: { file: persona.md }, runtime: { kind: hermes, version: 0.19.0 }, model: chat }
  claw: { role: <words>, persona: { file: persona.md }, runtime: { kind: openclaw } }
  own:
    role: <words>
    persona: { file: persona.md }
    runtime: { kind: langgraph, code: { image: "registry.example/own@sha256:0ac850dd3c9ac384b781361f0e17a7e084c90b4e5d6ca3baa7d4d55b7bb5a032", command: [python] } }
  mirror: { role: <words>, persona: { file: persona.md }, runtime: { kind: mirror } }
links:
  - { from: old, to: [new, claw, own, mirror], replies: true }
"#;

const TOOLS: &str = r"
apiVersion: karsc.dev/v1alpha1
kind: ToolCatalog
provider: kars
tools:
  - id: kars.notes.keep_note
    toolset: notes
    description: <words>
    labels: []
    enforced: router
    call: { method: POST, path: /egress/fetch, body: { url: url }, timeoutSeconds: 60 }
    args:
      url: { type: string, required: true, enum: [<words>, other], description: <words> }
";

/// A runtime that writes all it is told, in every syntax and in places where a slip would show.
const RUNTIME: &str = r#"
apiVersion: karsc.dev/v1alpha1
kind: Runtime
metadata: { name: mirror, description: "Writes what it is told." }
image: python
command: [python, -m, mirror]
files:
  - { template: all.yaml.j2, path: /sandbox/.mirror/all.yaml, syntax: yaml }
  - { template: all.json.j2, path: /sandbox/.mirror/all.json, syntax: json }
  - { template: all.env.j2, path: /sandbox/.mirror/.env, syntax: env }
  - { template: all.txt.j2, path: /sandbox/.mirror/all.txt, syntax: text }
prompt: { port: 8700, path: /v1/chat/completions, protocol: chat-completions }
loopbackPorts: [8700]
dialects: [responses, chat-completions]
capabilities: { persona: true, mcp: true, memory: true, respond: true, spawn: true, code: none, channels: [], tools: none }
resources: { requests: { cpu: 100m, memory: 128Mi }, limits: { cpu: "1", memory: 1Gi } }
stateDirs: [/sandbox/incoming]
"#;

const TEMPLATES: [(&str, &str); 4] = [
    (
        "all.yaml.j2",
        "role: {{ role }}\n{{ role }}: a key\nlist:\n  - {{ persona }}\n  - deep: {{ peers }} # after\n  - [{{ role }}, {{ persona }}]\ntools: {{ tools }}\nlast: {{ agent }}\n",
    ),
    (
        "all.json.j2",
        "{ \"role\": {{ role }}, {{ role ~ '.' }}: [{{ persona }}, {{ peers }}], \"tools\": {{ tools }}, \"last\": {{ agent }} }\n",
    ),
    ("all.env.j2", "# All.\nROLE={{ role }}\nPERSONA={{ persona }}\nBOTH={{ role ~ persona }}\nLAST={{ agent }}\n"),
    ("all.txt.j2", "{{ role }}\n{{ persona }}\n{{ agent }}\n"),
];

fn folder(words: &str, persona: &str) -> Memory {
    let filled = |text: &str| text.replace("<words>", &in_yaml(words));
    let files = Memory::default()
        .with("scenario.yaml", filled(SCENARIO))
        .with("persona.md", persona)
        .with("catalog/tools/notes.yaml", filled(TOOLS))
        .with("catalog/runtimes/mirror/runtime.yaml", RUNTIME);
    TEMPLATES.iter().fold(files, |files, (name, text)| files.with(&format!("catalog/runtimes/mirror/{name}"), *text))
}

/// A text as a scenario writes it: in double quotes, with everything but printable ASCII escaped.
fn in_yaml(text: &str) -> String {
    let escaped = text.chars().map(|letter| match letter {
        '"' | '\\' => format!("\\{letter}"),
        ' '..='~' => letter.to_string(),
        _ => format!("\\U{:08x}", u32::from(letter)),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

/// Files by agent and name.
type Rendered = BTreeMap<(String, String), Value>;

static HARMLESS: LazyLock<Rendered> = LazyLock::new(|| rendered(WORDS, PERSONA));

/// Every rendered file, read by the parser of its syntax.
fn rendered(words: &str, persona: &str) -> Rendered {
    let input = Input { scenario: "scenario.yaml".to_owned(), evaluated: None, environment: "kind".to_owned() };
    let output = Collected::default();
    let compilation = compile(&input, as_of(), &folder(words, persona), &output).unwrap();
    let printed = human(&compilation.found, &compilation.sources, Style::Plain, "");
    assert!(compilation.bundle.is_some(), "{words:?} {persona:?}\n{printed}");
    let mut files = BTreeMap::new();
    for (path, bytes) in output.files() {
        let Some(agent) = path.strip_prefix("agents/").and_then(|path| path.strip_suffix("/34-runtime-files.yaml"))
        else {
            continue;
        };
        let map: Value = serde_saphyr::from_str(std::str::from_utf8(&bytes).unwrap()).unwrap();
        for (name, text) in map["data"].as_object().unwrap() {
            files.insert((agent.to_owned(), name.clone()), read(name, text.as_str().unwrap()));
        }
    }
    files
}

fn read(name: &str, text: &str) -> Value {
    let ending = name.rsplit(['.', '-']).next().unwrap();
    match ending {
        "yaml" => serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}")),
        "json" => serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}")),
        "env" => dotenv::read(text),
        _ => Value::String(text.to_owned()),
    }
}

/// The harmless file with the hostile texts put in after it was read.
fn meant(value: &Value, words: &str, persona: &str) -> Value {
    let text = |text: &str| text.replace(WORDS, words).replace(PERSONA, persona);
    match value {
        Value::String(harmless) => Value::String(text(harmless)),
        Value::Array(items) => items.iter().map(|item| meant(item, words, persona)).collect(),
        Value::Object(entries) => {
            Value::Object(entries.iter().map(|(key, item)| (text(key), meant(item, words, persona))).collect())
        }
        other => other.clone(),
    }
}

/// Pieces of the syntaxes that a text could break out into.
const FRAGMENTS: [&str; 54] = [
    "\"",
    "'",
    "\\",
    "\n",
    "\t",
    ": ",
    " #",
    "# ",
    "---\n",
    "\n---\n",
    "...\n",
    "{{ role }}",
    "{% raw %}",
    "{#",
    "}}",
    "- ",
    "? ",
    "!!str ",
    "&a ",
    "*a ",
    "<<: ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "|",
    ">",
    "%",
    "@",
    "no",
    "null",
    "0x1f",
    "1e3",
    "~",
    "$HOME",
    "${HOME}",
    "$(id)",
    "\\n",
    "\\'",
    "=",
    "\nEXTRA=1",
    "\u{85}",
    "\u{7f}",
    "\u{a0}",
    "\u{2028}",
    "\u{2029}",
    "\u{fffd}",
    "\u{1f980}",
    "é",
    "\u{301}",
    "</script>",
    "\"}, \"",
    "'; ",
];

fn hostile() -> impl Strategy<Value = String> {
    let fragment = prop_oneof![prop::sample::select(&FRAGMENTS[..]).prop_map(str::to_owned), "\\PC{0,4}",];
    prop::collection::vec(fragment, 0..8).prop_map(|fragments| format!("x{}", fragments.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn what_is_written_is_what_is_meant(words in hostile(), persona in hostile()) {
        let written = rendered(&words, &persona);
        prop_assert_eq!(HARMLESS.keys().collect::<Vec<_>>(), written.keys().collect::<Vec<_>>());
        for (file, value) in &*HARMLESS {
            prop_assert_eq!(&meant(value, &words, &persona), &written[file], "{:?}", file);
        }
    }
}

/// Without this the property could hold over nothing.
#[test]
fn the_texts_reach_every_syntax() {
    let holding = |ending: &str, text: &str| {
        HARMLESS.iter().filter(|((_, name), value)| name.ends_with(ending) && value.to_string().contains(text)).count()
    };
    for ending in ["yaml", "json", "env", "txt", "md"] {
        assert!(holding(ending, WORDS) > 0 && holding(ending, PERSONA) > 0, "no `{ending}` holds both texts");
    }
    assert!(holding("tools.json", WORDS) >= 3, "no plugin is told of the tool");
}
