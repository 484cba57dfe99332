//! A signature file: one Sigstore bundle on each line, by the hints of their keys, each closed by a line feed. A bundle
//! of version 0.3 has room for one signature, and a threshold needs several; with one key, the file is an ordinary
//! bundle. There is one way to write each. Not here: whose keys they are.

use std::collections::BTreeMap;

use crate::envelope::Envelope;
use crate::refusal::Refusal;

/// The largest file that is read, in bytes.
const MAX_BYTES: usize = 64 << 20;

/// Signatures over one statement, by the hints of their keys.
#[derive(Clone, Debug, Default)]
pub struct SignatureFile {
    envelopes: BTreeMap<String, Envelope>,
}

impl SignatureFile {
    /// Adds a signature. It takes the place of one by the same key; those over another statement are dropped.
    pub fn add(&mut self, envelope: Envelope) {
        self.envelopes.retain(|_, other| other.payload() == envelope.payload());
        self.envelopes.insert(envelope.hint().to_owned(), envelope);
    }

    /// The signatures, by the hints of their keys.
    pub fn envelopes(&self) -> impl Iterator<Item = &Envelope> {
        self.envelopes.values()
    }

    /// What was signed; absent where nothing was.
    #[must_use]
    pub fn payload(&self) -> Option<&[u8]> {
        self.envelopes.values().next().map(Envelope::payload)
    }

    /// The bytes of the file.
    #[must_use]
    pub fn encode(&self) -> String {
        self.envelopes.values().map(|envelope| envelope.encode() + "\n").collect()
    }

    /// Reads what [`Self::encode`] writes, and nothing else. An empty file is no signature.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.is_empty() {
            return Err(Refusal::Unsigned);
        }
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= MAX_BYTES);
        let text = text.and_then(|text| text.strip_suffix('\n')).ok_or(Refusal::NotCanonical)?;
        let mut file = Self::default();
        for line in text.split('\n') {
            let envelope = Envelope::decode(line)?;
            // The order of hints rules out a key that signed twice.
            if file.envelopes.last_key_value().is_some_and(|(last, _)| last.as_str() >= envelope.hint()) {
                return Err(Refusal::NotCanonical);
            }
            if file.payload().is_some_and(|payload| payload != envelope.payload()) {
                return Err(Refusal::SeveralStatements);
            }
            file.envelopes.insert(envelope.hint().to_owned(), envelope);
        }
        Ok(file)
    }
}
