//! Files into a layer. One file name after the other, and within a name one folder after the other: files that resemble
//! each other lie side by side, which makes a bundle of many agents five times smaller. Not here: which files.

use std::io::{self, Write};

use flate2::{Compression, GzBuilder};
use kars_contract::digest::Digest;
use sha2::{Digest as _, Sha256};
use tar::{EntryType, Header};

use super::{Files, LARGEST_ARCHIVE, LARGEST_LAYER, Layer};

/// A bundle that does not fit in one layer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the bundle does not fit in one layer of {} MiB, {} MiB unpacked; split the scenario", LARGEST_LAYER >> 20, LARGEST_ARCHIVE >> 20)]
pub(crate) struct TooLarge;

/// Packs files. Every one is dated by the given second.
pub(crate) fn pack(files: &Files, second: u64) -> Result<Layer, TooLarge> {
    let size: u64 = files.values().map(|bytes| bytes.len() as u64 + 1024).sum();
    if size > LARGEST_ARCHIVE {
        return Err(TooLarge);
    }
    let mut paths: Vec<_> = files.keys().collect();
    paths.sort_unstable_by_key(|path| by_name(path));
    let compressor = GzBuilder::new().mtime(0).write(Vec::new(), Compression::new(6));
    let mut archive = tar::Builder::new(Hashed { hash: Sha256::new(), inner: compressor });
    for path in paths {
        let bytes = &files[path];
        archive.append(&header(path, bytes.len() as u64, second), bytes.as_slice()).expect("memory can be written");
    }
    let Hashed { hash, inner } = archive.into_inner().expect("memory can be written");
    let bytes = inner.finish().expect("memory can be written");
    if bytes.len() as u64 > LARGEST_LAYER {
        return Err(TooLarge);
    }
    Ok(Layer { digest: Digest::of(&bytes), archive: digest(&hash.finalize()), bytes })
}

/// The file's name, then its folder.
fn by_name(path: &str) -> (&str, &str) {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    (name, folder)
}

fn digest(hash: &[u8]) -> Digest {
    let text: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    Digest::parse(&format!("sha256:{text}")).expect("a hash is 32 bytes")
}

/// Passes bytes on, and hashes them.
struct Hashed<W> {
    hash: Sha256,
    inner: W,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hash.update(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn header(path: &str, size: u64, second: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_path(path).expect("paths of a bundle fit in a header");
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(second);
    header.set_size(size);
    header.set_cksum();
    header
}

#[cfg(test)]
mod tests {
    use super::super::unpack;
    use super::*;

    fn files(entries: &[(&str, &str)]) -> Files {
        entries.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_owned())).collect()
    }

    #[test]
    fn what_is_packed_is_what_is_unpacked() {
        let files = files(&[("bundle.json", "{}"), ("agents/a/00.yaml", "a"), ("agents/b/00.yaml", ""), ("z", "\0")]);
        let layer = pack(&files, 1_700_000_000).unwrap();
        assert_eq!(unpack(&layer.bytes).unwrap(), files);
        assert_eq!(layer.digest, Digest::of(&layer.bytes));
    }

    #[test]
    fn a_layer_is_the_same_bytes_everywhere() {
        let files = files(&[("agents/a/00.yaml", "one"), ("agents/b/00.yaml", "two"), ("bundle.json", "{}")]);
        let layer = pack(&files, 7).unwrap();
        assert_eq!(layer.archive.as_str(), "sha256:24e2bfd4211997bce142fbff2e2b6bae6428cd7c0db14ada562fab5ccc54abaa");
        assert_eq!(layer.digest.as_str(), "sha256:9066fd86b453344a26ff843a643ef6e9f201bf64bc1b3c5de5c49abb755b07cb");
        assert_eq!(layer.bytes.get(..10), Some(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255][..]));
        assert_ne!(pack(&files, 8).unwrap().digest, layer.digest);
    }

    #[test]
    fn files_of_one_name_lie_together() {
        let mut paths = ["b/2", "a/1", "1", "b/1", "a/2"];
        paths.sort_unstable_by_key(|path| by_name(path));
        assert_eq!(paths, ["1", "a/1", "b/1", "a/2", "b/2"]);
    }
}
