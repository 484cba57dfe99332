//! The first stage: files to typed values with places; every fault of every file is collected. Not here: what names refer to.

mod environment;
mod include;
mod path;
mod secret;
pub(crate) mod text;
pub(crate) use text::is_hidden;
mod texts;
mod yaml;

use kars_scenario::codes;
use kars_scenario::decode::Decode;
use kars_scenario::diagnostic::{Diagnostic, Found};
use kars_scenario::environment::Environment;
use kars_scenario::lock::Lock;
use kars_scenario::node::{Node, Value};
use kars_scenario::policy_test::PolicyTests;
use kars_scenario::scenario::Scenario;
use kars_scenario::span::{FileId, Span};

use crate::catalog::{self, Catalog};
use crate::sources::{Evaluation, Files, Source, Sources, Unreadable};

pub use texts::Texts;

/// The file that a lock is kept in.
pub const LOCK_FILE: &str = "karsc.lock";

/// How many agents a scenario may have.
const MOST_AGENTS: usize = 10_000;

/// What is to be compiled.
#[derive(Clone, Debug)]
pub struct Input {
    /// The scenario's file, from the scenario's folder.
    pub scenario: String,
    /// What an evaluator made of the scenario's file, where it is written in another language than YAML.
    pub evaluated: Option<Evaluated>,
    /// The environment's name.
    pub environment: String,
}

/// What an evaluator made of a scenario's file.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// A JSON object of `scenario` and perhaps `environment`.
    pub json: String,
    /// What it was made from, and by what.
    pub evaluation: Evaluation,
}

/// All that was written, read.
#[derive(Debug)]
pub struct Parsed {
    pub scenario: Scenario,
    pub environment: Environment,
    pub lock: Option<(FileId, Lock)>,
    pub catalog: Catalog,
    pub texts: Texts,
}

/// Reads all files that a scenario needs.
pub fn parse(input: &Input, files: &dyn Files, sources: &mut Sources, found: &mut Found) -> Option<Parsed> {
    let (scenario, evaluated_environment) = scenario_node(input, files, sources, found)?;
    let scenario = Scenario::decode(&scenario, found);
    let environment = environment::read(&input.environment, evaluated_environment, files, sources, found);
    let lock = lock(files, sources, found);
    let catalog = catalog::read(files, sources, found);
    let (scenario, environment) = (scenario?, environment?);
    if scenario.agents.0.len() > MOST_AGENTS {
        let message = format!("{} agents are too many for one scenario", scenario.agents.0.len());
        found.lose(
            Diagnostic::error(codes::LIMIT, scenario.metadata.name.span, message)
                .help(format!("split it: a scenario has at most {MOST_AGENTS} agents")),
        );
    }
    let texts = texts::read(&scenario, &environment, files, sources, found);
    Some(Parsed { scenario, environment, lock, catalog, texts })
}

/// What a platform bundle needs.
pub(crate) struct ParsedPlatform {
    pub(crate) environment: Environment,
    pub(crate) lock: Option<(FileId, Lock)>,
    pub(crate) texts: Texts,
}

/// Reads an environment, the lock and its keys, without a scenario.
pub(crate) fn parse_environment(
    name: &str,
    files: &dyn Files,
    sources: &mut Sources,
    found: &mut Found,
) -> Option<ParsedPlatform> {
    let environment = environment::read(name, None, files, sources, found)?;
    let lock = lock(files, sources, found);
    let mut texts = Texts::default();
    texts.read_environment(&environment, files, sources, found);
    (!found.lost()).then_some(ParsedPlatform { environment, lock, texts })
}

/// Whether a file beside a scenario is YAML, by its name.
pub(crate) fn is_yaml(path: &str) -> bool {
    matches!(path.rsplit_once('.'), Some((_, "yaml" | "yml")))
}

/// Reads one file of policy tests.
pub fn policy_tests(path: &str, files: &dyn Files, sources: &mut Sources, found: &mut Found) -> Option<PolicyTests> {
    let file = read_file(path, files, sources, found)?;
    let node = node_of(file, sources, found)?;
    PolicyTests::decode(&node, found)
}

/// The scenario with its includes merged in, and the environment where an evaluator made one.
fn scenario_node(
    input: &Input,
    files: &dyn Files,
    sources: &mut Sources,
    found: &mut Found,
) -> Option<(Node, Option<Node>)> {
    let Some(Evaluated { json, evaluation }) = &input.evaluated else {
        let file = read_file(&input.scenario, files, sources, found)?;
        let root = node_of(file, sources, found)?;
        return Some((include::merged(file, root, files, sources, found), None));
    };
    sources.evaluation = Some(evaluation.clone());
    let file = sources.add(Source { path: input.scenario.clone(), text: json.clone(), evaluated: true });
    secret::note_secrets(file, sources, found);
    let node = node_of(file, sources, found)?;
    let Value::Map(entries) = node.value else { unreachable!("the evaluator returns an object") };
    let mut scenario = None;
    let mut environment = None;
    for (key, value) in entries {
        match key.value.as_str() {
            "scenario" => scenario = Some(value),
            "environment" => environment = Some(value),
            _ => {}
        }
    }
    if scenario.is_none() {
        let help = "assign the document to a top-level variable `scenario`";
        found.lose(
            Diagnostic::error(codes::KCL, Span { file, start: 0, end: 0 }, "the file has no `scenario`").help(help),
        );
    }
    scenario.map(|scenario| (include::merged(file, scenario, files, sources, found), environment))
}

pub(crate) fn lock(files: &dyn Files, sources: &mut Sources, found: &mut Found) -> Option<(FileId, Lock)> {
    if files.read(LOCK_FILE) == Err(Unreadable::Missing) {
        return None;
    }
    let file = read_file(LOCK_FILE, files, sources, found)?;
    let node = node_of(file, sources, found)?;
    Lock::decode(&node, found).map(|lock| (file, lock))
}

/// Reads a file that the compiler names itself; a reference to a file goes through [`texts`] or [`include`].
pub(crate) fn read_file(path: &str, files: &dyn Files, sources: &mut Sources, found: &mut Found) -> Option<FileId> {
    match files.read(path) {
        Ok(bytes) => text::keep(path, bytes, sources, found),
        Err(error) => {
            let file = sources.add(Source { path: path.to_owned(), text: String::new(), evaluated: false });
            let span = Span { file, start: 0, end: 0 };
            found.lose(
                Diagnostic::error(codes::UNREADABLE_FILE, span, format!("`{path}` cannot be read"))
                    .label(error.to_string()),
            );
            None
        }
    }
}

/// The tree of a file that was read.
pub(crate) fn node_of(file: FileId, sources: &Sources, found: &mut Found) -> Option<Node> {
    yaml::read(file, &sources.get(file).text, found)
}

/// The path of the innermost field that covers a span: `scenario.agents.analyst.egress[0].host`.
pub(crate) fn field_path(text: &str, span: Span) -> String {
    let mut ignored = Found::default();
    let Some(root) = yaml::read(span.file, text, &mut ignored) else { return "scenario".to_owned() };
    let mut path = String::new();
    let mut node = &root;
    loop {
        let covers = |inner: &Span| inner.start <= span.start && span.end <= inner.end;
        let step = match &node.value {
            Value::Scalar { .. } => None,
            Value::List(items) => items
                .iter()
                .enumerate()
                .find(|(_, item)| covers(&item.span))
                .map(|(at, item)| (format!("[{at}]"), item)),
            Value::Map(entries) => {
                entries.iter().find(|(key, value)| covers(&key.span) || covers(&value.span)).map(|(key, value)| {
                    (if path.is_empty() { key.value.clone() } else { format!(".{}", key.value) }, value)
                })
            }
        };
        let Some((part, inner)) = step else { return path };
        path.push_str(&part);
        node = inner;
    }
}
