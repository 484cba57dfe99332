//! Any bytes as `scenario.yaml`: never a panic, always a bundle or an error.
#![no_main]

use kars_fuzz::{Folder, compiled};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    compiled(&Folder::default().with("scenario.yaml", bytes));
});
