//! A scenario in three files, which zero bytes part: never a panic, always a bundle or an error.
#![no_main]

use kars_fuzz::{Folder, compiled};
use libfuzzer_sys::fuzz_target;

const FILES: [&str; 3] = ["scenario.yaml", "team.yaml", "rules/house.yaml"];

fuzz_target!(|bytes: &[u8]| {
    let parts = bytes.splitn(FILES.len(), |byte| *byte == 0);
    let folder = FILES.iter().zip(parts).fold(Folder::default(), |folder, (path, part)| folder.with(path, part));
    compiled(&folder);
});
