//! Putting text into a file as it is on disk: its byte-order mark and line ends stay. Not here: what is put in.

/// A text to put in at a byte of the file's text as the compiler reads it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Insertion {
    pub(super) at: usize,
    pub(super) text: String,
}

/// The file with the insertions. Those at one place keep their order.
pub(super) fn spliced(raw: &str, mut insertions: Vec<Insertion>) -> String {
    insertions.sort_by_key(|insertion| insertion.at);
    let end = ["\r\n", "\n", "\r"].into_iter().find(|end| raw.contains(end)).unwrap_or("\n");
    let mut next = insertions.iter().peekable();
    let (mark, body) = match raw.strip_prefix('\u{feff}') {
        Some(body) => ("\u{feff}", body),
        None => ("", raw),
    };
    let mut text = mark.to_owned();
    let mut at = 0;
    let mut letters = body.chars().peekable();
    loop {
        while let Some(insertion) = next.next_if(|insertion| insertion.at <= at) {
            text.push_str(&insertion.text.replace('\n', end));
        }
        let Some(letter) = letters.next() else { return text };
        text.push(letter);
        // The compiler reads both bytes of such a line end as one.
        if letter == '\r' && letters.next_if_eq(&'\n').is_some() {
            text.push('\n');
        }
        at += letter.len_utf8();
    }
}

#[cfg(test)]
mod tests {
    use super::{Insertion, spliced};

    #[test]
    fn a_file_keeps_its_line_ends_and_its_mark() {
        let put = |raw: &str| {
            let insertions = vec![
                Insertion { at: 4, text: "\nnew".to_owned() },
                Insertion { at: 1, text: "X".to_owned() },
                Insertion { at: 1, text: "Y".to_owned() },
            ];
            spliced(raw, insertions)
        };
        assert_eq!(put("ä\nb\nc\n"), "äXY\nb\nnew\nc\n");
        assert_eq!(put("a\nbc\nd\n"), "aXY\nbc\nnew\nd\n");
        assert_eq!(put("a\r\nbc\r\nd\r\n"), "aXY\r\nbc\r\nnew\r\nd\r\n");
        assert_eq!(put("\u{feff}a\rbc\rd"), "\u{feff}aXY\rbc\rnew\rd");
        assert_eq!(put("a\nbc"), "aXY\nbc\nnew");
    }
}
