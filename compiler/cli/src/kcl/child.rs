//! Runs a command to its end within limits of time and output. Not here: what is run, and what its output means.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How a command ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    pub(super) output: Vec<u8>,
    /// Lossy: it is read by people, or searched.
    pub(super) errors: String,
}

#[derive(Debug)]
pub(super) enum Outcome {
    Exited(ExitStatus),
    /// It was killed by us: it ran longer than it may.
    TooLong,
    /// It wrote more than it may, and was cut off.
    TooMuch,
}

pub(super) struct Limits {
    pub(super) time: Duration,
    /// Bytes on standard output, and as many on standard error.
    pub(super) output: u64,
}

/// How often a running child is looked at.
const GLANCE: Duration = Duration::from_millis(2);

/// Runs `command` without input. Its environment and folder are the caller's affair.
pub(super) fn run(command: &mut Command, limits: &Limits) -> io::Result<Ended> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let output = collect(child.stdout.take().expect("standard output is piped"), limits.output);
    let errors = collect(child.stderr.take().expect("standard error is piped"), limits.output);
    let status = wait(&mut child, limits.time)?;
    let (output, too_much_output) = output.join().expect("reading cannot panic")?;
    let (errors, too_much_errors) = errors.join().expect("reading cannot panic")?;
    let outcome = match status {
        _ if too_much_output || too_much_errors => Outcome::TooMuch,
        Some(status) => Outcome::Exited(status),
        None => Outcome::TooLong,
    };
    Ok(Ended { outcome, output, errors: String::from_utf8_lossy(&errors).into_owned() })
}

/// Waits for the end, and forces it after `limit`; then there is no status.
fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    while start.elapsed() < limit {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(GLANCE);
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

/// Reads up to `limit` bytes; the flag says that there was more. Hanging up then ends the writer.
fn collect(from: impl Read + Send + 'static, limit: u64) -> JoinHandle<io::Result<(Vec<u8>, bool)>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        from.take(limit + 1).read_to_end(&mut bytes)?;
        let too_much = bytes.len() as u64 > limit;
        Ok((bytes, too_much))
    })
}

#[cfg(test)]
mod tests {
    use super::{Command, Duration, Limits, Outcome, run};

    fn shell(script: &str) -> Outcome {
        let limits = Limits { time: Duration::from_millis(300), output: 1000 };
        run(Command::new("/bin/sh").args(["-c", script]), &limits).expect("the shell runs").outcome
    }

    #[test]
    fn a_child_is_held_to_its_limits() {
        assert!(matches!(shell("echo short; exit 3"), Outcome::Exited(status) if status.code() == Some(3)));
        assert!(matches!(shell("exec sleep 30"), Outcome::TooLong));
        assert!(matches!(shell("exec yes"), Outcome::TooMuch));
        assert!(matches!(shell("exec yes >&2"), Outcome::TooMuch));
    }
}
