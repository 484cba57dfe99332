//! The last decisions of an audit log, newest segments first, for whoever looks at them. Not here: whether the log is whole (`verify`).

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::Path;

use kars_contract::Instant;
use serde::{Deserialize, Serialize};

use super::chain::Line;
use super::store::segments;

/// The most decisions that are given at once.
pub const MOST: usize = 1000;

/// Which decisions are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// How many at most: the last, or the first after `after`.
    pub most: usize,
    /// Only lines with higher numbers.
    pub after: Option<u64>,
    /// Only what was decided then or later. A line from before ends the search.
    pub since: Option<Instant>,
    /// Only what was refused.
    pub denied: bool,
}

/// Decisions, oldest first.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Recent {
    /// The lines of the log.
    pub decisions: Vec<Line<'static>>,
    /// The number of the last line that was looked at; what comes later has a higher one.
    pub up_to: u64,
}

/// Reads the end of a log. A line that is not whole yet, or not any more, is passed over.
pub fn recent(folder: &Path, wanted: &Wanted) -> io::Result<Recent> {
    let (mut found, mut up_to) = (VecDeque::new(), wanted.after.unwrap_or(0));
    let most = wanted.most.min(MOST);
    'all: for path in segments(folder)?.iter().rev() {
        let bytes = match fs::read(path) {
            // The oldest segment may go while it is looked for.
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            read => read?,
        };
        let texts = bytes.rsplit(|byte| *byte == b'\n').filter_map(|text| std::str::from_utf8(text).ok());
        for (line, _) in texts.filter_map(|text| Line::decode(text).ok()) {
            up_to = up_to.max(line.seq);
            let is_old = wanted.after.is_some_and(|after| line.seq <= after)
                || wanted.since.is_some_and(|since| line.time < since);
            if is_old || (wanted.after.is_none() && found.len() >= most) {
                break 'all;
            }
            if line.allowed.is_some_and(|allowed| !(allowed && wanted.denied)) {
                found.push_front(line);
            }
        }
    }
    if found.len() > most {
        found.truncate(most);
        up_to = found.back().map_or(up_to, |line| line.seq);
    }
    Ok(Recent { decisions: found.into(), up_to })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Event, Judged, Store};

    fn log(lines: u64) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        for index in 1..=lines {
            if index % 5 == 0 {
                store.add(&Event::Note { kind: "policy-served", what: String::new() });
                continue;
            }
            let judged = Judged { allowed: index % 2 == 0, reason: "listed", rule: None, origin: None };
            store.add(&Event::Decision { kind: "connect", what: format!("h{index}.example:443"), judged });
        }
        store.flush().unwrap();
        folder
    }

    fn numbers(folder: &tempfile::TempDir, wanted: Wanted) -> (Vec<u64>, u64) {
        let Recent { decisions, up_to } = recent(folder.path(), &wanted).unwrap();
        (decisions.iter().map(|line| line.seq).collect(), up_to)
    }

    #[test]
    fn the_last_come_oldest_first_without_notes() {
        let folder = log(12);
        assert_eq!(numbers(&folder, Wanted { most: 4, ..Wanted::default() }), (vec![8, 9, 11, 12], 12));
        let denied = Wanted { most: 3, denied: true, ..Wanted::default() };
        assert_eq!(numbers(&folder, denied), (vec![7, 9, 11], 12));
        let later = "2999-01-01T00:00:00Z".parse().ok();
        assert_eq!(numbers(&folder, Wanted { most: 3, since: later, ..Wanted::default() }), (vec![], 12));
        let earlier = "2000-01-01T00:00:00Z".parse().ok();
        assert_eq!(numbers(&folder, Wanted { most: 1, since: earlier, ..Wanted::default() }), (vec![12], 12));
    }

    #[test]
    fn who_follows_misses_nothing() {
        let folder = log(23);
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let (lines, up_to) = numbers(&folder, Wanted { most: 3, after: Some(after), ..Wanted::default() });
            if lines.is_empty() {
                assert_eq!(up_to, 23);
                break;
            }
            all.extend(lines);
            after = up_to;
        }
        assert_eq!(all, (1..=23).filter(|seq| seq % 5 != 0).collect::<Vec<_>>());
        assert_eq!(numbers(&folder, Wanted { most: 3, after: Some(23), ..Wanted::default() }), (vec![], 23));
    }

    #[test]
    fn a_line_that_is_being_written_is_passed_over() {
        let folder = log(4);
        let path = segments(folder.path()).unwrap().remove(0);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}{}", &text[..40])).unwrap();
        assert_eq!(numbers(&folder, Wanted { most: 2, ..Wanted::default() }), (vec![3, 4], 4));
    }
}
