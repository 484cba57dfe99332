//! The arguments of the commands that make keys, sign bundles and check them. Not here: registries.

use std::path::PathBuf;

use clap::Args;
use kars_contract::instant::Instant;
use kars_scenario::name::Name;
use kars_scenario::quantity::Duration;

use super::AnswerFormat;

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
    /// The bundle's folder, or the artifact in a registry
    #[arg(value_name = "DIR|oci://…")]
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
    /// The moment to judge by; now by default
    #[arg(long, value_name = "TIME")]
    pub(crate) as_of: Option<Instant>,
    /// Speak to the registry without TLS, though it is another machine
    #[arg(long)]
    pub(crate) plain_http: bool,
    /// How to print what was checked
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: AnswerFormat,
}

#[derive(Args, Debug)]
#[command(
    after_long_help = "The password comes from `COSIGN_PASSWORD` (it may be empty), from a file, or is asked for at a terminal.

Examples:
  karsc keygen
  karsc keygen -o release
  karsc keygen -o builder --password-file password.txt"
)]
pub(crate) struct Keygen {
    /// Write PREFIX.key and PREFIX.pub
    #[arg(short, long, value_name = "PREFIX", default_value = "karsc")]
    pub(crate) output: PathBuf,
    /// A file with the password; a line feed at its end does not count
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Write the private key without a password, as PKCS#8 PEM: for machines that guard it otherwise
    #[arg(long, conflicts_with = "password_file")]
    pub(crate) plain: bool,
}

#[derive(Args, Debug)]
#[command(
    after_long_help = "Fills the signature slots and `signatures/`, and changes nothing else. The same inputs give the same bytes.
A private key that others may read is refused (3), as is one in the bundle's folder (2) or a wrong password (2).

Examples:
  karsc sign out --key release.key
  karsc sign out --key release.key --attestation-key builder.key --serial 1795478400
  karsc sign out --key first.key --key second.key --not-after 30d --grace 2d
  karsc sign out --key release.key --keep oci://ghcr.io/acme/bundles/brief:production"
)]
pub(crate) struct Sign {
    /// The bundle's folder
    #[arg(value_name = "DIR")]
    pub(crate) bundle: PathBuf,
    /// A file with a private key; once for each key
    #[arg(long = "key", value_name = "FILE", required_unless_present = "identity_token")]
    pub(crate) keys: Vec<PathBuf>,
    /// A file with the private key that attests provenance and packages; never one of the keys that sign
    #[arg(long, value_name = "FILE")]
    pub(crate) attestation_key: Option<PathBuf>,
    /// A file with the password of the keys; `COSIGN_PASSWORD`, or a terminal, by default
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// A file with the password of the attestation key; that of the other keys by default
    #[arg(long, value_name = "FILE")]
    pub(crate) attestation_password_file: Option<PathBuf>,
    /// What orders signatures, in Unix seconds; when HEAD was committed, by default
    #[arg(long, value_name = "SECONDS")]
    pub(crate) serial: Option<u64>,
    /// How long after the serial the signature counts
    #[arg(long, value_name = "DURATION", default_value = "90d")]
    pub(crate) not_after: Duration,
    /// How long a router goes on after that, with an alarm
    #[arg(long, value_name = "DURATION", default_value = "7d")]
    pub(crate) grace: Duration,
    /// An earlier release: agents whose document is the same keep their signed statement for the first half of its time,
    /// so that only what changed is applied again
    #[arg(long, value_name = "DIR|oci://…")]
    pub(crate) keep: Option<PathBuf>,
    /// Speak to the registry of `--keep` without TLS, though it is another machine
    #[arg(long, requires = "keep")]
    pub(crate) plain_http: bool,
    /// Drop the signatures of other keys over another statement
    #[arg(long)]
    pub(crate) replace: bool,
    /// A file with an identity token, to sign without a key; it needs a certificate authority for tokens
    #[arg(long, value_name = "FILE", conflicts_with = "keys")]
    pub(crate) identity_token: Option<PathBuf>,
}
