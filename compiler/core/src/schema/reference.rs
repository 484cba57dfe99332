//! The reference of scenarios and environments as Markdown: every field with type, default and meaning. Not here: guides.

use serde_json::Value;

use super::explain::range;
use super::json::all;
use super::walk::{Field, Part};

/// The pages, by file name.
pub fn pages() -> Vec<(String, String)> {
    let intro = [
        (
            "scenario",
            "Scenario",
            "Which agents there are and what each may do. `examples/scenarios/` holds whole ones.",
        ),
        (
            "environment",
            "Environment",
            "The facts of one target. `examples/scenarios/*/environments/` holds whole ones.",
        ),
    ];
    let schemas = all();
    let schema = |name: &str| &schemas.iter().find(|schema| schema.name == name).expect("both are always made").schema;
    intro.into_iter().map(|(name, title, about)| (format!("{name}.md"), page(title, about, schema(name)))).collect()
}

fn page(title: &str, about: &str, root: &Value) -> String {
    let mut text = format!(
        "# {title}\n\n{about}\n`karsc explain FIELD` prints the same for one field, and `karsc schema` the JSON Schema that editors take.\n\
         This file is made from the types that read it (`just bless`).\n"
    );
    let mut queue = std::collections::VecDeque::from([(String::new(), Part::of(root))]);
    let mut shown: Vec<(String, String)> = Vec::new();
    while let Some((path, part)) = queue.pop_front() {
        let fields = part.fields();
        if fields.is_empty() {
            continue;
        }
        if let Some(definition) = part.definition() {
            if let Some((_, first)) = shown.iter().find(|(name, _)| name == definition) {
                text.push_str(&format!("\n## `{path}`\n\nAs [`{first}`](#{}).\n", anchor(first)));
                continue;
            }
            shown.push((definition.to_owned(), path.clone()));
        }
        text.push_str(&section(&path, part, &fields));
        for field in fields {
            let dot = if path.is_empty() { "" } else { "." };
            queue.push_back(innermost(format!("{path}{dot}{}", field.name), field.part));
        }
    }
    text
}

/// Goes through lists and maps to the value inside.
fn innermost(mut path: String, mut part: Part<'_>) -> (String, Part<'_>) {
    loop {
        if let Some(items) = part.items() {
            path.push_str("[]");
            part = items;
        } else if let Some(entries) = part.entries() {
            path.push_str(".*");
            part = entries;
        } else {
            return (path, part);
        }
    }
}

fn section(path: &str, part: Part<'_>, fields: &[Field<'_>]) -> String {
    let head = if path.is_empty() { "## Top level".to_owned() } else { format!("## `{path}`") };
    let mut text = format!("\n{head}\n\n{}\n\n{}", part.about(), forms(part));
    text.push_str("| field | type | default | meaning |\n|---|---|---|---|\n");
    for field in fields {
        text.push_str(&row(field));
    }
    text
}

/// The forms of a union, each by the fields that make it.
fn forms(part: Part<'_>) -> String {
    let form = |fields: &Vec<Field<'_>>| {
        let required = fields.iter().filter(|field| field.required).map(|field| field.name);
        format!("`{{ {} }}`", required.collect::<Vec<_>>().join(", "))
    };
    match part.records() {
        records if records.len() < 2 => String::new(),
        records => format!("Exactly one form: {}.\n\n", records.iter().map(form).collect::<Vec<_>>().join(", ")),
    }
}

fn row(Field { name, required, part }: &Field<'_>) -> String {
    let default = match part.default() {
        _ if *required => "**required**".to_owned(),
        Some(default) if !matches!(default.as_str(), "[]" | "{}") => format!("`{default}`"),
        _ => String::new(),
    };
    let bounds = part.bounds().map_or_else(String::new, |(least, most)| format!(", {}", range(least, most)));
    let words: Vec<String> = part
        .words()
        .iter()
        .filter(|(_, about)| !about.is_empty())
        .map(|(word, about)| format!("`{word}`: {about}"))
        .collect();
    let meaning = std::iter::once(part.about().to_owned()).chain(words).collect::<Vec<_>>().join("<br>");
    format!("| `{name}` | {}{bounds} | {default} | {} |\n", cell(&part.kind()), cell(&meaning))
}

/// Text that stays inside its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// The anchor that renderers give a heading.
fn anchor(heading: &str) -> String {
    heading.to_lowercase().chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_')).collect()
}
