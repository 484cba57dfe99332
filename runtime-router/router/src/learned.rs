//! What a learning window let through or refused, for `karsc suggest`: one line for each host and port, over all runs, up to a bound.
//! Only a dev document has such a window. Not here: the audit log, which has every decision.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use kars_contract::Port;
use kars_contract::decision_log::{LoggedDecision, MOST_LINES};

use crate::metrics::{Ceiling, Metrics};

/// The file in the folder of state.
const FILE: &str = "decisions.jsonl";

/// Where they are written down.
#[derive(Debug)]
pub struct Learned {
    path: PathBuf,
    metrics: Arc<Metrics>,
    /// Absent until there is something to write.
    written: Mutex<Option<Written>>,
}

/// The file, and what is in it.
#[derive(Debug)]
struct Written {
    file: File,
    /// Bytes of its whole lines.
    size: u64,
    lines: usize,
    seen: BTreeSet<(String, Port, bool)>,
    /// Whether it was said that it is full.
    told: bool,
}

impl Learned {
    /// In this folder; the file is made with its first line.
    #[must_use]
    pub fn new(state: &Path, metrics: Arc<Metrics>) -> Self {
        Self { path: state.join(FILE), metrics, written: Mutex::default() }
    }

    /// Writes a decision down, unless one like it is there or the file is full. Where it cannot be written, that is logged: nothing
    /// depends on it.
    pub fn add(&self, decision: &LoggedDecision) {
        if let Err(error) = self.write(decision) {
            tracing::error!(%error, "a decision of the learning window is not written down");
        }
    }

    fn write(&self, decision: &LoggedDecision) -> io::Result<()> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let written = match &mut *written {
            Some(written) => written,
            none => none.insert(Written::open(&self.path)?),
        };
        let key = (decision.host.clone(), decision.port, decision.allowed);
        if written.seen.contains(&key) {
            return Ok(());
        }
        if written.lines >= MOST_LINES {
            self.metrics.reached(Ceiling::Learned);
            if !std::mem::replace(&mut written.told, true) {
                let file = self.path.display();
                tracing::warn!(%file, lines = written.lines, "the log of the learning window is full: make use of it, remove it and start the router again");
            }
            return Ok(());
        }
        written.line(&decision.line())?;
        written.seen.insert(key);
        Ok(())
    }
}

impl Written {
    /// The file of an earlier run goes on. A line that a crash cut off goes, as nobody could read what follows it.
    fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let (mut reader, mut text) = (BufReader::new(&file), Vec::new());
        let (mut size, mut lines, mut seen) = (0, 0, BTreeSet::new());
        while lines < MOST_LINES && reader.read_until(b'\n', &mut text)? > 0 && text.ends_with(b"\n") {
            // A line that is none counts all the same: it takes its room.
            if let Ok(LoggedDecision { host, port, allowed, .. }) = LoggedDecision::parse(text.trim_ascii_end()) {
                seen.insert((host, port, allowed));
            }
            (size, lines) = (size + text.len() as u64, lines + 1);
            text.clear();
        }
        if lines < MOST_LINES {
            file.set_len(size)?;
        }
        Ok(Self { file, size, lines, seen, told: false })
    }

    /// Adds a line, whole or not at all.
    fn line(&mut self, line: &str) -> io::Result<()> {
        let line = format!("{line}\n");
        if let Err(error) = self.file.write_all(line.as_bytes()) {
            self.file.set_len(self.size)?;
            return Err(error);
        }
        (self.size, self.lines) = (self.size + line.len() as u64, self.lines + 1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use kars_contract::permits::{Policy, Request};
    use kars_kit::clock::now;

    use super::*;
    use crate::policy::Generation;

    fn denied(generation: &Generation, host: &str) -> LoggedDecision {
        let (host, port) = (host.parse().unwrap(), Port::MIN);
        let decision = Policy::new(generation.document()).permits(&Request::Egress { host: &host, port }, now());
        LoggedDecision::egress(now(), "scribe".parse().unwrap(), (host.as_str(), port), &decision)
    }

    fn lines(folder: &Path) -> Vec<LoggedDecision> {
        let text = fs::read(folder.join(FILE)).unwrap();
        let lines = text.strip_suffix(b"\n").unwrap().split(|byte| *byte == b'\n');
        lines.map(|line| LoggedDecision::parse(line).unwrap()).collect()
    }

    fn full(metrics: &Metrics) -> usize {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, metrics.registry()).unwrap();
        let line =
            text.lines().find_map(|line| line.strip_prefix("kars_router_limits_reached_total{limit=\"learned\"} "));
        line.unwrap().parse().unwrap()
    }

    /// EGR-55.
    #[test]
    fn a_million_hosts_fill_a_file_of_ten_thousand_lines_over_all_runs() {
        const HOSTS: usize = 1_000_000;
        let (folder, generation) = (tempfile::tempdir().unwrap(), Generation::example());
        let (label, parent) = ("a".repeat(63), format!("{0}.{0}.{1}.example", "b".repeat(63), "c".repeat(40)));
        let mut decision = denied(&generation, &format!("{label}.{parent}"));
        let mut refused = 0;
        for run in 0..4 {
            let metrics = Arc::<Metrics>::default();
            let learned = Learned::new(folder.path(), Arc::clone(&metrics));
            assert_eq!(full(&metrics), 0);
            for number in run * HOSTS / 4..(run + 1) * HOSTS / 4 {
                decision.host = format!("{number:063}.{parent}");
                learned.add(&decision);
            }
            refused += full(&metrics);
            let again = full(&metrics);
            decision.host = format!("{:063}.{parent}", 0);
            learned.add(&decision);
            assert_eq!(full(&metrics), again, "what is there is no reason to be full");
            assert_eq!(lines(folder.path()).len(), MOST_LINES, "run {run}");
        }
        assert_eq!(refused, HOSTS - MOST_LINES, "each that is missing counts");
        assert!(fs::metadata(folder.path().join(FILE)).unwrap().len() < 8 << 20);
    }

    #[test]
    fn a_run_goes_on_where_the_one_before_has_stopped() {
        let (folder, generation) = (tempfile::tempdir().unwrap(), Generation::example());
        let hosts = |folder: &Path| lines(folder).iter().map(|line| line.host.clone()).collect::<Vec<_>>();
        let run = |wanted: &[&str]| {
            let learned = Learned::new(folder.path(), Arc::default());
            for host in wanted {
                learned.add(&denied(&generation, host));
            }
        };
        run(&["a.example", "b.example", "a.example"]);
        assert_eq!(hosts(folder.path()), ["a.example", "b.example"]);
        let path = folder.path().join(FILE);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 9]).unwrap();
        run(&["a.example", "c.example"]);
        assert_eq!(
            hosts(folder.path()),
            ["a.example", "c.example"],
            "what a crash has cut off is gone, and not in the way"
        );
    }
}
