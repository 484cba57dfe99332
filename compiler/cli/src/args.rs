//! The command line, as clap reads it; `--help`, completions and the manual are made from it.

mod cluster;
mod policy;
mod registry;
mod signing;

use std::num::NonZeroU8;
use std::path::PathBuf;

use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
pub(crate) use cluster::{Access, Diff, Status, Wait};
use kars_contract::instant::Instant;
use kars_scenario::name::Name;
pub(crate) use policy::{Kind, Suggest, Test, TestFormat, Why};
pub(crate) use registry::{Inspect, Lock, Publish};
pub(crate) use signing::{Keygen, Sign, Verify};

/// Compiles agent scenarios into reviewed, signed Kubernetes bundles.
///
/// Exit codes: 0 done; 1 a negative answer (differences, findings); 2 invalid input or usage; 3 environment (files,
/// registry, cluster, lock); 4 refused to lose something; 10 no signature, 11 no bundle, 12 no matching signature, 13 meant
/// for another place, 14 not what was signed, 15 older than what was accepted, 16 expired; 70 a fault of karsc itself; 130, 141, 143 interrupted, reader
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
    /// Print which files were read, too
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
    /// Compare the objects of a scenario with those of another bundle, or of a cluster
    Diff(Diff),
    /// Lay out the files of a scenario in one way, comments kept
    Fmt(Fmt),
    /// Draw who writes to whom, and what each agent reaches
    Graph(Graph),
    /// Say whether an agent may do something, and which line decides
    Why(Why),
    /// Run the policy tests of a scenario
    Test(Test),
    /// Propose what an allowlist lacks, from a router's decision log, as a patch
    Suggest(Suggest),
    /// Start a new scenario
    Init(Init),
    /// Make a pair of keys: one that signs, one that verifies
    Keygen(Keygen),
    /// Sign a bundle: its inventory, and each router's document
    Sign(Sign),
    /// Check who signed a bundle, for whom, and that it is what was signed
    Verify(Verify),
    /// Publish a signed bundle in a registry
    Publish(Publish),
    /// Print what a registry holds of a bundle; nothing is verified
    Inspect(Inspect),
    /// Pin images by digest, and catalogs and schema, in `karsc.lock`
    Lock(Lock),
    /// Print a script that completes commands in a shell
    Completions(Completions),
    /// Print the manual, or write its pages
    Man(Man),
    /// Print how far a cluster is from a bundle, and why
    Status(Status),
    /// Wait until a cluster holds a bundle, and enforces it
    Wait(Wait),
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
    #[command(flatten)]
    pub(crate) target: Target,
}

/// For what, and when, a scenario is compiled.
#[derive(Args, Clone, Debug)]
pub(crate) struct Target {
    /// The environment: a file of `environments/`, or the built-in `kind` or `aks`
    #[arg(short, long, value_name = "NAME", default_value = "kind")]
    pub(crate) environment: String,
    /// The moment to judge dates by; now, or `SOURCE_DATE_EPOCH`, by default
    #[arg(long, value_name = "TIME")]
    pub(crate) as_of: Option<Instant>,
}

#[derive(Args, Debug)]
#[command(after_long_help = "Examples:
  karsc build examples/scenarios/exec-brief-hermes
  karsc build brief -e aks -o out
  karsc build brief -o out --check
  karsc build brief -o out --watch
  karsc build brief --stage resolved
  karsc build brief -o -
  karsc build clusters/production --platform -e aks -o platform
  karsc build out --layout argo-hydrator --dry-sha 3ff41cc5247197a6caf50216c4c76cc29d78a97d -o branch")]
pub(crate) struct Build {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Write the bundle to this folder; `-` streams its objects as YAML; without it a summary is printed
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Compare with the folder of `-o` instead of writing it; 1 where they differ
    #[arg(long, requires = "output")]
    pub(crate) check: bool,
    /// Build again whenever a file of the scenario changes, until interrupted
    #[arg(long, requires = "output", conflicts_with = "check")]
    pub(crate) watch: bool,
    /// Build the platform bundle of the environment instead: the fence that administrators own. PATH holds `environments/`
    #[arg(long, requires = "output", conflicts_with_all = ["stage", "watch"])]
    pub(crate) platform: bool,
    /// Lay out the files as another tool does. PATH may then be a bundle, signed or not, instead of a scenario
    #[arg(long, value_name = "LAYOUT", requires_all = ["output", "dry_sha"], conflicts_with_all = ["check", "watch", "platform", "stage"])]
    pub(crate) layout: Option<Layout>,
    /// With `--layout`: the commit that the bundle was built from
    #[arg(long, value_name = "COMMIT", requires = "layout", value_parser = commit)]
    pub(crate) dry_sha: Option<String>,
    /// With `--layout`: the repository of that commit; that of the bundle itself by default
    #[arg(long, value_name = "URL", requires = "layout")]
    pub(crate) dry_repository: Option<String>,
    /// Print what a stage made, and stop there
    #[arg(long, value_name = "STAGE", conflicts_with_all = ["output", "check", "watch"])]
    pub(crate) stage: Option<Stage>,
}

#[derive(Args, Debug)]
#[command(after_long_help = "Examples:
  karsc check brief
  karsc check brief -e aks --message-format github
  karsc check - < scenario.yaml")]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) source: Source,
}

#[derive(Args, Debug)]
#[command(after_long_help = "The files are the scenario's own, what it includes, `environments/` and `tests/`.

Examples:
  karsc fmt brief
  karsc fmt brief --check
  karsc fmt - < scenario.yaml")]
pub(crate) struct Fmt {
    /// The scenario: its folder, its file, or `-` for standard input
    #[arg(value_name = "PATH", default_value = ".")]
    pub(crate) path: PathBuf,
    /// Write nothing; name the files that would change, and end with 1 where there are any
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Args, Debug)]
#[command(after_long_help = "Examples:
  karsc graph brief
  karsc graph brief --format mermaid
  karsc graph brief --format dot | dot -Tsvg -o brief.svg")]
pub(crate) struct Graph {
    #[command(flatten)]
    pub(crate) source: Source,
    /// What to draw in
    #[arg(long, value_name = "FORMAT", default_value = "tree")]
    pub(crate) format: GraphFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum GraphFormat {
    /// A flowchart that code hosts draw in Markdown
    Mermaid,
    /// The language of Graphviz
    Dot,
    /// Nodes and edges
    Json,
    /// Text for a terminal
    Tree,
}

#[derive(Args, Debug)]
#[command(after_long_help = "Examples:
  karsc init demo
  karsc init")]
pub(crate) struct Init {
    /// The name of the scenario, and of the folder that is made for it; without it the current folder is used
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<Name>,
}

#[derive(Args, Debug)]
#[command(after_long_help = "Examples:
  karsc completions bash > karsc.bash
  karsc completions zsh > _karsc")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

#[derive(Args, Debug)]
#[command(after_long_help = "Examples:
  karsc man
  karsc man -o share/man/man1")]
pub(crate) struct Man {
    /// Write one page for each command to this folder
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Args, Debug)]
#[command(after_long_help = "Examples:
  karsc version
  karsc version -o json")]
pub(crate) struct Version {
    /// As text or JSON
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: AnswerFormat,
}

#[derive(Args, Debug)]
#[command(after_long_help = "Examples:
  karsc schema
  karsc schema scenario
  karsc schema -o schemas
  karsc schema --kcl -o karsc")]
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
#[command(after_long_help = "Examples:
  karsc explain K0412
  karsc explain agents.analyst.egress
  karsc explain 'agents.*.egress[].host'
  karsc explain environment.delivery.engine")]
pub(crate) struct Explain {
    /// A field, such as `agents.*.egress[].host` or `environment.delivery.engine`, or a code, such as `K0301`
    #[arg(value_name = "FIELD|CODE")]
    pub(crate) topic: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum AnswerFormat {
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

/// A layout of files other than our own.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Layout {
    /// The branch that the source hydrator of Argo CD writes
    ArgoHydrator,
}

/// The full name of a commit: 40 or 64 hexadecimal digits.
fn commit(text: &str) -> Result<String, &'static str> {
    let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if digits && [40, 64].contains(&text.len()) {
        return Ok(text.to_owned());
    }
    Err("a commit is named by its 40 or 64 digits; `git rev-parse HEAD` prints them")
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum MessageFormat {
    Human,
    Json,
    Short,
    Github,
    Sarif,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples_and_all_of_them_parse() {
        for command in Arguments::command().get_subcommands() {
            let help = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            let examples: Vec<_> = help.lines().filter_map(|line| line.strip_prefix("  karsc ")).collect();
            assert!(!examples.is_empty(), "`{}` has no example", command.get_name());
            for example in examples {
                let words = example.split(['|', '<', '>']).next().unwrap_or_default().split_whitespace();
                let parsed = Arguments::try_parse_from(std::iter::once("karsc").chain(words));
                assert!(parsed.is_ok(), "`karsc {example}`: {}", parsed.unwrap_err());
            }
        }
    }
}
