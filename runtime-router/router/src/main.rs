//! The binary. Not here: anything that could be tested without it.

use std::process::ExitCode;

/// The allocator of musl is slow where threads share it, and that of glibc takes longer for what a request needs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Two crypto providers in one program would make TLS panic on first use; this one is installed before anything else.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        eprintln!("error: a crypto provider was installed before the router's");
        return ExitCode::from(70);
    }
    kars_router::cli::main()
}
