//! Bytes to text: encoding, line ends, characters nobody sees, and secrets. Not here: YAML.

use kars_scenario::codes;
use kars_scenario::diagnostic::{Diagnostic, Found};
use kars_scenario::span::{FileId, Span};

use crate::sources::{Room, Source, Sources};

/// The largest file.
pub(super) const LARGEST_FILE: usize = 8 << 20;

/// Turns the bytes of a file into text and keeps it. Nothing comes back where they are not text.
pub(crate) fn keep(path: &str, bytes: Vec<u8>, sources: &mut Sources, found: &mut Found) -> Option<FileId> {
    if bytes.len() > LARGEST_FILE {
        let file = keep_text(path, String::new(), sources);
        found.lose(
            Diagnostic::error(codes::LIMIT, start_of(file), format!("`{path}` is larger than 8 MiB"))
                .help("split it into several files and `include` them"),
        );
        return None;
    }
    match sources.room(bytes.len()) {
        Room::Enough => {}
        Room::NoMore => {
            found.lose(
                Diagnostic::error(codes::LIMIT, Span::default(), format!("with `{path}` the scenario is too large"))
                    .label("a scenario has at most 64 MiB in at most 40,000 files")
                    .help("split it into several scenarios"),
            );
            return None;
        }
        Room::Full => return None,
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            return not_text(path, text, at, "is not UTF-8", sources, found);
        }
    };
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    if let Some(at) = text.find('\0') {
        return not_text(path, text, at, "is a zero byte", sources, found);
    }
    let file = keep_text(path, text.replace("\r\n", "\n").replace('\r', "\n"), sources);
    note_hidden(file, sources, found);
    super::secret::note_secrets(file, sources, found);
    Some(file)
}

fn keep_text(path: &str, text: String, sources: &mut Sources) -> FileId {
    sources.add(Source { path: path.to_owned(), text, evaluated: false })
}

fn start_of(file: FileId) -> Span {
    Span { file, start: 0, end: 0 }
}

fn not_text(
    path: &str,
    text: String,
    at: usize,
    why: &str,
    sources: &mut Sources,
    found: &mut Found,
) -> Option<FileId> {
    let file = keep_text(path, text, sources);
    let place = u32::try_from(at).expect("files are limited to 8 MiB");
    let span = Span { file, start: place, end: place };
    found.lose(
        Diagnostic::error(codes::ENCODING, span, format!("the byte at offset {at} {why}"))
            .help("save the file as UTF-8"),
    );
    None
}

/// Characters that change how text looks without being seen: bidi controls, zero-width characters, tag characters.
pub(crate) fn is_hidden(letter: char) -> bool {
    matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// How many hidden characters of one file are shown: a file full of them says no more than its first.
const MOST_NOTED: usize = 20;

fn note_hidden(file: FileId, sources: &Sources, found: &mut Found) {
    let text = &sources.get(file).text;
    if text.is_ascii() {
        return;
    }
    for (at, letter) in text.char_indices().filter(|(_, letter)| is_hidden(*letter)).take(MOST_NOTED) {
        let start = u32::try_from(at).expect("files are limited to 8 MiB");
        let end = start + u32::try_from(letter.len_utf8()).expect("at most four");
        found.push(
            Diagnostic::warning(
                codes::HIDDEN_CHARACTER,
                Span { file, start, end },
                format!("the character U+{:04X} is not seen", u32::from(letter)),
            )
            .help("remove it: it can make text look like something else"),
        );
    }
}
