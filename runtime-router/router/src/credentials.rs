//! Secrets that the router shows to others, and never to the agent. They are read when they are shown, so that a renewed one
//! counts at once. Not here: tokens that are exchanged for something.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use kars_contract::SecretRef;
use kars_contract::agent_api::ErrorCode;

use crate::refusal::Refusal;

/// Bytes of a secret that are read.
const LARGEST: usize = 64 * 1024;
/// What stands in an answer where a secret stood.
const REDACTED: &[u8] = b"[redacted]";

/// The folder of secrets, one file for each `secret/key`.
#[derive(Clone, Debug)]
pub struct Credentials {
    folder: Option<PathBuf>,
}

/// A secret. It is not shown by accident.
#[derive(Clone)]
pub struct Secret(String);

impl Credentials {
    /// Secrets of this folder.
    #[must_use]
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
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

    /// Reads a secret.
    pub fn look(&self, reference: &SecretRef) -> Result<Secret, Refusal> {
        let found = match &self.folder {
            Some(folder) => read(&folder.join(reference.as_str())),
            None => Err("is not there: no folder of credentials is set"),
        };
        found.map_err(|problem| {
            Refusal::new(ErrorCode::UpstreamUnavailable, format!("the router's credential `{reference}` {problem}"))
        })
    }
}

/// Reads a file that holds one secret, or says what is wrong with it. A line feed at its end does not count.
pub fn read(path: &Path) -> Result<Secret, &'static str> {
    let bytes = fs::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "is not there",
        _ => "cannot be read",
    })?;
    let text = String::from_utf8(bytes).ok().filter(|text| text.len() <= LARGEST).ok_or("is no text")?;
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() { Err("is empty") } else { Ok(Secret(text.to_owned())) }
}

impl Secret {
    /// A secret that somebody has sent; none where no header could show it.
    #[must_use]
    pub fn shown(text: String) -> Option<Self> {
        let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then_some(Self(text))
    }

    /// A secret of a test.
    #[cfg(test)]
    pub(crate) fn of(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The secret itself, for whoever it is shown to.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

/// Takes a secret out of what passes, wherever it is cut. Only bytes that may be the start of one are held back.
#[derive(Debug)]
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
        let secret = self.secret.0.as_bytes();
        if self.held.is_empty() && find(bytes, secret).is_none() && beginning_at_end(bytes, secret) == 0 {
            return None;
        }
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(bytes);
        let (mut passes, mut rest) = (Vec::with_capacity(text.len()), text.as_slice());
        while let Some(place) = find(rest, secret) {
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

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    let first = part.first()?;
    let mut from = 0;
    while let Some(place) = text.get(from..)?.iter().position(|byte| byte == first) {
        from += place;
        if text[from..].starts_with(part) {
            return Some(from);
        }
        from += 1;
    }
    None
}

/// How many bytes at the end of a text may be the start of a part.
fn beginning_at_end(text: &[u8], part: &[u8]) -> usize {
    let longest = part.len().saturating_sub(1).min(text.len());
    (1..=longest).rev().find(|length| part.starts_with(&text[text.len() - length..])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(pieces: &[&[u8]]) -> String {
        let mut redactor = Redactor::new(Secret("sk-abcab".to_owned()));
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
        let text = b"x sk-abcabcab sk-sk-abcab sk-abca";
        let meant = "x [redacted]cab sk-[redacted] sk-abca";
        assert_eq!(redacted(&[text]), meant);
        for first in 0..=text.len() {
            for second in first..=text.len() {
                assert_eq!(
                    redacted(&[&text[..first], &text[first..second], &text[second..]]),
                    meant,
                    "{first} {second}"
                );
            }
        }
    }

    #[test]
    fn what_holds_no_secret_passes_as_it_is() {
        let mut redactor = Redactor::new(Secret("sk-abcab".to_owned()));
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
        fs::write(folder.path().join("model/KEY"), "\n").unwrap();
        assert!(credentials.read(&reference).is_err());
    }
}
