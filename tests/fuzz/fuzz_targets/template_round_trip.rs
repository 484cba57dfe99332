//! Role and persona, parted by a zero byte: the files of a runtime hold them as they were, read by the files' own parsers.
#![no_main]

use kars_fuzz::{Folder, compiled};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const SCENARIO: &str = r#"
apiVersion: karsc.dev/v1alpha1
kind: Scenario
metadata: { name: fuzz }
models:
  main: { provider: openai, deployment: gpt-5-mini, credential: { secret: openai, key: OPENAI_API_KEY } }
agents:
  own:
    role: <role>
    persona: { file: persona.md }
    runtime: { kind: langgraph, code: { image: "registry.example/own@sha256:0ac850dd3c9ac384b781361f0e17a7e084c90b4e5d6ca3baa7d4d55b7bb5a032", command: [python] } }
    model: main
"#;

/// The text in double quotes, with everything but letters and digits escaped.
fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|letter| match letter {
        'a'..='z' | 'A'..='Z' | '0'..='9' => letter.to_string(),
        _ => format!("\\U{:08x}", u32::from(letter)),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

fuzz_target!(|text: &str| {
    let (role, persona) = text.split_once('\0').unwrap_or((text, ""));
    let folder =
        Folder::default().with("scenario.yaml", SCENARIO.replace("<role>", &quoted(role))).with("persona.md", persona);
    let Some(files) = compiled(&folder) else { return };
    let map = std::str::from_utf8(&files["agents/own/34-runtime-files.yaml"]).expect("YAML is text");
    let map: Value = serde_saphyr::from_str(map).expect("an object can be read");
    let written = map["data"]["kars-agent.json"].as_str().expect("the runtime has the file");
    let written: Value = serde_json::from_str(written).expect("it is JSON");
    let persona = persona.strip_prefix('\u{feff}').unwrap_or(persona).replace("\r\n", "\n");
    assert_eq!((written["role"].as_str(), written["persona"].as_str()), (Some(role), Some(persona.as_str())));
});
