//! Secrets that the router shows to others, and never to the agent. Their files are looked at when they are shown, ten times in a
//! second at most, so that a renewed one counts at once. Not here: tokens that are exchanged for something.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use kars_contract::SecretRef;
use kars_contract::agent_api::ErrorCode;
use memchr::memmem::Finder;

use crate::refusal::Refusal;

/// Bytes of a secret that are read.
const LARGEST: usize = 64 * 1024;
/// A file that was changed within this time may change once more without another time of its change: its clock has ticks.
const SETTLED: Duration = Duration::from_secs(1);
/// For so long a file is not looked at again: a busy router would do little else.
const LOOKED: Duration = Duration::from_millis(100);
/// What stands in an answer where a secret stood.
const REDACTED: &[u8] = b"[redacted]";

/// The folder of secrets, one file for each `secret/key`.
#[derive(Clone, Debug)]
pub struct Credentials {
    folder: Option<PathBuf>,
    kept: Arc<Mutex<HashMap<SecretRef, Kept>>>,
}

/// What was read last.
#[derive(Clone, Debug)]
struct Kept {
    secret: Secret,
    /// Of which file.
    file: Identity,
    /// When it was last seen to be that file.
    looked: Instant,
}

/// What tells a file from one that has taken its place, or that was written anew: device, number, size, times of both changes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Identity(u64, u64, u64, [i64; 4]);

/// A secret. It is not shown by accident. Cloning is cheap.
#[derive(Clone)]
pub struct Secret(Arc<Sought>);

/// A text that is looked for in what passes.
struct Sought {
    text: String,
    finder: Finder<'static>,
    /// Of its beginning, which is found much faster than a long text, and stands nowhere as a rule.
    beginning: Finder<'static>,
}

/// Bytes of a beginning.
const BEGINNING: usize = 16;

impl Credentials {
    /// Secrets of this folder.
    #[must_use]
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, kept: Arc::default() }
    }

    /// Reads a secret, and logs where it cannot.
    pub fn read(&self, reference: &SecretRef) -> Result<Secret, Refusal> {
        self.look(reference).inspect_err(|refusal| {
            tracing::error!(
                secret = reference.as_str(),
                problem = refusal.detail.message,
                "a credential cannot be read"
            );
        })
    }

    /// A secret, read unless its file is the one that was read before.
    pub fn look(&self, reference: &SecretRef) -> Result<Secret, Refusal> {
        let found = match &self.folder {
            Some(folder) => self.kept_or_read(reference, &folder.join(reference.as_str())),
            None => Err("is not there: no folder of credentials is set"),
        };
        found.map_err(|problem| {
            Refusal::new(ErrorCode::UpstreamUnavailable, format!("the router's credential `{reference}` {problem}"))
        })
    }

    fn kept_or_read(&self, reference: &SecretRef, path: &Path) -> Result<Secret, &'static str> {
        if let Some(kept) = self.kept().get(reference).filter(|kept| kept.looked.elapsed() < LOOKED) {
            return Ok(kept.secret.clone());
        }
        let (now, looked) = (Identity::of(&fs::metadata(path).map_err(|error| unreadable(&error))?), Instant::now());
        if let Some(kept) = self.kept().get_mut(reference).filter(|kept| kept.file == now) {
            kept.looked = looked;
            return Ok(kept.secret.clone());
        }
        let (file, secret) = read_identified(path)?;
        if file.has_settled() {
            self.kept().insert(reference.clone(), Kept { secret: secret.clone(), file, looked });
        }
        Ok(secret)
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<SecretRef, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a file that holds one secret, or says what is wrong with it. A line feed at its end does not count.
pub fn read(path: &Path) -> Result<Secret, &'static str> {
    read_identified(path).map(|(_, secret)| secret)
}

/// The same, and which file it was before it was read.
fn read_identified(path: &Path) -> Result<(Identity, Secret), &'static str> {
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let identity = Identity::of(&file.metadata().map_err(|error| unreadable(&error))?);
    let mut bytes = Vec::new();
    file.take(LARGEST as u64 + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    let text = String::from_utf8(bytes).ok().filter(|text| text.len() <= LARGEST).ok_or("is no text")?;
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() { Err("is empty") } else { Ok((identity, Secret::new(text))) }
}

fn unreadable(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "is not there",
        _ => "cannot be read",
    }
}

impl Identity {
    fn of(file: &Metadata) -> Self {
        Self(file.dev(), file.ino(), file.size(), [file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()])
    }

    /// Whether a further change would show.
    fn has_settled(&self) -> bool {
        let Self(.., [_, _, seconds, nanoseconds]) = *self;
        let since = u64::try_from(seconds).unwrap_or(u64::MAX);
        let changed = Duration::from_secs(since).saturating_add(Duration::from_nanos(nanoseconds.unsigned_abs()));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        now.checked_sub(changed).is_some_and(|ago| ago > SETTLED)
    }
}

impl Secret {
    fn new(text: &str) -> Self {
        let beginning = &text.as_bytes()[..text.len().min(BEGINNING)];
        let finder = |text: &[u8]| Finder::new(text).into_owned();
        let (finder, beginning) = (finder(text.as_bytes()), finder(beginning));
        Self(Arc::new(Sought { text: text.to_owned(), finder, beginning }))
    }

    /// A secret that somebody has sent; none where no header could show it.
    #[must_use]
    pub fn shown(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self::new(text))
    }

    /// A secret of a test.
    #[cfg(test)]
    pub(crate) fn of(text: &str) -> Self {
        Self::new(text)
    }

    /// The secret itself, for whoever it is shown to.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0.text
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

/// Takes a secret out of what passes, wherever it is cut. Only bytes that may be the start of one are held back.
pub struct Redactor {
    secret: Secret,
    held: Vec<u8>,
    has_found: bool,
}

impl Redactor {
    /// Looks for this secret.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self { secret, held: Vec::new(), has_found: false }
    }

    /// What of the next bytes may pass. `None` means: all of them, as they are.
    pub fn feed(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let Sought { text: secret, finder, beginning } = &*self.secret.0;
        let secret = secret.as_bytes();
        if self.held.is_empty() && beginning.find(bytes).is_none() && beginning_at_end(bytes, secret) == 0 {
            return None;
        }
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(bytes);
        let (mut passes, mut rest) = (Vec::with_capacity(text.len()), text.as_slice());
        while let Some(place) = finder.find(rest) {
            passes.extend_from_slice(&rest[..place]);
            passes.extend_from_slice(REDACTED);
            self.has_found = true;
            rest = &rest[place + secret.len()..];
        }
        let (now, later) = rest.split_at(rest.len() - beginning_at_end(rest, secret));
        passes.extend_from_slice(now);
        self.held = later.to_vec();
        Some(passes)
    }

    /// What of bytes that have all come may pass.
    #[must_use]
    pub fn whole(&mut self, bytes: Bytes) -> Bytes {
        let Some(mut passes) = self.feed(&bytes) else { return bytes };
        passes.extend(self.end());
        passes.into()
    }

    /// Whether it has taken the secret out.
    #[must_use]
    pub fn has_found(&self) -> bool {
        self.has_found
    }

    /// What was held back, once nothing more comes.
    pub fn end(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Redactor")
    }
}

/// How many bytes at the end of a text may be the start of a part.
fn beginning_at_end(text: &[u8], part: &[u8]) -> usize {
    let longest = part.len().saturating_sub(1).min(text.len());
    let (Some(first), end) = (part.first(), &text[text.len() - longest..]) else { return 0 };
    let mut starts = memchr::memchr_iter(*first, end).map(|place| &end[place..]);
    starts.find(|end| part.starts_with(end)).map_or(0, <[u8]>::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(secret: &str, pieces: &[&[u8]]) -> String {
        let mut redactor = Redactor::new(Secret::of(secret));
        let mut out = Vec::new();
        for piece in pieces {
            match redactor.feed(piece) {
                None => out.extend_from_slice(piece),
                Some(passes) => out.extend(passes),
            }
        }
        out.extend(redactor.end());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_secret_is_taken_out_wherever_it_is_cut() {
        let long = "sk-abcdefghijklmnopqrstuvwxyz0123456789";
        for (secret, text, meant) in [
            ("sk-abcab", "x sk-abcabcab sk-sk-abcab sk-abca", "x [redacted]cab sk-[redacted] sk-abca"),
            (
                long,
                &format!("{} {long}{long}x{}", &long[..20], &long[1..]),
                &format!("{} [redacted][redacted]x{}", &long[..20], &long[1..]),
            ),
        ] {
            let text = text.as_bytes();
            assert_eq!(redacted(secret, &[text]), meant);
            for first in 0..=text.len() {
                for second in first..=text.len() {
                    let pieces = [&text[..first], &text[first..second], &text[second..]];
                    assert_eq!(redacted(secret, &pieces), meant, "{first} {second}");
                }
            }
        }
    }

    #[test]
    fn what_holds_no_secret_passes_as_it_is() {
        let mut redactor = Redactor::new(Secret::of("sk-abcab"));
        assert_eq!(redactor.feed(b"data: nothing to see\n\n"), None);
        assert!(!format!("{redactor:?}").contains("sk-"));
    }

    #[test]
    fn a_secret_is_read_anew_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let (reference, credentials) =
            (SecretRef::parse("model/KEY").unwrap(), Credentials::new(Some(folder.path().into())));
        assert_eq!(credentials.read(&reference).unwrap_err().code(), ErrorCode::UpstreamUnavailable);
        fs::create_dir(folder.path().join("model")).unwrap();
        for text in ["one\n", "two"] {
            fs::write(folder.path().join("model/KEY"), text).unwrap();
            assert_eq!(credentials.read(&reference).unwrap().reveal(), text.trim());
        }
        fs::remove_file(folder.path().join("model/KEY")).unwrap();
        assert!(credentials.read(&reference).is_err(), "what is gone is not shown");
        fs::write(folder.path().join("model/KEY"), "\n").unwrap();
        assert!(credentials.read(&reference).is_err());
    }

    #[test]
    fn a_renewed_secret_counts_at_once_whatever_its_times_say() {
        let folder = tempfile::tempdir().unwrap();
        let (reference, credentials) =
            (SecretRef::parse("model/KEY").unwrap(), Credentials::new(Some(folder.path().into())));
        fs::create_dir(folder.path().join("model")).unwrap();
        let path = folder.path().join("model/KEY");
        let long_ago = SystemTime::now() - Duration::from_hours(1);
        let write = |path: &Path, text: &str| {
            fs::write(path, text).unwrap();
            File::options().write(true).open(path).unwrap().set_modified(long_ago).unwrap();
        };
        let shown = || credentials.read(&reference).unwrap().reveal().to_owned();
        let settled = || {
            while !Identity::of(&fs::metadata(&path).unwrap()).has_settled() {
                std::thread::sleep(Duration::from_millis(50));
            }
        };
        // Within one tick of the file's clock nothing but its text tells one from the next, so nothing is kept.
        for text in ["three", "seven", "eight"] {
            write(&path, text);
            assert_eq!((shown(), credentials.kept().len()), (text.to_owned(), 0));
        }
        settled();
        assert_eq!((shown(), credentials.kept().len()), ("eight".to_owned(), 1));
        assert_eq!(shown(), "eight", "the one that is kept");
        // Written anew, as long and with the same time of its change.
        write(&path, "forty");
        std::thread::sleep(LOOKED);
        assert_eq!(shown(), "forty");
        settled();
        assert_eq!(shown(), "forty");
        // Another has taken its place.
        write(&folder.path().join("next"), "fifty");
        fs::rename(folder.path().join("next"), &path).unwrap();
        std::thread::sleep(LOOKED);
        assert_eq!(shown(), "fifty");
    }
}
