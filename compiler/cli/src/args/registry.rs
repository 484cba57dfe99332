//! The part of the command line that is about registries. Not here: the rest of it.

use std::path::PathBuf;

use clap::Args;

use super::AnswerFormat;
use crate::registry::Address;

#[derive(Args, Debug)]
#[command(
    after_long_help = "Credentials are those of `docker login`: Docker's configuration and its credential helpers.

Examples:
  karsc inspect oci://ghcr.io/acme/kars-bundles/brief:production
  karsc inspect oci://ghcr.io/acme/kars-bundles/brief:production -o json"
)]
pub(crate) struct Inspect {
    /// The artifact
    #[arg(value_name = "oci://…")]
    pub(crate) artifact: Address,
    /// Speak to the registry without TLS, though it is another machine
    #[arg(long)]
    pub(crate) plain_http: bool,
    /// How to print what was found
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: AnswerFormat,
}

#[derive(Args, Debug)]
#[command(
    after_long_help = "The bundle must be signed with the same key. It appears by digest first, then its signatures, and the tag at last.
Credentials are those of `docker login`: Docker's configuration and its credential helpers.

Examples:
  karsc publish out oci://ghcr.io/acme/kars-bundles/brief --key release.key
  karsc publish out oci://ghcr.io/acme/kars-bundles/brief:production --key release.key --attestation-key builder.key
  karsc publish out oci://ghcr.io/acme/kars-bundles/brief --key release.key --pin clusters/production/brief.yaml
  karsc publish out oci://ghcr.io/acme/kars-bundles/brief --key release.key --dry-run"
)]
pub(crate) struct Publish {
    /// The bundle's folder
    #[arg(value_name = "DIR")]
    pub(crate) bundle: PathBuf,
    /// Where to; the tag is the environment's name by default
    #[arg(value_name = "oci://…")]
    pub(crate) artifact: Address,
    /// A file with a private key; once for each key
    #[arg(long = "key", value_name = "FILE", required = true)]
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
    /// Write the digest into this file's Flux `OCIRepository` or Argo CD `Application`, comments kept
    #[arg(long, value_name = "FILE")]
    pub(crate) pin: Option<PathBuf>,
    /// Print the digest; ask no registry, write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Write the older `.sig` tag, too, for Flux up to 2.7; it can be passed off as the signature of other content
    #[arg(long)]
    pub(crate) legacy_signature: bool,
    /// Speak to the registry without TLS, though it is another machine
    #[arg(long)]
    pub(crate) plain_http: bool,
}

#[derive(Args, Debug)]
#[command(
    after_long_help = "Images are those of the environments; without `-e`, of all in `environments/`. A tag that several platforms share is
pinned for all of them. The digests of catalogs and schema, and the KCL engine's version, are written beside them.

Examples:
  karsc lock brief
  karsc lock brief -e production -e staging
  karsc lock brief --check
  karsc lock brief --offline"
)]
pub(crate) struct Lock {
    /// The scenario: its folder or its file; or a folder that holds `environments/`
    #[arg(value_name = "PATH", default_value = ".")]
    pub(crate) path: PathBuf,
    /// An environment whose images are locked; once for each
    #[arg(short, long = "environment", value_name = "NAME")]
    pub(crate) environments: Vec<String>,
    /// Write nothing; name the lines that would change, and end with 1 where there are any
    #[arg(long)]
    pub(crate) check: bool,
    /// Ask no registry: keep the digests of images that are there
    #[arg(long)]
    pub(crate) offline: bool,
    /// Speak to registries without TLS, though they are other machines
    #[arg(long)]
    pub(crate) plain_http: bool,
}
