//! Finds the imports of a KCL text, and whatever else in it could touch the world. Not here: where an import leads.
//!
//! The scan knows strings, comments and words, no grammar. Where the text is not valid KCL the engine will say so; what
//! matters here is that no import which the engine would see is missed.

/// One `import` statement.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Import {
    /// As written, as in `karsc.v1alpha1` or `..shared.team`.
    pub(super) path: String,
    /// Line of the word `import`, counted from 1.
    pub(super) line: usize,
    /// Column of the word `import`, counted from 1 in characters.
    pub(super) column: usize,
}

/// What the scan found, in the order of the text.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Finding {
    /// A well-formed import.
    Import(Import),
    /// The word `import` in another shape than `import path` or `import path as name` on one line.
    Shape { line: usize, column: usize },
    /// A function that writes files.
    Writes { name: String, line: usize, column: usize },
}

/// Functions of otherwise pure modules that write files. Strings are searched too, for they may hold expressions.
const WRITERS: [&str; 2] = ["dump_to_file", "dump_all_to_file"];

/// Lists the imports of `text` and the faults that can be seen without following them.
pub(super) fn imports(text: &str) -> Vec<Finding> {
    let mut scan = Scan { rest: text.strip_prefix('\u{feff}').unwrap_or(text), line: 1, column: 1, previous: ' ' };
    let mut found = Vec::new();
    while let Some(next) = scan.peek() {
        match next {
            '#' => scan.skip(|c| c != '\n'),
            '"' | '\'' => string(&mut scan, &mut found),
            c if is_word(c) => word(&mut scan, &mut found),
            _ => scan.advance(next.len_utf8()),
        }
    }
    found
}

/// A place in the text and what is left of it.
struct Scan<'a> {
    rest: &'a str,
    line: usize,
    column: usize,
    /// The character before `rest`.
    previous: char,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Moves on by `bytes`, and returns what was passed.
    fn take(&mut self, bytes: usize) -> &'a str {
        let (passed, rest) = self.rest.split_at(bytes);
        for c in passed.chars() {
            (self.line, self.column) = if c == '\n' { (self.line + 1, 1) } else { (self.line, self.column + 1) };
            self.previous = c;
        }
        self.rest = rest;
        passed
    }

    fn advance(&mut self, bytes: usize) {
        self.take(bytes);
    }

    fn skip(&mut self, wanted: impl Fn(char) -> bool) {
        let length = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        self.advance(length);
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn word(scan: &mut Scan<'_>, found: &mut Vec<Finding>) {
    let (line, column, before) = (scan.line, scan.column, scan.previous);
    let length = scan.rest.find(|c| !is_word(c)).unwrap_or(scan.rest.len());
    match scan.take(length) {
        // `$import` is a name, and so is what follows a dot.
        "import" if before != '$' && before != '.' => {
            let statement = scan.rest.lines().next().unwrap_or_default();
            found.push(match import_path(statement) {
                Some(path) => Finding::Import(Import { path: path.to_owned(), line, column }),
                None => Finding::Shape { line, column },
            });
        }
        name if WRITERS.contains(&name) => found.push(Finding::Writes { name: name.to_owned(), line, column }),
        _ => {}
    }
}

/// The path in ` path` or ` path as name`; nothing when the rest of the line has any other shape.
fn import_path(statement: &str) -> Option<&str> {
    let code = statement.split('#').next().unwrap_or_default();
    if !code.starts_with([' ', '\t']) || code.contains(|c: char| c.is_whitespace() && c != ' ' && c != '\t') {
        return None;
    }
    let mut words = code.split([' ', '\t']).filter(|word| !word.is_empty());
    let path = words.next()?;
    let names = path.trim_start_matches('.');
    let well_formed = names.split('.').all(is_name);
    match (words.next(), words.next(), words.next()) {
        (None, ..) if well_formed => Some(path),
        (Some("as"), Some(name), None) if well_formed && is_name(name) => Some(path),
        _ => None,
    }
}

fn is_name(word: &str) -> bool {
    !word.is_empty() && word.chars().all(is_word) && !word.starts_with(|c: char| c.is_numeric())
}

/// Passes over a string. One that never ends on its line is closed by the line, as the engine does.
fn string(scan: &mut Scan<'_>, found: &mut Vec<Finding>) {
    let (line, column) = (scan.line, scan.column);
    let quote = if scan.rest.starts_with('"') { "\"" } else { "'" };
    let triple = quote.repeat(3);
    let end = if scan.rest.starts_with(&triple) { triple.as_str() } else { quote };
    scan.advance(end.len());
    let length = string_length(scan.rest, end);
    let content = scan.take(length);
    if let Some(name) = WRITERS.iter().find(|name| content.contains(*name)) {
        found.push(Finding::Writes { name: (*name).to_owned(), line, column });
    }
}

/// Bytes up to and with the closing quotes. A backslash protects the next character, in raw strings too.
fn string_length(text: &str, end: &str) -> usize {
    let mut position = 0;
    while let Some(next) = text[position..].chars().next() {
        if text[position..].starts_with(end) {
            return position + end.len();
        }
        if next == '\n' && end.len() == 1 {
            return position;
        }
        position += next.len_utf8();
        if next == '\\' {
            position += text[position..].chars().next().map_or(0, char::len_utf8);
        }
    }
    position
}

#[cfg(test)]
mod tests {
    use super::{Finding, imports};

    fn seen(text: &str) -> Vec<String> {
        let describe = |finding| match finding {
            Finding::Import(import) => format!("{}:{} {}", import.line, import.column, import.path),
            Finding::Shape { line, column } => format!("{line}:{column} shape"),
            Finding::Writes { name, line, column } => format!("{line}:{column} {name}"),
        };
        imports(text).into_iter().map(describe).collect()
    }

    #[test]
    fn every_import_is_seen_and_nothing_else() {
        for (text, expected) in [
            ("import karsc.v1alpha1 as k # why\nimport sub", &["1:1 karsc.v1alpha1", "2:1 sub"][..]),
            ("\u{feff}import a\r\nimport ..b.c\r\n", &["1:1 a", "2:1 ..b.c"]),
            ("if True:\n    import datetime", &["2:5 datetime"]),
            ("import \\\ndatetime", &["1:1 shape"]),
            ("import math\rimport datetime", &["1:1 shape", "1:13 datetime"]),
            ("import\u{c}datetime", &["1:1 shape"]),
            ("import a.", &["1:1 shape"]),
            ("import a as", &["1:1 shape"]),
            ("# import a\nx = 'import b'\n$import = imported.import", &[]),
            ("x = \"\"\"\nimport a\n\"\"\"\nimport b", &["4:1 b"]),
            ("x = \"a\\\"\"\nimport b", &["2:1 b"]),
            ("x = r\"\\\"\nimport b", &["2:1 b"]),
            ("x = \"open\nimport b", &["2:1 b"]),
            ("x = ''\nimport b", &["2:1 b"]),
            ("x = json.dump_to_file(a)", &["1:10 dump_to_file"]),
            ("x = \"${yaml.dump_all_to_file(a)}\"", &["1:5 dump_all_to_file"]),
        ] {
            assert_eq!(seen(text), expected, "{text:?}");
        }
    }
}
