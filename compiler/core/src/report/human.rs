//! Diagnostics for people: the lines they are about, what is wrong there, and what to do.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use kars_scenario::diagnostic::{Diagnostic, Found, Label, Severity};
use kars_scenario::span::FileId;

use super::path_of;
use crate::parse::is_hidden;
use crate::sources::Sources;

/// Whether colours are used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    Plain,
    Coloured,
}

/// Prints everything, and how many there were of each.
pub fn human(found: &Found, sources: &Sources, style: Style, folder: &str) -> String {
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Coloured => Renderer::styled(),
    }
    .decor_style(DecorStyle::Ascii);
    let mut printed = String::new();
    for diagnostic in found.diagnostics() {
        printed.push_str(&one(diagnostic, sources, &renderer, folder));
        printed.push_str("\n\n");
    }
    printed
}

fn one(diagnostic: &Diagnostic, sources: &Sources, renderer: &Renderer, folder: &str) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let code = diagnostic.code.to_string();
    let message = visible(&diagnostic.message);
    let title = level.primary_title(message.as_str()).id(code.as_str());
    let mut files: Vec<FileId> = vec![diagnostic.primary.span.file];
    files.extend(diagnostic.related.iter().map(|label| label.span.file));
    files.dedup();
    let texts: Vec<_> = files
        .iter()
        .map(|file| (*file, shown_text(*file, diagnostic, sources), path_of(folder, &sources.get(*file).path)))
        .collect();
    let mut group = Group::with_title(title);
    for (file, text, path) in &texts {
        let mut snippet = Snippet::source(text.as_str()).path(path.as_str()).fold(true);
        for (label, kind) in labels(diagnostic) {
            if label.span.file == *file {
                snippet = snippet.annotation(annotation(label, kind, text));
            }
        }
        group = group.element(snippet);
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(visible(help)));
    }
    renderer.render(&[group])
}

fn labels(diagnostic: &Diagnostic) -> impl Iterator<Item = (&Label, AnnotationKind)> {
    let related = diagnostic.related.iter().map(|label| (label, AnnotationKind::Context));
    std::iter::once((&diagnostic.primary, AnnotationKind::Primary)).chain(related)
}

/// The text of a file with what nobody sees made visible, byte for byte as long. An evaluated file is shown as its fields' paths.
fn shown_text(file: FileId, diagnostic: &Diagnostic, sources: &Sources) -> String {
    let source = sources.get(file);
    if source.evaluated {
        return crate::parse::field_path(&source.text, diagnostic.primary.span);
    }
    if source.text.is_ascii() {
        return source.text.clone();
    }
    source
        .text
        .chars()
        .map(|letter| if is_hidden(letter) { "?".repeat(letter.len_utf8()) } else { letter.to_string() })
        .collect()
}

/// A label on the first line of its span, so that a long map is not underlined whole.
fn annotation<'t>(label: &'t Label, kind: AnnotationKind, text: &str) -> annotate_snippets::Annotation<'t> {
    let start = (label.span.start as usize).min(text.len());
    let end = (label.span.end as usize).clamp(start, text.len());
    let first_line = text[start..end].find('\n').map_or(end, |at| start + at);
    let annotation = kind.span(start..first_line);
    if label.text.is_empty() { annotation } else { annotation.label(visible(&label.text)) }
}

/// Text with control and hidden characters escaped, so that a terminal shows what is there.
fn visible(text: &str) -> String {
    text.chars()
        .map(|letter| {
            if letter.is_control() || is_hidden(letter) {
                letter.escape_default().to_string()
            } else {
                letter.to_string()
            }
        })
        .collect()
}
