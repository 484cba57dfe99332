//! Layers that nobody should unpack. Each is a good one with one change.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, Header};

use super::*;

fn compressed(archive: &[u8]) -> Vec<u8> {
    let mut compressor = GzEncoder::new(Vec::new(), Compression::new(6));
    compressor.write_all(archive).unwrap();
    compressor.finish().unwrap()
}

fn header(path: &str, size: u64) -> Header {
    let mut header = Header::new_ustar();
    // `set_path` would refuse some of the names that are tried.
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_size(size);
    header.set_cksum();
    header
}

fn archive(entries: &[(Header, &[u8])]) -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    for (header, bytes) in entries {
        archive.append(header, *bytes).unwrap();
    }
    archive.into_inner().unwrap()
}

#[track_caller]
fn refused(entries: &[(Header, &[u8])], why: &str) {
    let error = unpack(&compressed(&archive(entries))).unwrap_err().to_string();
    assert!(error.contains(why), "{error}");
}

fn changed(change: impl FnOnce(&mut Header)) -> Header {
    let mut header = header("bundle.json", 2);
    change(&mut header);
    header.set_cksum();
    header
}

#[test]
fn the_unchanged_layer_is_unpacked() {
    let files = unpack(&compressed(&archive(&[(header("bundle.json", 2), b"{}")]))).unwrap();
    assert_eq!(files, Files::from([("bundle.json".to_owned(), b"{}".to_vec())]));
}

#[test]
fn paths_that_lead_out_are_refused() {
    for path in ["/etc/passwd", "../x", "a/../x", "./x", "a//x", "a/", "a\\x", "a\nx", ""] {
        refused(&[(header(path, 2), b"{}")], "not a plain relative path");
    }
    let mut latin = header("", 2);
    latin.as_old_mut().name[..2].copy_from_slice(b"\xff\xfe");
    latin.set_cksum();
    refused(&[(latin, b"{}")], "not a plain relative path");
}

#[test]
fn entries_that_are_no_plain_files_are_refused() {
    let types = [
        (EntryType::Symlink, "a symbolic link"),
        (EntryType::Link, "a hard link"),
        (EntryType::Char, "a device"),
        (EntryType::Block, "a device"),
        (EntryType::Fifo, "a device"),
        (EntryType::Directory, "a folder"),
        (EntryType::Continuous, "an extension"),
        (EntryType::GNULongName, "an extension"),
        (EntryType::GNULongLink, "an extension"),
        (EntryType::GNUSparse, "an extension"),
        (EntryType::XHeader, "an extension"),
        (EntryType::XGlobalHeader, "an extension"),
    ];
    for (kind, why) in types {
        refused(&[(changed(|header| header.set_entry_type(kind)), b"{}")], why);
    }
    for mode in [0o755, 0o4644, 0o2644, 0o600, 0o666] {
        refused(&[(changed(|header| header.set_mode(mode)), b"{}")], "not of mode 0644");
    }
}

#[test]
fn names_that_are_there_twice_are_refused() {
    let one = || (header("agents/a/x", 1), &b"1"[..]);
    refused(&[one(), one()], "there twice");
    refused(&[one(), (header("agents/A/x", 1), b"1")], "upper and lower case");
}

#[test]
fn sizes_in_another_notation_are_refused() {
    let mut gnu = Header::new_gnu();
    gnu.set_path("bundle.json").unwrap();
    gnu.set_mode(0o644);
    gnu.set_size(2);
    gnu.set_cksum();
    refused(&[(gnu, b"{}")], "not in the format `ustar`");
    let binary = changed(|header| {
        header.as_old_mut().size = [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
    });
    refused(&[(binary, b"{}")], "another notation");
}

#[test]
fn broken_archives_are_refused() {
    let good = archive(&[(header("bundle.json", 2), b"{}")]);
    let layer = compressed(&good);
    let mut twice = layer.clone();
    twice.extend(compressed(&good));
    let mut trailing = good.clone();
    trailing.extend([1; 512]);
    let mut checksum = good.clone();
    checksum[0] = b'B';
    let broken: [&[u8]; 7] = [
        b"",
        b"not gzip",
        &layer[..layer.len() - 9],
        &twice,
        &compressed(&trailing),
        &compressed(&checksum),
        &compressed(&archive(&[(header("bundle.json", 1 << 30), b"{}")])),
    ];
    for bytes in broken {
        assert!(matches!(unpack(bytes), Err(Unpackable::Broken(_))), "{:?}", unpack(bytes));
    }
}

#[test]
fn bombs_are_stopped_early() {
    let mut compressor = GzEncoder::new(Vec::new(), Compression::new(6));
    let mut big = header("bundle.json", 7 << 30);
    big.set_cksum();
    compressor.write_all(big.as_bytes()).unwrap();
    for _ in 0..64 {
        compressor.write_all(&vec![0; 1 << 20]).unwrap();
    }
    let bomb = compressor.finish().unwrap();
    assert!(bomb.len() < 100_000);
    assert!(matches!(unpack(&bomb), Err(Unpackable::TooLarge(_))));
    assert!(matches!(unpack(&vec![0; (LARGEST_LAYER + 1).try_into().unwrap()]), Err(Unpackable::TooLarge(_))));
}
