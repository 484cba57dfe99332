//! Includes: further files whose entries become part of the scenario. Merging is done on nodes, so that every value keeps
//! the place it was written at. Not here: what the entries mean.

use std::collections::BTreeSet;

use kars_scenario::codes;
use kars_scenario::diagnostic::{Diagnostic, Found};
use kars_scenario::node::{Node, Value};
use kars_scenario::span::{FileId, Span, Spanned};
use kars_scenario::suggest::did_you_mean;

use super::{node_of, path, text};
use crate::sources::{Files, Sources};

/// What an included file may hold: maps that merge, and lists that grow.
const MAPS: [&str; 6] = ["agents", "channels", "mcpServers", "memories", "models", "rules"];
const LISTS: [&str; 2] = ["exceptions", "links"];
/// How deep includes may be nested.
const DEEPEST: usize = 32;

struct Merging<'a> {
    files: &'a dyn Files,
    sources: &'a mut Sources,
    found: &'a mut Found,
    /// The files being read, outermost first, with the place that names each.
    chain: Vec<(FileId, Span)>,
    done: BTreeSet<FileId>,
}

/// The scenario of a file with all it includes.
pub(super) fn merged(
    file: FileId,
    mut root: Node,
    files: &dyn Files,
    sources: &mut Sources,
    found: &mut Found,
) -> Node {
    let chain = vec![(file, Span { file, start: 0, end: 0 })];
    let mut merging = Merging { files, sources, found, chain, done: BTreeSet::from([file]) };
    for name in included(&root) {
        merging.include(&name, &mut root);
    }
    root
}

/// The paths under `include`. A value of another shape is reported when the scenario is decoded.
fn included(node: &Node) -> Vec<Spanned<String>> {
    let Some(Node { value: Value::List(items), .. }) = node.get("include") else { return Vec::new() };
    items.iter().filter_map(|item| Some(Spanned::new(item.text()?.to_owned(), item.span))).collect()
}

impl Merging<'_> {
    fn include(&mut self, name: &Spanned<String>, root: &mut Node) {
        let Some(file) = self.open(name) else { return };
        if let Some(at) = self.chain.iter().position(|(open, _)| *open == file) {
            let names: Vec<_> =
                self.chain[at..].iter().map(|(file, _)| format!("`{}`", self.sources.get(*file).path)).collect();
            let mut diagnostic = Diagnostic::error(codes::INCLUDE_CYCLE, name.span, "files include each other")
                .label(format!("{} includes `{}` again", names.join(" includes "), name.value))
                .help("remove one of the includes");
            for (_, place) in &self.chain[at + 1..] {
                diagnostic = diagnostic.because(*place, "included here");
            }
            return self.found.lose(diagnostic);
        }
        if self.done.contains(&file) {
            return;
        }
        if self.chain.len() >= DEEPEST {
            return self.found.lose(
                Diagnostic::error(codes::LIMIT, name.span, format!("includes are nested deeper than {DEEPEST} files"))
                    .help("include the file from the scenario itself"),
            );
        }
        self.done.insert(file);
        let Some(node) = node_of(file, self.sources, self.found) else { return };
        self.chain.push((file, name.span));
        for inner in included(&node) {
            self.include(&inner, root);
        }
        self.chain.pop();
        merge(node, root, self.found);
    }

    fn open(&mut self, name: &Spanned<String>) -> Option<FileId> {
        let path = match path::inside(&name.value) {
            Ok(path) => path,
            Err(error) => {
                self.found.lose(
                    Diagnostic::error(
                        codes::OUTSIDE_FOLDER,
                        name.span,
                        format!("`{}` is not a path inside the folder", name.value),
                    )
                    .label(error.to_string()),
                );
                return None;
            }
        };
        if let Some(known) = self.sources.find(path) {
            return Some(known);
        }
        match self.files.read(path) {
            Ok(bytes) => text::keep(path, bytes, self.sources, self.found),
            Err(error) => {
                self.found.lose(
                    Diagnostic::error(codes::UNREADABLE_FILE, name.span, format!("`{path}` cannot be read"))
                        .label(error.to_string()),
                );
                None
            }
        }
    }
}

/// Adds the entries of an included file to the scenario.
fn merge(node: Node, root: &mut Node, found: &mut Found) {
    let Value::Map(entries) = node.value else {
        return found.lose(Diagnostic::error(codes::WRONG_TYPE, node.span, "an included file is a map"));
    };
    for (key, value) in entries {
        match key.value.as_str() {
            "include" => {}
            name if MAPS.contains(&name) || LISTS.contains(&name) => merge_entry(key, value, root, found),
            other => {
                let known = MAPS.into_iter().chain(LISTS).chain(["include"]);
                let help =
                    did_you_mean(other, known).unwrap_or_else(|| "move it to the scenario's own file".to_owned());
                found.push(
                    Diagnostic::error(
                        codes::UNKNOWN_FIELD,
                        key.span,
                        format!("`{other}` cannot stand in an included file"),
                    )
                    .help(help),
                );
            }
        }
    }
}

fn merge_entry(key: Spanned<String>, value: Node, root: &mut Node, found: &mut Found) {
    let Value::Map(entries) = &mut root.value else { return };
    let Some((_, existing)) = entries.iter_mut().find(|(name, _)| name.value == key.value) else {
        return entries.push((key, value));
    };
    match (&mut existing.value, value.value) {
        (Value::List(items), Value::List(more)) => items.extend(more),
        (Value::Map(entries), Value::Map(more)) => {
            let mut known: std::collections::BTreeMap<String, Span> =
                entries.iter().map(|(name, _)| (name.value.clone(), name.span)).collect();
            for (name, value) in more {
                if let Some(first) = known.get(&name.value) {
                    let message = format!("`{}.{}` is written in two files", key.value, name.value);
                    found.lose(
                        Diagnostic::error(codes::DOUBLE_ENTRY, name.span, message)
                            .because(*first, "first written here")
                            .help("keep one of them"),
                    );
                } else {
                    known.insert(name.value.clone(), name.span);
                    entries.push((name, value));
                }
            }
        }
        (_, other) => {
            let wanted = if LISTS.contains(&key.value.as_str()) { "a list" } else { "a map" };
            found.lose(kars_scenario::decode::wrong_type(&Node { span: value.span, value: other }, wanted));
        }
    }
}
