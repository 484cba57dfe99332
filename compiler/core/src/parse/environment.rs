//! Environments: a built-in one, a local file, or a local file over a built-in one. Maps are overlaid key by key; lists and
//! scalars are replaced. Not here: what the facts mean.

use kars_scenario::codes;
use kars_scenario::decode::Decode;
use kars_scenario::diagnostic::{Diagnostic, Found};
use kars_scenario::environment::Environment;
use kars_scenario::node::{Node, Value};
use kars_scenario::span::Span;
use kars_scenario::suggest::did_you_mean;

use super::{node_of, path, read_file};
use crate::built_in;
use crate::sources::{Files, Source, Sources, Unreadable};

/// Reads an environment by name.
pub(super) fn read(
    name: &str,
    evaluated: Option<Node>,
    files: &dyn Files,
    sources: &mut Sources,
    found: &mut Found,
) -> Option<Environment> {
    let local = match evaluated {
        Some(node) => Some(node),
        None => local(name, files, sources, found)?,
    };
    let node = match local {
        Some(node) => over_base(name, node, sources, found)?,
        None => built_in_node(name, sources, found).or_else(|| {
            unknown(name, files, sources, found);
            None
        })?,
    };
    let environment = Environment::decode(&node, found)?;
    if environment.metadata.name.as_str() != name {
        found.push(
            Diagnostic::error(
                codes::MALFORMED,
                environment.metadata.name.span,
                format!(
                    "the environment in `environments/{name}.yaml` is called `{}`",
                    environment.metadata.name.value
                ),
            )
            .help(format!("call it `{name}`, or rename the file")),
        );
    }
    Some(environment)
}

/// The node of `environments/<name>.yaml`: outer nothing where it is broken, inner nothing where there is none.
#[expect(clippy::option_option, reason = "broken and absent differ")]
fn local(name: &str, files: &dyn Files, sources: &mut Sources, found: &mut Found) -> Option<Option<Node>> {
    let path = format!("environments/{name}.yaml");
    if path::inside(&path).is_err() || files.read(&path) == Err(Unreadable::Missing) {
        return Some(None);
    }
    let file = read_file(&path, files, sources, found)?;
    node_of(file, sources, found).map(Some)
}

fn over_base(name: &str, node: Node, sources: &mut Sources, found: &mut Found) -> Option<Node> {
    let Some(base) = node.get("base") else {
        if built_in_text(name).is_some() {
            found.lose(
                Diagnostic::error(
                    codes::MISSING_FIELD,
                    node.span,
                    format!("`{name}` is a built-in environment, so a file of that name must say what it starts from"),
                )
                .help(format!("add `base: {name}`")),
            );
            return None;
        }
        return Some(node);
    };
    let (base_name, base_span) = (base.text().unwrap_or_default().to_owned(), base.span);
    let Some(mut below) = built_in_node(&base_name, sources, found) else {
        found.lose(
            Diagnostic::error(codes::UNKNOWN_CHOICE, base_span, format!("`{base_name}` is not a built-in environment"))
                .help(format!("use one of {}", names().join(", "))),
        );
        return None;
    };
    overlay(&mut below, node);
    Some(below)
}

/// Puts one node over another.
fn overlay(below: &mut Node, above: Node) {
    match (&mut below.value, above.value) {
        (Value::Map(entries), Value::Map(more)) => {
            for (key, value) in more {
                match entries.iter_mut().find(|(name, _)| name.value == key.value) {
                    Some((name, existing)) => {
                        *name = key;
                        overlay(existing, value);
                    }
                    None => entries.push((key, value)),
                }
            }
            below.span = above.span;
        }
        (_, value) => *below = Node { span: above.span, value },
    }
}

fn built_in_node(name: &str, sources: &mut Sources, found: &mut Found) -> Option<Node> {
    let text = built_in_text(name)?;
    let path = format!("<built-in>/environments/{name}.yaml");
    let file = sources.add(Source { path, text: text.to_owned(), evaluated: false });
    node_of(file, sources, found)
}

fn built_in_text(name: &str) -> Option<&'static str> {
    built_in::text(&format!("policies/environments/{name}.yaml"))
}

/// The names of the built-in environments.
pub(crate) fn names() -> Vec<String> {
    built_in::under("policies/environments/")
        .filter_map(|(path, _)| path.rsplit('/').next()?.strip_suffix(".yaml"))
        .map(|name| format!("`{name}`"))
        .collect()
}

fn unknown(name: &str, files: &dyn Files, sources: &mut Sources, found: &mut Found) {
    let known: Vec<String> = files
        .list("environments")
        .into_iter()
        .filter_map(|path| Some(path.strip_prefix("environments/")?.strip_suffix(".yaml")?.to_owned()))
        .chain(names().into_iter().map(|name| name.trim_matches('`').to_owned()))
        .collect();
    let help = did_you_mean(name, known.iter().map(String::as_str))
        .unwrap_or_else(|| format!("known here: {}", known.join(", ")));
    let file = sources.add(Source { path: format!("environments/{name}.yaml"), text: String::new(), evaluated: false });
    found.lose(
        Diagnostic::error(
            codes::UNREADABLE_FILE,
            Span { file, start: 0, end: 0 },
            format!("there is no environment `{name}`"),
        )
        .help(help),
    );
}
