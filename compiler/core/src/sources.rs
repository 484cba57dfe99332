//! The files of one build: who reads them, and what was read. Not here: the disk; whoever calls the compiler owns it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use kars_contract::digest::Digest;
use kars_scenario::span::{FileId, Span};

/// The folder of a scenario, as the caller has it.
pub trait Files {
    /// Reads a file inside the folder. The path is relative, with `/`, and has no `.` or `..` part.
    fn read(&self, path: &str) -> Result<Vec<u8>, Unreadable>;

    /// The paths of the files in a folder and its subfolders, sorted; empty where there is none.
    fn list(&self, folder: &str) -> Vec<String>;
}

/// Why a file could not be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unreadable {
    #[error("there is no such file")]
    Missing,
    #[error("it lies outside the scenario's folder")]
    Outside,
    #[error("it is larger than 8 MiB")]
    TooLarge,
    #[error("it is not a regular file")]
    NotAFile,
    #[error("{0}")]
    Failed(String),
}

/// A file that was read.
#[derive(Clone, Debug)]
pub struct Source {
    /// The path from the scenario's folder, with `/`.
    pub path: String,
    /// The text, with `\n` line ends and without a byte-order mark.
    pub text: String,
    /// Set where the text is what an evaluator made of the file: places in it are field paths, not lines.
    pub evaluated: bool,
}

/// What an evaluated scenario was made from, for its provenance.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The evaluator's name and version.
    pub engine: String,
    /// The digest of every file that it read, by path from the scenario's folder.
    pub files: BTreeMap<String, Digest>,
}

/// A place as people count: lines and columns from 1, columns in characters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// How many files a scenario may have, and how many bytes all of them.
const MOST_FILES: usize = 40_000;
const MOST_BYTES: usize = 64 << 20;

/// Whether there is room for a further file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Room {
    Enough,
    /// This file is the first one too many.
    NoMore,
    /// An earlier file was one too many already.
    Full,
}

/// All files read so far, in the order they were read.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
    /// For each file, where its lines start.
    lines: Vec<Vec<u32>>,
    by_path: BTreeMap<String, FileId>,
    bytes: usize,
    full: bool,
    /// Set where the scenario was evaluated and not read.
    pub(crate) evaluation: Option<Evaluation>,
}

impl Sources {
    /// Keeps a file; the same path keeps its number.
    pub fn add(&mut self, source: Source) -> FileId {
        if let Some(known) = self.by_path.get(&source.path) {
            return *known;
        }
        let id = FileId(u16::try_from(self.files.len()).expect("the number of files is limited"));
        self.by_path.insert(source.path.clone(), id);
        let byte = |at: usize| u32::try_from(at).expect("files are limited to 8 MiB");
        let ends = source.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        self.lines.push(std::iter::once(0).chain(ends.map(|(at, _)| byte(at + 1))).collect());
        self.bytes += source.text.len();
        self.files.push(source);
        id
    }

    /// Whether there is room for a further file of so many bytes. What is full stays full.
    pub(crate) fn room(&mut self, bytes: usize) -> Room {
        let was_full = self.full;
        self.full |= self.files.len() >= MOST_FILES || self.bytes + bytes > MOST_BYTES;
        match (was_full, self.full) {
            (_, false) => Room::Enough,
            (false, true) => Room::NoMore,
            (true, true) => Room::Full,
        }
    }

    /// The number of a file that was read.
    pub fn find(&self, path: &str) -> Option<FileId> {
        self.by_path.get(path).copied()
    }

    /// A file by its number.
    pub fn get(&self, id: FileId) -> &Source {
        &self.files[usize::from(id.0)]
    }

    /// All files, in the order they were read.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.files.iter()
    }

    /// Puts stars over text that nobody may see again, byte for byte, so that places stay right.
    pub(crate) fn mask(&mut self, span: Span) {
        let text = &mut self.files[usize::from(span.file.0)].text;
        let (start, end) = (span.start as usize, span.end as usize);
        let hidden: String = text[start..end].bytes().map(|byte| if byte == b'\n' { '\n' } else { '*' }).collect();
        text.replace_range(start..end, &hidden);
    }

    /// Where a span starts. An evaluated file has no places of its own, so it is its first.
    pub fn position(&self, span: Span) -> Position {
        if self.get(span.file).evaluated {
            return Position { line: 1, column: 1 };
        }
        let text = &self.get(span.file).text;
        let at = floor_boundary(text, span.start as usize);
        let (line, line_start) = self.line_of(span.file, at);
        Position { line, column: text[line_start..at].chars().count() + 1 }
    }

    /// The number of the line that a byte stands on, from 1, and the byte it starts at.
    pub(crate) fn line_of(&self, file: FileId, at: usize) -> (usize, usize) {
        let lines = &self.lines[usize::from(file.0)];
        let line = lines.partition_point(|start| *start as usize <= at);
        (line, lines[line - 1] as usize)
    }

    /// The word at a position, for those who know places as lines and columns; what lies outside the file is its end.
    pub fn span_at(&self, file: FileId, position: Position) -> Span {
        let text = &self.get(file).text;
        let lines = &self.lines[usize::from(file.0)];
        let start = lines.get(position.line.saturating_sub(1)).map_or(text.len(), |start| *start as usize);
        let line = text[start..].split('\n').next().unwrap_or_default();
        let column = line.char_indices().nth(position.column.saturating_sub(1)).map_or(line.len(), |(at, _)| at);
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let word = line[column..].find(|letter| !is_word(letter)).unwrap_or(line.len() - column);
        let byte = |at: usize| u32::try_from(at).expect("files are limited to 8 MiB");
        Span { file, start: byte(start + column), end: byte(start + column + word) }
    }

    /// Where a span starts, as `scenario.yaml:3:11`. In an evaluated file it is the field's path.
    pub fn origin(&self, span: Span) -> String {
        let source = self.get(span.file);
        if source.evaluated {
            return format!("{}: {}", source.path, crate::parse::field_path(&source.text, span));
        }
        let Position { line, column } = self.position(span);
        format!("{}:{line}:{column}", source.path)
    }

    /// What a span covers.
    pub fn slice(&self, span: Span) -> Cow<'_, str> {
        let text = &self.get(span.file).text;
        text.get(span.start as usize..span.end as usize).map_or(Cow::Borrowed(""), Cow::Borrowed)
    }
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
