//! Every page is the test of its rule: its examples are compiled, and what they print must be what the page shows.
//! `UPDATE=1` writes what is printed into the page.
//!
//! A block is opened by three backticks and words:
//! `yaml rejected` and `yaml accepted` are scenarios (`-e NAME` picks the environment; what a scenario needs and the block
//! does not say is appended from [`BASE`], so that line numbers stay right, and for `-e aks` come the files of [`AKS`]); `text` after a rejected block is what is
//! printed; `yaml file=PATH` and `text file=PATH` before a scenario are further files of its folder.

use std::collections::BTreeMap;

use kars_scenario::diagnostic::Severity;
use karsc_core::check::pages;
use karsc_core::report::{Style, human};

use crate::support::{Memory, diagnose, root};

/// What every scenario has, by top-level key.
const BASE: &[(&str, &str)] = &[
    ("apiVersion", "apiVersion: karsc.dev/v1alpha1\n"),
    ("kind", "kind: Scenario\n"),
    ("metadata", "metadata: { name: example }\n"),
    (
        "models",
        "models:\n  main: { provider: azure-foundry, deployment: gpt-5.4, endpoint: \"https://contoso.services.ai.azure.com/api/projects/brief\", credential: { secret: model-credentials, key: API_KEY } }\n",
    ),
    ("defaults", "defaults: { runtime: { kind: hermes }, model: main, budget: { tokensPerDay: 1000000 } }\n"),
    ("agents", "agents: { lead: {} }\n"),
];

/// What the folder of every scenario has for `-e aks`, so that it breaks no rule of production.
const AKS: &[(&str, &str)] = &[
    (
        "environments/aks.yaml",
        "apiVersion: karsc.dev/v1alpha1\nkind: Environment\nmetadata: { name: aks }\nbase: aks\nsecrets: { bind: { model-credentials: [\"*.services.ai.azure.com\"] } }\n",
    ),
    (
        "karsc.lock",
        "apiVersion: karsc.dev/v1alpha1\nkind: Lock\nimages:\n  registry.example/kars/router:0.1.0: sha256:0000000000000000000000000000000000000000000000000000000000000001\n  registry.example/kars/relay:0.1.0: sha256:0000000000000000000000000000000000000000000000000000000000000002\n  registry.example/kars/hermes:0.15.2: sha256:0000000000000000000000000000000000000000000000000000000000000003\n",
    ),
];

pub(crate) struct Block {
    pub(crate) words: String,
    pub(crate) text: String,
}

/// Splits a page into blocks and the text between them.
pub(crate) fn blocks(page: &str) -> Vec<Result<Block, String>> {
    let mut parts = Vec::new();
    let mut prose = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(words) = line.strip_prefix("```") else {
            prose.push_str(line);
            prose.push('\n');
            continue;
        };
        parts.push(Err(std::mem::take(&mut prose)));
        let text: String = lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
        parts.push(Ok(Block { words: words.to_owned(), text }));
    }
    parts.push(Err(prose));
    parts
}

pub(crate) fn completed(text: &str) -> String {
    let written = |key: &str| text.lines().any(|line| line.starts_with(&format!("{key}:")));
    let base: String = BASE.iter().filter(|(key, _)| !written(key)).map(|(_, text)| *text).collect();
    format!("{text}{base}")
}

/// What compiling a block prints. Warnings of other codes are other pages' matter.
fn printed(page: pages::Page, block: &Block, files: &Memory) -> String {
    let environment = block.words.split_whitespace().skip_while(|word| *word != "-e").nth(1).unwrap_or("kind");
    let mut files = files.clone().with("scenario.yaml", completed(&block.text));
    for (path, text) in AKS.iter().filter(|_| environment == "aks") {
        if !files.0.contains_key(*path) {
            files = files.with(path, *text);
        }
    }
    let (mut found, sources) = diagnose(&files, environment);
    found.retain(|diagnostic| diagnostic.severity == Severity::Error || diagnostic.code == page.code);
    human(&found, &sources, Style::Plain, "")
}

#[test]
fn pages_show_what_their_rules_print() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut failures = Vec::new();
    let mut seen = BTreeMap::new();
    for page in pages::all() {
        if let Some(other) = seen.insert(page.code, page.file) {
            failures.push(format!("{} has two pages: {other} and {}", page.code, page.file));
        }
        if !page.file.starts_with(&format!("k{:04}_", page.code.0)) || !page.file.replace('_', "-").ends_with(page.name)
        {
            failures.push(format!(
                "{}: the file is named after code and rule: k{:04}_{}",
                page.file,
                page.code.0,
                page.name.replace('-', "_")
            ));
        }
        let rewritten = run(page, &mut failures);
        if update && rewritten != page.text {
            let path = root().join(format!("compiler/core/src/check/rules/{}.md", page.file));
            std::fs::write(path, rewritten).unwrap();
        }
    }
    assert!(
        update || failures.is_empty(),
        "{}\n\n{} failures; `just bless` rewrites what pages show",
        failures.join("\n\n"),
        failures.len()
    );
}

/// Runs the examples of one page, and returns it with what they print.
fn run(page: pages::Page, failures: &mut Vec<String>) -> String {
    let mut files = Memory::default();
    let mut expected = None;
    let mut rewritten = String::new();
    let mut rejected = 0;
    for part in blocks(page.text) {
        let block = match part {
            Err(prose) => {
                rewritten.push_str(&prose);
                continue;
            }
            Ok(block) => block,
        };
        let mut text = block.text.clone();
        if let Some(path) = block.words.split_whitespace().find_map(|word| word.strip_prefix("file=")) {
            files = files.with(path, block.text.clone());
        } else if block.words.starts_with("yaml accepted") {
            let got = printed(page, &block, &std::mem::take(&mut files));
            if !got.is_empty() {
                failures.push(format!("{}: an accepted example is not:\n{got}", page.file));
            }
        } else if block.words.starts_with("yaml rejected") {
            rejected += 1;
            let got = printed(page, &block, &std::mem::take(&mut files));
            if !got.contains(&format!("[{}]", page.code)) {
                failures.push(format!("{}: a rejected example does not print {}:\n{got}", page.file, page.code));
            }
            expected = Some(got);
        } else if block.words == "text" {
            let got = expected.take().map(|got| format!("{}\n", got.trim_end())).unwrap_or_default();
            if got != block.text {
                failures.push(format!("{}: expected\n{}\ngot\n{got}", page.file, block.text));
            }
            text = got;
        }
        rewritten.push_str(&format!("```{}\n{text}```\n", block.words));
    }
    if rejected == 0 && !page.text.contains("\nSeen only ") {
        failures.push(format!(
            "{}: no example is rejected; say `Seen only …` where none can be shown in a scenario",
            page.file
        ));
    }
    rewritten
}
