//! Diagnostics for people: the lines they are about, what is wrong there, and what to do.

use std::collections::BTreeSet;

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

/// How many bytes of files are shown. Only hostile files have longer lines, and printing them takes time.
const MOST_BYTES: usize = 4 << 20;

/// Prints everything, and how many there were of each.
pub fn human(found: &Found, sources: &Sources, style: Style, folder: &str) -> String {
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Coloured => Renderer::styled(),
    }
    .decor_style(DecorStyle::Ascii);
    let mut printed = String::new();
    let (mut bytes, mut hidden) = (0, found.dropped());
    for diagnostic in found.diagnostics() {
        let windows = windows(diagnostic, sources);
        bytes += windows.iter().map(|window| window.text.len()).sum::<usize>();
        if bytes > MOST_BYTES && !printed.is_empty() {
            hidden += 1;
            continue;
        }
        printed.push_str(&one(diagnostic, &windows, sources, &renderer, folder));
        printed.push_str("\n\n");
    }
    if hidden > 0 {
        printed.push_str(&format!("{hidden} more are not shown\n\n"));
    }
    printed
}

/// The files that a diagnostic is about, the one with its primary place first.
fn windows(diagnostic: &Diagnostic, sources: &Sources) -> Vec<Window> {
    let mut seen = BTreeSet::new();
    let files = labels(diagnostic).map(|(label, _)| label.span.file).filter(|file| seen.insert(*file));
    files.map(|file| Window::of(file, diagnostic, sources)).collect()
}

fn one(diagnostic: &Diagnostic, windows: &[Window], sources: &Sources, renderer: &Renderer, folder: &str) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let code = diagnostic.code.to_string();
    let message = visible(&diagnostic.message);
    let title = level.primary_title(message.as_str()).id(code.as_str());
    let paths: Vec<_> = windows.iter().map(|window| path_of(folder, &sources.get(window.file).path)).collect();
    let mut group = Group::with_title(title);
    for (window, path) in windows.iter().zip(&paths) {
        let text = window.text.as_str();
        let mut snippet = Snippet::source(text).path(path.as_str()).line_start(window.line).fold(true);
        for (label, kind) in labels(diagnostic) {
            if label.span.file == window.file {
                snippet = snippet.annotation(annotation(label, kind, window));
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

/// The lines of a file that a diagnostic is about, from its first label to its last.
struct Window {
    file: FileId,
    text: String,
    /// The byte of the file that the text starts at, and the number of that line.
    start: usize,
    line: usize,
}

impl Window {
    /// What nobody sees is made visible, byte for byte as long. An evaluated file is shown as its fields' paths.
    fn of(file: FileId, diagnostic: &Diagnostic, sources: &Sources) -> Self {
        let source = sources.get(file);
        if source.evaluated {
            let text = crate::parse::field_path(&source.text, diagnostic.primary.span);
            return Self { file, text, start: 0, line: 1 };
        }
        let spans = || labels(diagnostic).map(|(label, _)| label.span).filter(|span| span.file == file);
        let first = spans().map(|span| span.start as usize).min().unwrap_or_default().min(source.text.len());
        let last = spans().map(|span| span.start as usize).max().unwrap_or_default().min(source.text.len());
        let (line, start) = sources.line_of(file, first);
        let (_, last_line) = sources.line_of(file, last);
        let end = source.text[last_line..].find('\n').map_or(source.text.len(), |length| last_line + length);
        let text = &source.text[start..end];
        let text = if text.is_ascii() { text.to_owned() } else { text.chars().map(shown).collect() };
        Self { file, text, start, line }
    }
}

fn shown(letter: char) -> String {
    if is_hidden(letter) { "?".repeat(letter.len_utf8()) } else { letter.to_string() }
}

/// A label on the first line of its span, so that a long map is not underlined whole.
fn annotation<'t>(label: &'t Label, kind: AnnotationKind, window: &Window) -> annotate_snippets::Annotation<'t> {
    let text = &window.text;
    let start = (label.span.start as usize).saturating_sub(window.start).min(text.len());
    let end = (label.span.end as usize).saturating_sub(window.start).clamp(start, text.len());
    let first_line = text[start..end].find('\n').map_or(end, |at| start + at);
    let annotation = kind.span(start..first_line);
    if label.text.is_empty() { annotation } else { annotation.label(visible(&label.text)) }
}

/// Text with control and hidden characters escaped, so that a terminal shows what is there.
pub(super) fn visible(text: &str) -> String {
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
