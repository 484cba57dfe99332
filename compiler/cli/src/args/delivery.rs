//! The arguments of the commands that sign, check and deliver bundles. Not here: those that make them.

use std::path::PathBuf;

use clap::Args;
use kars_contract::instant::Instant;
use kars_scenario::name::Name;
use kars_scenario::quantity::Duration;

use super::AnswerFormat;

#[derive(Args, Debug)]
#[command(after_long_help = "The password comes from `COSIGN_PASSWORD`, which may be empty, from a file, or from a
prompt; never from an argument.

Examples:
  karsc keygen
  karsc keygen -o keys/release
  karsc keygen -o keys/release --password-file password.txt")]
pub(crate) struct Keygen {
    /// Write PREFIX.key, as cosign does, and PREFIX.pub
    #[arg(short, long, value_name = "PREFIX", default_value = "karsc")]
    pub(crate) output: PathBuf,
    /// A file that holds the password
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Write the private key as PKCS#8 without a password
    #[arg(long, conflicts_with = "password_file")]
    pub(crate) plain: bool,
}

#[derive(Args, Debug)]
#[command(after_long_help = "No reviewed byte changes: signatures go into slots that were built empty, and into
`signatures/`. A further key joins the signatures that are there when it signs the same statement.

Examples:
  karsc sign out --key release.key
  karsc sign out --key release.key --attestation-key builder.key --serial 1764028800")]
pub(crate) struct Sign {
    /// The bundle's folder
    #[arg(value_name = "DIR")]
    pub(crate) bundle: PathBuf,
    /// A file with a private key; once for each key that signs here
    #[arg(long = "key", value_name = "FILE", required_unless_present = "identity_token")]
    pub(crate) keys: Vec<PathBuf>,
    /// A file with another private key, which attests provenance and packages
    #[arg(long, value_name = "FILE")]
    pub(crate) attestation_key: Option<PathBuf>,
    /// A file that holds the password of the keys; `COSIGN_PASSWORD` or a prompt by default
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// What orders this bundle after the one before: seconds since 1970; when HEAD was committed by default
    #[arg(long, value_name = "N")]
    pub(crate) serial: Option<u64>,
    /// How long after its serial the bundle should be renewed
    #[arg(long, value_name = "DURATION", default_value = "90d")]
    pub(crate) valid: Duration,
    /// How much longer routers go on with it
    #[arg(long, value_name = "DURATION", default_value = "7d")]
    pub(crate) grace: Duration,
    /// Drop signatures of other keys over another statement
    #[arg(long)]
    pub(crate) replace: bool,
    /// Sign without a key, as the identity of the token in this file
    #[arg(long, value_name = "FILE", conflicts_with = "keys")]
    pub(crate) identity_token: Option<PathBuf>,
}

#[derive(Args, Debug)]
#[command(
    after_long_help = "Nothing of a bundle is believed before its signature is. What is printed is what was checked.

Exit codes: 10 no signature, 11 no bundle, 12 no matching signature, 13 meant for another place, 14 not what was signed,
15 older than what was accepted, 16 expired.

Examples:
  karsc verify out --key release.pub
  karsc verify out --key release.pub --audience prod-eu-1 --state accepted.json
  karsc verify out --trust trust.json --attestation-key builder.pub --rebuild brief"
)]
pub(crate) struct Verify {
    /// The bundle's folder
    #[arg(value_name = "BUNDLE")]
    pub(crate) bundle: PathBuf,
    /// A file with a public key that may have signed; once for each key
    #[arg(long = "key", value_name = "FILE", required_unless_present = "trust", conflicts_with = "trust")]
    pub(crate) keys: Vec<PathBuf>,
    /// How many of the keys must have signed
    #[arg(long, value_name = "K", default_value = "1", conflicts_with = "trust")]
    pub(crate) threshold: u8,
    /// A trust document: keys, threshold and the lowest serial
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,
    /// A file with the public key that attests provenance and packages; without it they are not looked at
    #[arg(long, value_name = "FILE")]
    pub(crate) attestation_key: Option<PathBuf>,
    /// The cluster that the bundle must be meant for
    #[arg(long, value_name = "CLUSTER")]
    pub(crate) audience: Option<Name>,
    /// A file that remembers what was accepted; what is older is refused
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// Build the bundle again from this scenario, and compare every byte
    #[arg(long, value_name = "PATH")]
    pub(crate) rebuild: Option<PathBuf>,
    /// The moment to judge by; now, or `SOURCE_DATE_EPOCH`, by default
    #[arg(long, value_name = "TIME")]
    pub(crate) as_of: Option<Instant>,
    /// How to print what was checked
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: AnswerFormat,
}
