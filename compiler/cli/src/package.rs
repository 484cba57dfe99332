//! A bundle as one layer: a tar archive, compressed, the same bytes on every machine. Not here: registries.

pub(crate) mod artifact;
mod collect;
pub(crate) mod legacy;
mod pack;
pub(crate) mod referrer;
mod unpack;

use std::collections::BTreeMap;

pub(crate) use collect::collect;
use kars_contract::digest::Digest;
pub(crate) use pack::pack;
pub(crate) use unpack::{Unpackable, unpack};

/// The largest layer, compressed.
pub(crate) const LARGEST_LAYER: u64 = 64 << 20;
/// The largest archive: 10,000 agents of 60 KiB each, and as much again.
const LARGEST_ARCHIVE: u64 = 1 << 30;
/// How many bytes one compressed byte may stand for; a bundle of 10,000 agents reaches 40.
const LARGEST_RATIO: u64 = 200;
/// What the ratio is not asked of.
const SMALL_ARCHIVE: u64 = 16 << 20;
/// How many files an archive may hold: 10,000 agents have 150,000.
const MOST_FILES: usize = 400_000;

/// Files by their path.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// A layer, ready to be pushed.
#[derive(Debug)]
pub(crate) struct Layer {
    /// The compressed archive.
    pub(crate) bytes: Vec<u8>,
    /// Of the compressed archive: what a manifest names.
    pub(crate) digest: Digest,
    /// Of the archive itself: what an image configuration names.
    pub(crate) archive: Digest,
}
