//! YAML to nodes: events of the YAML parser become a tree with places, and what the language does not have is refused.
//! Not here: types.

use std::collections::BTreeMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, Span as Marks};
use kars_scenario::codes;
use kars_scenario::diagnostic::{Diagnostic, Found};
use kars_scenario::node::{Node, Value};
use kars_scenario::span::{FileId, Span, Spanned};

/// How deep lists and maps may be nested.
const DEEPEST: usize = 64;

/// Reads one document. Nothing comes back where its shape could not be made out.
pub(crate) fn read(file: FileId, text: &str, found: &mut Found) -> Option<Node> {
    let mut options = Options::default();
    options.emit_comments = false;
    options.disallow_directives = true;
    options.emit_unresolved_aliases = true;
    let mut builder = Builder { file, text, open: Vec::new(), root: None, documents: 0 };
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((event, marks)) => builder.take(event, marks, found)?,
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
                let span = builder.span(at, (at + 1).min(text.len()));
                found.lose(not_yaml(span, &error.info()));
                return None;
            }
        }
    }
    if builder.root.is_none() {
        found.lose(
            Diagnostic::error(codes::YAML_SYNTAX, builder.span(0, 0), "the file is empty")
                .help("write a map: `key: value`"),
        );
    }
    builder.root
}

/// What the YAML parser could not read, in its own words.
fn not_yaml(span: Span, why: &str) -> Diagnostic {
    let why = why.to_lowercase();
    if why.contains("recursion limit") {
        return too_deep(span);
    }
    let help = if why.contains("tab") {
        "indent with spaces"
    } else {
        "look for a bracket or quote that is not closed, or for wrong indentation"
    };
    Diagnostic::error(codes::YAML_SYNTAX, span, "this is not YAML").label(why).help(help)
}

fn too_deep(span: Span) -> Diagnostic {
    let message = format!("lists and maps are nested deeper than {DEEPEST} levels");
    Diagnostic::error(codes::LIMIT, span, message).help("the language nests far less: write it flat")
}

/// A list or map that is not complete yet.
struct Open {
    start: usize,
    value: Value,
    /// Where each key of a map is written.
    keys: BTreeMap<String, Span>,
    /// The key whose value comes next.
    key: Option<Spanned<String>>,
}

struct Builder<'t> {
    file: FileId,
    text: &'t str,
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
}

impl Builder<'_> {
    fn span(&self, start: usize, end: usize) -> Span {
        let length = self.text.len();
        let boundary = |at: &usize| self.text.is_char_boundary(*at);
        let start = (0..=start.min(length)).rev().find(boundary).unwrap_or_default();
        let end = (end.min(length).max(start)..=length).find(boundary).unwrap_or(length);
        let byte = |at: usize| u32::try_from(at).expect("files are limited to 8 MiB");
        Span { file: self.file, start: byte(start), end: byte(end) }
    }

    /// The word before a node that starts with a mark: its tag or anchor.
    fn before(&self, node: usize, mark: char) -> Span {
        let start = self.text[..node].rfind(mark).unwrap_or(node);
        let word = self.text[start..].find(|letter: char| letter.is_whitespace() || ",[]{}".contains(letter));
        self.span(start, word.map_or(self.text.len(), |length| start + length))
    }

    fn take(&mut self, event: Event<'_>, marks: Marks, found: &mut Found) -> Option<()> {
        let start = marks.start.byte_offset().unwrap_or(self.text.len());
        let end = marks.end.byte_offset().unwrap_or(self.text.len());
        let span = self.span(start, end);
        if let Some(tag) = event.tag() {
            let message = format!("the tag `{}` is not part of the language", tag.original());
            return refuse(self.before(start, '!'), message, "write the value without a tag", found);
        }
        if event.anchor_id().is_some() {
            let help = "write the value where it is used; what many agents share goes to `defaults`";
            let span = self.before(start, '&');
            let name = &self.text[span.start as usize..span.end as usize];
            return refuse(span, format!("anchors are not part of the language, and `{name}` is one"), help, found);
        }
        match event {
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                let name = &self.text[span.start as usize..span.end as usize];
                let message = format!("aliases are not part of the language, and `{name}` is one");
                refuse(span, message, "write the value here", found)
            }
            Event::DocumentStart(..) => self.start_document(span, found),
            Event::Scalar(text, style, ..) => {
                let plain = style == ScalarStyle::Plain;
                self.complete(Node { span, value: Value::Scalar { text: text.into_owned(), plain } }, found)
            }
            Event::SequenceStart(..) => self.start(start, Value::List(Vec::new()), found),
            Event::MappingStart(..) => self.start(start, Value::Map(Vec::new()), found),
            Event::SequenceEnd | Event::MappingEnd => {
                let Open { start, value, .. } = self.open.pop().expect("the parser closes what it opened");
                self.complete(Node { span: self.span(start, end), value }, found)
            }
            _ => Some(()),
        }
    }

    fn start_document(&mut self, span: Span, found: &mut Found) -> Option<()> {
        self.documents += 1;
        if self.documents > 1 {
            found.lose(
                Diagnostic::error(codes::YAML_SYNTAX, span, "a file holds one document")
                    .help("move the second document to a file of its own"),
            );
            return None;
        }
        Some(())
    }

    fn start(&mut self, start: usize, value: Value, found: &mut Found) -> Option<()> {
        if self.open.len() >= DEEPEST {
            let span = self.span(start, start + 1);
            found.lose(too_deep(span));
            return None;
        }
        self.open.push(Open { start, value, keys: BTreeMap::new(), key: None });
        Some(())
    }

    /// Puts a complete node where it belongs.
    fn complete(&mut self, node: Node, found: &mut Found) -> Option<()> {
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return Some(());
        };
        match (&mut parent.value, parent.key.take()) {
            (Value::List(items), _) => items.push(node),
            (Value::Map(entries), Some(key)) => {
                if let Some(first) = parent.keys.get(&key.value) {
                    found.lose(
                        Diagnostic::error(codes::DUPLICATE_KEY, key.span, format!("`{}` is written twice", key.value))
                            .because(*first, "first written here")
                            .help("keep one of them"),
                    );
                    return Some(());
                }
                parent.keys.insert(key.value.clone(), key.span);
                entries.push((key, node));
            }
            (Value::Map(_), None) => parent.key = Some(key_of(node, found)?),
            (Value::Scalar { .. }, _) => unreachable!("only lists and maps are opened"),
        }
        Some(())
    }
}

fn key_of(node: Node, found: &mut Found) -> Option<Spanned<String>> {
    match node.value {
        Value::Scalar { text, plain } if plain && text == "<<" => {
            let message = "merge keys are not part of the language".to_owned();
            refuse(node.span, message, "write the entries here, or use `defaults` or `include`", found)?;
            None
        }
        Value::Scalar { text, .. } => Some(Spanned::new(text, node.span)),
        Value::List(_) | Value::Map(_) => {
            found.lose(
                Diagnostic::error(codes::WRONG_TYPE, node.span, "a key is text")
                    .help("quote what begins with `[` or `{`"),
            );
            None
        }
    }
}

fn refuse(span: Span, message: String, help: &str, found: &mut Found) -> Option<()> {
    found.lose(Diagnostic::error(codes::REUSED_NODE, span, message).help(help));
    None
}
