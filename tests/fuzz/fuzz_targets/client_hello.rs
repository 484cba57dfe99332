//! Any bytes as a TLS handshake: where a TLS server reads a name in them, we read the same name or refuse; and what is behind a
//! complete handshake changes nothing.
#![no_main]

use kars_router::proxy::fuzz::server_name;
use libfuzzer_sys::fuzz_target;
use rustls::server::Acceptor;

/// The name that rustls reads; none where it refuses, needs more, or finds no name.
fn server_reads(mut bytes: &[u8]) -> Option<String> {
    let mut acceptor = Acceptor::default();
    while !bytes.is_empty() {
        acceptor.read_tls(&mut bytes).ok()?;
        if let Some(accepted) = acceptor.accept().ok()? {
            return accepted.client_hello().server_name().map(str::to_owned);
        }
    }
    None
}

fuzz_target!(|bytes: &[u8]| {
    let Some(read) = server_name(bytes) else { return };
    let longer = [bytes, &[0x17, 3, 3, 0, 1, 0]].concat();
    assert_eq!(server_name(&longer), Some(read.clone()));
    if let Some(meant) = server_reads(bytes) {
        assert!(read.as_deref().is_some_and(|read| read.eq_ignore_ascii_case(&meant)), "{read:?} {meant:?}");
    }
});
