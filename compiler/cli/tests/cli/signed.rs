//! A bundle that was built and signed, and what is asked about it. Not here: any test.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kars_trust::PrivateKey;

use crate::support::{Place, Run};

/// 2026-11-24, in Unix seconds.
pub(crate) const SERIAL: u64 = 1_795_478_400;
/// A week later.
pub(crate) const NOW: &str = "--as-of 2026-12-01T00:00:00Z";

/// Two agents in `out/`, signed by `release` and attested by `builder`; a key `other` has nothing to do with it.
pub(crate) fn signed() -> Place {
    let place = built();
    sign(&place, SERIAL, "--attestation-key builder.key").expect(0);
    place
}

/// The same before it is signed.
pub(crate) fn built() -> Place {
    let place = Place::with_agents(2);
    place.run("build brief -o out").expect(0);
    for key in ["release", "builder", "other"] {
        place.run(&format!("keygen --plain -o {key}")).expect(0);
    }
    place
}

pub(crate) fn sign(place: &Place, serial: u64, more: &str) -> Run {
    place.run(&format!("sign out --key release.key --serial {serial} {more}"))
}

/// Whether the bundle is one of `release` and `builder`, a week after it was signed.
pub(crate) fn verify(place: &Place, more: &str) -> Run {
    place.run(&format!("verify out --key release.pub --attestation-key builder.pub {NOW} {more}"))
}

/// Expects this exit code, and a message that names what is at fault.
#[track_caller]
pub(crate) fn refused(run: Run, code: i32, names: &str) {
    let run = run.expect(code);
    assert!(run.err.contains(names), "`{names}` is not named: {}", run.err);
    assert!(run.out.is_empty(), "{}", run.out);
}

/// A key that `keygen --plain` made.
pub(crate) fn private_key(place: &Place, file: &str) -> PrivateKey {
    let pem = place.read(file);
    let pem: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    PrivateKey::from_pkcs8_der(&STANDARD.decode(pem).expect("it is PEM")).expect("it is a key")
}

pub(crate) fn mode(place: &Place, path: &str) -> u32 {
    fs::metadata(place.path(path)).expect("it is there").permissions().mode() & 0o7777
}
