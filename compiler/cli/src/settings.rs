//! The environment variables of the command. Not here: those of the programs in the cluster.

use crate::outcome::Failure;
use crate::print::Printer;

/// Where the KCL engine is.
pub(crate) const KCL: &str = "KARSC_KCL";
/// The password of a private key; cosign reads it, too.
pub(crate) const COSIGN_PASSWORD: &str = "COSIGN_PASSWORD";

/// All of them.
const KNOWN: [&str; 1] = [KCL];

/// Warns of a variable that looks like one of ours and is none: a misspelt setting would do nothing in silence.
pub(crate) fn warn_of_unknown(printer: &Printer) -> Result<(), Failure> {
    let mut unknown: Vec<_> = std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.starts_with("KARSC_") && !KNOWN.contains(&name.as_str()))
        .collect();
    unknown.sort();
    unknown.iter().try_for_each(|name| {
        printer.warning(&format!("the environment variable `{name}` is not known; known is {}", KNOWN.join(", ")))
    })
}
