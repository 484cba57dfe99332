//! The command line, as clap reads it; `--help`, completions and the manual are made from it.

use std::num::NonZeroU8;
use std::path::PathBuf;

use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum};
use kars_contract::instant::Instant;

/// Compiles agent scenarios into reviewed, signed Kubernetes bundles.
///
/// Exit codes: 0 done; 1 a negative answer (differences, findings); 2 invalid input or usage; 3 environment (files,
/// registry, cluster, lock); 4 refused to lose something; 70 a fault of karsc itself; 130, 141, 143 interrupted, reader
/// gone, terminated.
#[derive(Debug, Parser)]
#[command(name = "karsc", version, propagate_version = true, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
    /// Print errors alone
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Print more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// How many threads to use; one for each processor by default
    #[arg(short, long, global = true, value_name = "N")]
    pub(crate) jobs: Option<NonZeroU8>,
    /// How diagnostics are printed
    #[arg(long, global = true, value_name = "FORMAT", default_value = "human")]
    pub(crate) message_format: MessageFormat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build the bundle of a scenario
    Build(Build),
    /// Print all diagnostics of a scenario; write nothing
    Check(Check),
    /// Print the version
    Version(Version),
    /// Print a JSON Schema for editors, or the KCL package
    Schema(Schema),
    /// Explain a field or a code
    Explain(Explain),
}

/// What is compiled.
#[derive(Args, Debug)]
pub(crate) struct Source {
    /// The scenario: its folder, its file, or `-` for YAML on standard input
    #[arg(value_name = "PATH", default_value = ".")]
    pub(crate) path: PathBuf,
    /// The environment: a file of `environments/`, or the built-in `kind` or `aks`
    #[arg(short, long, value_name = "NAME", default_value = "kind")]
    pub(crate) environment: String,
    /// The moment to judge dates by; now, or `SOURCE_DATE_EPOCH`, by default
    #[arg(long, value_name = "TIME")]
    pub(crate) as_of: Option<Instant>,
}

#[derive(Args, Debug)]
pub(crate) struct Build {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Write the bundle to this folder; `-` streams its objects as YAML; without it a summary is printed
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Compare with the folder of `-o` instead of writing it; 1 where they differ
    #[arg(long, requires = "output")]
    pub(crate) check: bool,
    /// Build the platform bundle of the environment instead: the fence that administrators own. PATH holds `environments/`
    #[arg(long, requires = "output", conflicts_with = "stage")]
    pub(crate) platform: bool,
    /// Print what a stage made, and stop there
    #[arg(long, value_name = "STAGE", conflicts_with_all = ["output", "check"])]
    pub(crate) stage: Option<Stage>,
}

#[derive(Args, Debug)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) source: Source,
}

#[derive(Args, Debug)]
pub(crate) struct Version {
    /// As text or JSON
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: VersionFormat,
}

#[derive(Args, Debug)]
pub(crate) struct Schema {
    /// What to describe, such as `scenario`; without it, what there is is listed
    #[arg(value_name = "NAME", conflicts_with = "kcl")]
    pub(crate) name: Option<String>,
    /// The KCL package `karsc` instead of JSON Schemas
    #[arg(long)]
    pub(crate) kcl: bool,
    /// Write files into this folder; without NAME, all of them
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// A field, such as `agents.*.egress[].host` or `environment.delivery.engine`, or a code, such as `K0301`
    #[arg(value_name = "FIELD|CODE")]
    pub(crate) topic: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum VersionFormat {
    Text,
    Json,
}

/// A stage of the pipeline.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Stage {
    /// What was written, with includes merged in
    Parsed,
    /// Every default filled in, every name bound
    Resolved,
    /// The same, once no rule is broken
    Checked,
    /// The routers' documents
    Lowered,
    /// The Kubernetes objects
    Rendered,
    /// The inventory of the bundle
    Bundled,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum MessageFormat {
    Human,
    Json,
    Short,
    Github,
    Sarif,
}
