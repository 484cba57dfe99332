//! Whether an audit log is whole: offline, line by line. It finds a changed byte, a missing line, a cut end, and a chain that
//! was written anew where a later head is known. Not here: writing.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use serde::Serialize;

use super::chain::{Head, Line};
use super::store::{head, segments};

/// What was found to be true.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Whole {
    /// The number of the first line that is kept; older segments may be gone.
    pub first: u64,
    /// The end of the chain.
    pub head: Head,
    /// How many lines there are.
    pub lines: u64,
}

/// Where a log is not whole.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// There is no log, or it cannot be read.
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    /// A line that was changed, or does not follow the one before.
    #[error("`{file}`:{line}: {problem}")]
    At {
        /// The segment.
        file: String,
        /// The line in it, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// Lines are missing at the end.
    #[error("the log ends with line {found}, written were {promised}: its end was cut off")]
    Cut {
        /// The last line that is there.
        found: u64,
        /// The last line that was written.
        promised: u64,
    },
    /// The chain does not lead to a head that was known.
    #[error("line {seq} has the hash `{found}`, known was `{known}`: the chain was written anew")]
    Rewritten {
        /// The line.
        seq: u64,
        /// Its hash.
        found: String,
        /// What was known of it.
        known: String,
    },
}

/// Reads a whole log. `known` is a head that was written down elsewhere, such as in a log server.
pub fn verify(folder: &Path, known: Option<&Head>) -> Result<Whole, Broken> {
    let mut reading = Reading { known, first: None, head: Head::empty(), lines: 0 };
    let paths = segments(folder)?;
    if paths.is_empty() {
        let error = format!("`{}` holds no audit log", folder.display());
        return Err(io::Error::new(ErrorKind::NotFound, error).into());
    }
    for path in paths {
        let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let bytes = fs::read(&path)?;
        let at = |line, problem: String| Broken::At { file: file.clone(), line, problem };
        let mut lines =
            bytes.split(|byte| *byte == b'\n').enumerate().map(|(index, line)| (index + 1, line)).peekable();
        while let Some((number, line)) = lines.next() {
            if lines.peek().is_none() {
                if !line.is_empty() {
                    return Err(at(number, "it is not closed by a line feed".to_owned()));
                }
                break;
            }
            let text = std::str::from_utf8(line).map_err(|_| at(number, "it is not text".to_owned()))?;
            let (line, head) = Line::decode(text).map_err(|error| at(number, error.to_string()))?;
            reading.next(&line, head).map_err(|broken| match broken {
                Misplaced::Problem(problem) => at(number, problem),
                Misplaced::Rewritten(broken) => broken,
            })?;
        }
    }
    reading.end(head(folder)?)
}

struct Reading<'a> {
    known: Option<&'a Head>,
    first: Option<u64>,
    head: Head,
    lines: u64,
}

enum Misplaced {
    Problem(String),
    Rewritten(Broken),
}

impl Reading<'_> {
    fn next(&mut self, line: &Line<'_>, head: Head) -> Result<(), Misplaced> {
        if self.first.is_none() {
            self.first = Some(line.seq);
        } else if line.seq != self.head.seq + 1 {
            let problem = format!("it has the number {}, after {}: lines are missing", line.seq, self.head.seq);
            return Err(Misplaced::Problem(problem));
        }
        // What came before the first line of an older log is gone, and so cannot be compared.
        let follows_something = self.lines > 0 || line.seq == 1;
        if follows_something && line.previous != self.head.hash {
            return Err(Misplaced::Problem("it does not follow the line before".to_owned()));
        }
        if let Some(known) = self.known.filter(|known| known.seq == head.seq && known.hash != head.hash) {
            let (seq, found, known) = (head.seq, head.hash, known.hash.clone());
            return Err(Misplaced::Rewritten(Broken::Rewritten { seq, found, known }));
        }
        self.head = head;
        self.lines += 1;
        Ok(())
    }

    fn end(self, promised: Option<Head>) -> Result<Whole, Broken> {
        let Self { known, first, head, lines } = self;
        for later in known.into_iter().chain(promised.as_ref()) {
            if later.seq > head.seq {
                return Err(Broken::Cut { found: head.seq, promised: later.seq });
            }
        }
        if let Some(promised) = promised.filter(|promised| promised.seq == head.seq && promised.hash != head.hash) {
            return Err(Broken::Rewritten { seq: head.seq, found: head.hash, known: promised.hash });
        }
        Ok(Whole { first: first.unwrap_or(1), head, lines })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Event, Judged, Store};

    /// A log of so many lines, in two runs.
    fn log(lines: u64) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for half in [lines / 2, lines - lines / 2] {
            let mut store = Store::open(folder.path()).unwrap();
            for index in 0..half {
                let judged = Judged { allowed: true, reason: "listed", rule: Some(format!("r{index}")), origin: None };
                store.add(&Event::Decision { kind: "connect", what: format!("h{index}.example:443"), judged });
            }
            store.flush().unwrap();
        }
        folder
    }

    fn segment(folder: &tempfile::TempDir) -> std::path::PathBuf {
        segments(folder.path()).unwrap().remove(0)
    }

    #[test]
    fn a_whole_log_is_whole_over_a_restart() {
        let folder = log(9);
        let whole = verify(folder.path(), None).unwrap();
        assert_eq!((whole.first, whole.lines, whole.head.seq), (1, 9, 9));
        assert_eq!(verify(folder.path(), Some(&whole.head)).unwrap(), whole);
    }

    #[test]
    fn a_flipped_bit_is_found_in_its_line() {
        let folder = log(4);
        let path = segment(&folder);
        let right = fs::read(&path).unwrap();
        for place in 0..right.len() {
            let mut wrong = right.clone();
            wrong[place] ^= 1;
            fs::write(&path, &wrong).unwrap();
            let line = right[..place].split(|byte| *byte == b'\n').count();
            match verify(folder.path(), None) {
                Err(Broken::At { line: found, .. }) => {
                    assert!(found == line || found == line + 1, "{place}: {found} {line}");
                }
                other => panic!("{place}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_cut_end_and_a_missing_line_are_found() {
        let folder = log(6);
        let path = segment(&folder);
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        fs::write(&path, lines[..4].concat()).unwrap();
        assert!(matches!(verify(folder.path(), None), Err(Broken::Cut { found: 4, promised: 6 })));
        fs::write(&path, [&lines[..2], &lines[3..]].concat().concat()).unwrap();
        assert!(matches!(verify(folder.path(), None), Err(Broken::At { line: 3, .. })));
    }

    #[test]
    fn a_chain_that_was_written_anew_does_not_lead_to_a_known_head() {
        let folder = log(5);
        let known = verify(folder.path(), None).unwrap().head;
        let other = tempfile::tempdir().unwrap();
        let mut store = Store::open(other.path()).unwrap();
        for _ in 0..7 {
            store.add(&Event::Note { kind: "forged", what: String::new() });
        }
        store.flush().unwrap();
        verify(other.path(), None).unwrap();
        assert!(matches!(verify(other.path(), Some(&known)), Err(Broken::Rewritten { seq: 5, .. })));
    }

    #[test]
    fn a_line_that_a_crash_cut_off_is_not_part_of_the_log() {
        let folder = log(3);
        let path = segment(&folder);
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("{\"allowed\":tr");
        fs::write(&path, &text).unwrap();
        drop(Store::open(folder.path()).unwrap());
        assert_eq!(verify(folder.path(), None).unwrap().lines, 3);
    }

    #[test]
    fn lines_that_were_promised_and_are_gone_stay_gone() {
        let folder = log(6);
        let path = segment(&folder);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.split_inclusive('\n').take(2).collect::<String>()).unwrap();
        drop(Store::open(folder.path()).unwrap());
        assert!(matches!(verify(folder.path(), None), Err(Broken::At { line: 1, .. })));
    }
}
