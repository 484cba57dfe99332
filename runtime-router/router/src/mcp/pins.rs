//! How each tool was described when the agent first had it. A description that changes is refused until a new document is
//! served: what a model is told about a tool was reviewed with it. Not here: asking servers.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use kars_contract::{Digest, Name};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

const FILE: &str = "mcp-pins.json";

/// Descriptions that were seen, by server and tool.
#[derive(Debug)]
pub struct Pins {
    path: PathBuf,
    content: Content,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Content {
    /// The document that they were seen under.
    document: String,
    servers: BTreeMap<Name, BTreeMap<String, Digest>>,
}

impl Pins {
    /// Reads what was seen under this document; what was seen under another counts no more.
    pub fn open(folder: &Path, document: &Digest) -> io::Result<Self> {
        let path = folder.join(FILE);
        let content = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                io::Error::new(ErrorKind::InvalidData, format!("`{FILE}` in the folder of state is damaged: {error}"))
            })?,
            Err(error) if error.kind() == ErrorKind::NotFound => Content::default(),
            Err(error) => return Err(error),
        };
        let document = document.to_string();
        let content = if content.document == document { content } else { Content { document, ..Content::default() } };
        Ok(Self { path, content })
    }

    /// Whether a tool is described as before; remembers how, the first time.
    pub fn holds(&mut self, server: &Name, tool: &str, description: &Digest) -> io::Result<bool> {
        let known = self.content.servers.entry(server.clone()).or_default();
        if let Some(pinned) = known.get(tool) {
            return Ok(pinned == description);
        }
        known.insert(tool.to_owned(), description.clone());
        self.write().map(|()| true)
    }

    fn write(&self) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let mut file = NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut file, &self.content)?;
        file.write_all(b"\n")?;
        file.as_file().sync_data()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_stays_until_another_document() {
        let folder = tempfile::tempdir().unwrap();
        let [document, other, one, two] = [b"d", b"e", b"1", b"2"].map(|bytes| Digest::of(bytes));
        let server: Name = "wiki".parse().unwrap();
        let mut pins = Pins::open(folder.path(), &document).unwrap();
        assert!(pins.holds(&server, "ask", &one).unwrap());
        assert!(!pins.holds(&server, "ask", &two).unwrap());
        let mut pins = Pins::open(folder.path(), &document).unwrap();
        assert!(!pins.holds(&server, "ask", &two).unwrap(), "a restart forgets nothing");
        let mut pins = Pins::open(folder.path(), &other).unwrap();
        assert!(pins.holds(&server, "ask", &two).unwrap());
        fs::write(folder.path().join(FILE), "{").unwrap();
        assert!(Pins::open(folder.path(), &other).is_err());
    }
}
