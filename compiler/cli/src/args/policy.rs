//! Commands that ask what the routers of a scenario decide. Not here: the rest of the command line.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{AnswerFormat, Source, Target};

#[derive(Args, Debug)]
#[command(
    after_long_help = "The scenario is compiled in memory, and the matcher that the router runs is asked. Exit codes: 0 allowed; 1 denied; 2 the
scenario has errors, or the question names an agent, server, tool or model that there is none of.

A value of an argument that is JSON is read as JSON: `limit=5` is a number, `limit='\"5\"'` text.

Examples:
  karsc why brief analyst egress api.github.com
  karsc why brief analyst egress api.github.com:8443 -o json
  karsc why brief writer tool hermes.file.write_file path=/sandbox/incoming/brief.md
  karsc why brief lead mcp deepwiki/ask_question
  karsc why brief lead mesh writer -e aks
  karsc why brief lead model main"
)]
pub(crate) struct Why {
    /// The scenario: its folder, its file, or `-` for YAML on standard input
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,
    /// Who acts
    #[arg(value_name = "AGENT")]
    pub(crate) agent: String,
    /// What kind of thing it tries
    #[arg(value_name = "KIND")]
    pub(crate) kind: Kind,
    /// What it tries: HOST or HOST:PORT, a tool id, SERVER/TOOL, an agent, or a model
    #[arg(value_name = "SUBJECT")]
    pub(crate) subject: String,
    /// With `tool` and `mcp`: the arguments of the call
    #[arg(value_name = "NAME=VALUE")]
    pub(crate) args: Vec<String>,
    #[command(flatten)]
    pub(crate) target: Target,
    /// As text or JSON
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: AnswerFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Kind {
    /// Open a connection to a host
    Egress,
    /// Call a tool
    Tool,
    /// Call a tool of an MCP server
    Mcp,
    /// Start a message to an agent
    Mesh,
    /// Ask a model
    Model,
}

#[derive(Args, Debug)]
#[command(
    after_long_help = "Each file of `tests/` lists expectations: who tries what, and what its router must answer, perhaps by which rule. The
matcher that the router runs is asked. Exit codes: 0 all of them hold, or there are none; 1 some do not; 2 the scenario or a
test has errors. With `-o json` and `-o junit` what fails is printed to standard error, too.

Examples:
  karsc test brief
  karsc test brief -e aks
  karsc test brief -o junit > junit.xml"
)]
pub(crate) struct Test {
    #[command(flatten)]
    pub(crate) source: Source,
    /// How results are printed
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: TestFormat,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum TestFormat {
    /// One line for each expectation that does not hold, and how many do
    Text,
    /// All expectations with their answers
    Json,
    /// XML that CI systems read
    Junit,
}

#[derive(Args, Debug)]
#[command(
    after_long_help = "The patch adds the hosts that the log speaks of and the scenario does not list, each to its agent's own `egress`, and
leaves everything else as it is, comments too. It has been compiled: no rule refuses it. Nothing is written; a patch of reach
wants a second pair of eyes. A host that no entry can name, or that a rule refuses, is named on standard error with the reason.
A scenario in KCL is a program: the entries are printed, and the exit code is 2.

Examples:
  karsc suggest --from decisions.jsonl brief
  karsc suggest --from decisions.jsonl brief | patch -p1
  karsc suggest --from - brief -e production < decisions.jsonl | git apply"
)]
pub(crate) struct Suggest {
    #[command(flatten)]
    pub(crate) source: Source,
    /// The decision log of a router, one JSON object on each line; `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) from: PathBuf,
}
