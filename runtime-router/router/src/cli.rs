//! The command line of the router. Without a subcommand it serves. Not here: what the subcommands do.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use kars_contract::agent_api::JSON_DEPTH;
use kars_contract::document::Document;
use kars_contract::router::{Limits, RouterDocument};
use kars_kit::document::Loaded;
use kars_kit::settings::{BadSetting, Environment, Settings, path};
use kars_kit::{clock, log};
use serde::Serialize;
use tokio::runtime::{Builder, Runtime};

use crate::audit::Head;
use crate::audit::verify::verify;
use crate::config::{self, Config};
use crate::ctl::{CannotShow, Page, show};
use crate::echo;
use crate::platform::HostedTool;
use crate::process::{self, AUDIT_FOLDER, CannotStart};

/// A negative answer.
const NO: u8 = 1;
/// Wrong usage, settings or input.
const WRONG: u8 = 2;
/// Files, sockets, the system.
const ENVIRONMENT: u8 = 3;

#[derive(Debug, Parser)]
#[command(
    name = "kars-router",
    version,
    about = "An agent's only way out of its sandbox",
    disable_help_subcommand = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read a document as the router would, without serving it
    Check {
        /// The document; with the settings of a router, its signature is checked, too
        #[arg(value_name = "FILE")]
        document: Option<PathBuf>,
    },
    /// Load the packet filter rules of the document into the pod's network, before anything else of the pod starts
    Guard,
    /// Ask the router beside this process whether it serves
    Probe,
    /// Say back what is said, as the runtime of an agent that is there for tests; `SANDBOX_NAME` is its name
    Echo {
        /// Where to listen, on loopback
        #[arg(long, value_name = "IP:PORT", default_value_t = echo::ADDRESS)]
        listen: SocketAddr,
    },
    /// Look at the log of decisions
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Ask a running router, over its socket in the folder of state
    Ctl {
        #[command(subcommand)]
        page: Page,
    },
    /// Print the version and every limit
    Version {
        /// How to print
        #[arg(short, long, default_value = "text")]
        output: Format,
    },
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Check that no line was changed, removed or added, offline
    Verify {
        /// The folder of the log; that of the settings by default
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
        /// A line that is known from elsewhere, as `NUMBER:HASH`
        #[arg(long, value_name = "NUMBER:HASH")]
        head: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// What a subcommand ends with: text for its output, or a sentence and an exit code.
type Outcome = Result<String, (u8, String)>;

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let environment = Environment::read();
    let outcome = match cli.command {
        None => serve(&environment),
        Some(Command::Check { document }) => check(document.as_deref(), &environment),
        Some(Command::Guard) => guard(&environment),
        Some(Command::Probe) => probe(&environment),
        Some(Command::Echo { listen }) => responder(listen, &environment),
        Some(Command::Audit { command: AuditCommand::Verify { folder, head } }) => {
            audit(folder, head.as_deref(), &environment)
        }
        Some(Command::Ctl { page }) => ctl(&page, &environment),
        Some(Command::Version { output }) => Ok(version(output)),
    };
    match outcome {
        Ok(text) => {
            print(&text);
            ExitCode::SUCCESS
        }
        Err((code, message)) => {
            eprintln!("error: {message}");
            ExitCode::from(code)
        }
    }
}

#[expect(clippy::print_stdout, reason = "the answer of a subcommand goes to stdout, and here alone")]
fn print(text: &str) {
    print!("{text}");
}

fn serve(environment: &Environment) -> Outcome {
    let config = Config::load(environment).map_err(|error| (WRONG, error.to_string()))?;
    start_log(config.log.as_deref(), environment)?;
    // On one core nobody is there to share work with, and most pods give their router no more.
    let builder = match std::thread::available_parallelism() {
        Ok(cores) if cores.get() > 1 => Builder::new_multi_thread(),
        _ => Builder::new_current_thread(),
    };
    ended(runtime(builder)?.block_on(process::run(config)), "connections or lines of the audit log were cut off")
}

fn responder(listen: SocketAddr, environment: &Environment) -> Outcome {
    let name = environment.get(echo::NAME).ok_or_else(|| (WRONG, BadSetting::Missing(echo::NAME).to_string()))?;
    if !listen.ip().is_loopback() {
        return Err((WRONG, format!("`{listen}` is not on loopback, where the router asks")));
    }
    start_log(environment.get(kars_contract::settings::LOG).as_deref(), environment)?;
    ended(runtime(Builder::new_current_thread())?.block_on(echo::run(name, listen)), "connections were cut off")
}

fn ended(ended: Result<bool, CannotStart>, unfinished: &str) -> Outcome {
    match ended {
        Ok(true) => Ok(String::new()),
        Ok(false) => Err((ENVIRONMENT, unfinished.to_owned())),
        Err(error) => Err((ENVIRONMENT, error.to_string())),
    }
}

fn start_log(filter: Option<&str>, environment: &Environment) -> Result<(), (u8, String)> {
    log::start(filter).map_err(|error| (WRONG, format!("the log's filter is wrong: {error}")))?;
    for name in environment.unknown() {
        tracing::warn!(name, "a setting that nobody reads");
    }
    Ok(())
}

fn check(document: Option<&Path>, environment: &Environment) -> Outcome {
    if let Some(path) = document {
        let bytes = std::fs::read(path).map_err(|error| (ENVIRONMENT, format!("`{}`: {error}", path.display())))?;
        let document = RouterDocument::decode(&bytes);
        let document = document.map_err(|error| (14, format!("`{}`: {error}", path.display())))?;
        return Ok(described(&document, document.digest().as_ref()));
    }
    let loaded = judged(environment)?;
    Ok(described(loaded.document(), loaded.digest.as_ref()))
}

/// The document of the settings, without regard to what was accepted before: the router, which remembers it, has that say.
fn judged(environment: &Environment) -> Result<Loaded, (u8, String)> {
    let wrong = |error: BadSetting| (WRONG, error.to_string());
    let (files, pod) = (config::files(environment).map_err(wrong)?, config::pod(environment).map_err(wrong)?);
    let loaded = files.read().and_then(|content| content.judge(pod.as_ref(), clock::now(), None));
    loaded.map_err(|error| (error.exit_code(), format!("{error} ({})", error.code())))
}

#[cfg(target_os = "linux")]
fn guard(environment: &Environment) -> Outcome {
    start_log(environment.get(kars_contract::settings::LOG).as_deref(), environment)?;
    let loaded = judged(environment)?;
    let rules = crate::guard::enforce(&loaded.document().guard).map_err(|error| (ENVIRONMENT, error.to_string()))?;
    tracing::info!(digest = loaded.digest.to_string(), rules, "the guard's list is in force");
    Ok(String::new())
}

#[cfg(not(target_os = "linux"))]
fn guard(_: &Environment) -> Outcome {
    Err((ENVIRONMENT, "only Linux has the guard's packet filter; run it in a pod".to_owned()))
}

fn described(document: &RouterDocument, digest: &str) -> String {
    let identity = &document.identity;
    format!("{digest}\nagent {} in {}, cluster {}\n", identity.agent, identity.namespace, identity.cluster)
}

fn probe(environment: &Environment) -> Outcome {
    let mut address = config::admin(environment).map_err(|error| (WRONG, error.to_string()))?;
    if address.ip().is_unspecified() {
        address.set_ip([127, 0, 0, 1].into());
    }
    let answer = runtime(Builder::new_current_thread())?.block_on(crate::pages::probe(address));
    match answer {
        Ok((true, text)) => Ok(text),
        Ok((false, text)) => Err((NO, text.trim_end().to_owned())),
        Err(error) => Err((NO, format!("no router answers on {address}: {error}"))),
    }
}

fn audit(folder: Option<PathBuf>, head: Option<&str>, environment: &Environment) -> Outcome {
    let head = head.map(known).transpose()?;
    let folder = match folder {
        Some(folder) => folder,
        None => state(environment)?.join(AUDIT_FOLDER),
    };
    match verify(&folder, head.as_ref()) {
        Ok(whole) => Ok(format!(
            "whole: {} lines, from {} to {}\nhead {}:{}\n",
            whole.lines, whole.first, whole.head.seq, whole.head.seq, whole.head.hash
        )),
        Err(crate::audit::verify::Broken::Unreadable(error)) => Err((ENVIRONMENT, error.to_string())),
        Err(broken) => Err((NO, broken.to_string())),
    }
}

fn known(text: &str) -> Result<Head, (u8, String)> {
    let head =
        text.split_once(':').and_then(|(seq, hash)| Some(Head { seq: seq.parse().ok()?, hash: hash.to_owned() }));
    head.ok_or_else(|| (WRONG, format!("`{text}` is no line: write `NUMBER:HASH`, as `audit verify` prints it")))
}

fn ctl(page: &Page, environment: &Environment) -> Outcome {
    let state = state(environment)?;
    match runtime(Builder::new_current_thread())?.block_on(show(page, &state, print)) {
        Ok(()) => Ok(String::new()),
        Err(error @ CannotShow::Nobody(..)) => Err((ENVIRONMENT, error.to_string())),
        Err(error @ (CannotShow::Status(_) | CannotShow::Broken(_))) => Err((NO, error.to_string())),
    }
}

fn state(environment: &impl Settings) -> Result<PathBuf, (u8, String)> {
    path(environment, kars_contract::settings::STATE_DIR).map_err(|error| (WRONG, error.to_string()))
}

fn runtime(mut builder: Builder) -> Result<Runtime, (u8, String)> {
    builder.enable_all().build().map_err(|error| (ENVIRONMENT, format!("the system has no threads: {error}")))
}

fn version(output: Format) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Facts {
        name: &'static str,
        version: &'static str,
        document: u32,
        json_depth: usize,
        limits: Limits,
        /// Seconds that a call of a hosted tool may take, by tool.
        platform_seconds: BTreeMap<&'static str, u64>,
    }
    let facts = Facts {
        name: "kars-router",
        version: env!("CARGO_PKG_VERSION"),
        document: RouterDocument::VERSION,
        json_depth: JSON_DEPTH,
        limits: Limits::default(),
        platform_seconds: HostedTool::ALL.map(|tool| (tool.name(), tool.patience().as_secs())).into(),
    };
    match output {
        Format::Text => format!("{} {}\n", facts.name, facts.version),
        Format::Json => serde_json::to_string_pretty(&facts).expect("its keys are text") + "\n",
    }
}
