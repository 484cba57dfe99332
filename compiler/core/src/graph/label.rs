//! Free text as part of a picture. Whatever an author wrote stays text. Not here: the languages of the pictures.

use crate::parse::is_hidden;

/// How many characters of a text are shown.
const LONGEST: usize = 120;

/// Text on one line, without characters that show nothing or turn the writing direction.
pub(super) fn plain(text: &str) -> String {
    let visible = |letter: char| if letter.is_control() || is_hidden(letter) { '\u{fffd}' } else { letter };
    let mut plain: String = text.chars().take(LONGEST).map(visible).collect();
    if text.chars().nth(LONGEST).is_some() {
        plain.push('…');
    }
    plain
}
