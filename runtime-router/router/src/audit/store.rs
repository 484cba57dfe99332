//! The files of the audit log: segments of lines, and the head of the chain. Not here: what lines say.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Error, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use kars_kit::clock::now;
use serde::{Deserialize, Serialize};

use super::chain::{Event, Head, Line};

/// Bytes after which a new segment begins.
const SEGMENT_BYTES: u64 = 16 * 1024 * 1024;
/// Segments that are kept; older ones go.
const SEGMENTS: usize = 16;
/// The file of the head.
const HEAD: &str = "head.json";
/// How the name of a segment ends; it begins with the number of its first line.
const ENDING: &str = ".jsonl";

/// The log on disk.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    boot: String,
    segment: File,
    /// Bytes of the segment that are on the disk for good.
    size: u64,
    head: Head,
    head_file: File,
    /// How often the file of the budget was written.
    budget_writes: u64,
    /// Lines that are not written yet.
    lines: Vec<u8>,
}

impl Store {
    /// Opens the log, or begins one. A line that a crash cut off was never promised, and goes; lines that were promised and are
    /// missing are noted in the log itself.
    pub fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let head_file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(folder.join(HEAD))?;
        let promised = read_head(&head_file)?;
        let budget_writes = promised.as_ref().map_or(0, |promised| promised.budget_writes);
        let promised = promised.map(Head::from);
        let last = segments(folder)?.pop();
        let found = last.as_deref().map(end_of).transpose()?;
        let (end, size) = found.map_or((None, 0), |(end, size)| (end, size));
        let boot = boot_id()?;
        let head = match (&end, &promised) {
            (Some(end), Some(promised)) if end.seq < promised.seq => promised.clone(),
            (Some(end), _) => end.clone(),
            (None, Some(promised)) => promised.clone(),
            (None, None) => Head::empty(),
        };
        let is_cut = end.as_ref().map_or(0, |end| end.seq) < promised.as_ref().map_or(0, |promised| promised.seq);
        let path = match last {
            Some(path) if !is_cut => path,
            _ => segment_path(folder, head.seq + 1),
        };
        let segment = OpenOptions::new().append(true).create(true).open(&path)?;
        let size = if is_cut { 0 } else { size };
        segment.set_len(size)?;
        let mut store =
            Self { folder: folder.to_owned(), boot, segment, size, head, head_file, budget_writes, lines: Vec::new() };
        if is_cut {
            tracing::error!(seq = store.head.seq, "the end of the audit log is gone");
            let what = format!("lines up to {} were promised and are missing", store.head.seq);
            store.add(&Event::Note { kind: "audit-damaged", what });
            store.flush()?;
        }
        Ok(store)
    }

    /// How often the file of the budget was written, as far as is known.
    #[must_use]
    pub fn budget_writes(&self) -> u64 {
        self.budget_writes
    }

    /// Has the next head say how often the file of the budget was written.
    pub fn remember_budget(&mut self, writes: u64) {
        self.budget_writes = self.budget_writes.max(writes);
    }

    /// Adds a line to what is written next.
    pub fn add(&mut self, event: &Event) {
        self.head = Line::after(&self.head, &self.boot, now(), event).encode(&mut self.lines);
    }

    /// Bytes that are not written yet.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.lines.len()
    }

    /// Writes what was added, for good. After an error nothing of it counts as written, and it can be tried again.
    pub fn flush(&mut self) -> io::Result<()> {
        // A segment bears the number of its first line, so it begins with one.
        if self.size >= SEGMENT_BYTES && !self.lines.is_empty() {
            self.next_segment()?;
        }
        let written = self.segment.write_all(&self.lines).and_then(|()| self.segment.sync_data());
        if let Err(error) = written {
            self.segment.set_len(self.size)?;
            return Err(error);
        }
        self.size += self.lines.len() as u64;
        self.lines.clear();
        let Head { seq, hash } = self.head.clone();
        let promised = Promised { seq, hash, budget_writes: self.budget_writes };
        let head = serde_json::to_string(&promised).expect("its keys are text");
        self.head_file.seek(SeekFrom::Start(0))?;
        // A number only grows longer, so what was there is covered.
        self.head_file.write_all(format!("{head}\n").as_bytes())?;
        self.head_file.sync_data()
    }

    fn next_segment(&mut self) -> io::Result<()> {
        let first = self.lines.split(|byte| *byte == b'\n').next().and_then(|line| std::str::from_utf8(line).ok());
        let first = first.and_then(|line| Line::decode(line).ok()).map_or(1, |(line, _)| line.seq);
        self.segment = OpenOptions::new().append(true).create_new(true).open(segment_path(&self.folder, first))?;
        self.size = 0;
        let mut all = segments(&self.folder)?;
        all.truncate(all.len().saturating_sub(SEGMENTS));
        all.iter().try_for_each(fs::remove_file)
    }
}

/// What is written beside the log, once its lines are on the disk.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Promised {
    seq: u64,
    hash: String,
    /// How often the file of the budget was written; absent where it never was.
    #[serde(default, skip_serializing_if = "is_zero")]
    budget_writes: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl From<Promised> for Head {
    fn from(promised: Promised) -> Self {
        let Promised { seq, hash, budget_writes: _ } = promised;
        Self { seq, hash }
    }
}

/// The segments of a log, oldest first.
pub(super) fn segments(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.to_str().is_some_and(|path| path.ends_with(ENDING)) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The head that was written last; absent before the first.
pub(super) fn head(folder: &Path) -> io::Result<Option<Head>> {
    match File::open(folder.join(HEAD)) {
        Ok(file) => Ok(read_head(&file)?.map(Head::from)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn read_head(file: &File) -> io::Result<Option<Promised>> {
    let mut text = String::new();
    BufReader::new(file).read_line(&mut text)?;
    if text.is_empty() {
        return Ok(None);
    }
    let damaged = |error| Error::new(ErrorKind::InvalidData, format!("`{HEAD}` of the audit log is damaged: {error}"));
    serde_json::from_str(&text).map(Some).map_err(damaged)
}

/// The head that a segment ends with, and the bytes of its whole lines.
fn end_of(path: &Path) -> io::Result<(Option<Head>, u64)> {
    let (mut reader, mut size, mut end, mut text) = (BufReader::new(File::open(path)?), 0, None, String::new());
    while reader.read_line(&mut text)? > 0 && text.ends_with('\n') {
        // A line that was changed is for `verify` to find; the chain goes on from the last that is whole.
        if let Ok((_, head)) = Line::decode(text.trim_end_matches('\n')) {
            end = Some(head);
        }
        size += text.len() as u64;
        text.clear();
    }
    Ok((end, size))
}

fn segment_path(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:020}{ENDING}"))
}

/// 64 bits of the system's randomness. The generator of the TLS library would take longer to begin than all the rest of a start.
fn boot_id() -> io::Result<String> {
    let mut bytes = [0; 8];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::verify::verify;

    fn with_a_line(store: &mut Store) {
        store.add(&Event::Note { kind: "test", what: String::new() });
        store.flush().unwrap();
    }

    #[test]
    fn what_is_known_of_the_budget_lasts_and_never_goes_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        with_a_line(&mut store);
        let before = fs::read_to_string(folder.path().join(HEAD)).unwrap();
        assert!(!before.contains("budget"), "as earlier versions wrote it: {before}");
        for (writes, known) in [(9, 9), (10, 10), (3, 10)] {
            store.remember_budget(writes);
            store.flush().unwrap();
            assert_eq!(Store::open(folder.path()).unwrap().budget_writes(), known);
        }
        assert_eq!(verify(folder.path(), None).unwrap().lines, 1, "no line is needed for it");
    }

    #[test]
    fn a_segment_begins_with_a_line_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        with_a_line(&mut store);
        store.size = SEGMENT_BYTES;
        store.flush().unwrap();
        assert_eq!(segments(folder.path()).unwrap().len(), 1);
        with_a_line(&mut store);
        assert_eq!(segments(folder.path()).unwrap()[1], segment_path(folder.path(), 2));
        assert_eq!(verify(folder.path(), None).unwrap().lines, 2);
    }
}
