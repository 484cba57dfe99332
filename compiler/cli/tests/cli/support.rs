//! Runs the binary in a folder of its own. Not here: any test.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A folder that is removed with the test.
pub(crate) struct Place {
    folder: TempDir,
}

/// What a run left.
#[derive(Debug)]
pub(crate) struct Run {
    /// The exit code; 128 and the number where a signal ended it, as a shell counts.
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Files by their path.
pub(crate) type Tree = BTreeMap<String, Vec<u8>>;

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("the temporary folder can be written") }
    }

    /// With a scenario of so many agents in `brief/`.
    pub(crate) fn with_agents(agents: usize) -> Self {
        let place = Self::new();
        place.write("brief/scenario.yaml", scenario(agents));
        place
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("the folder can be made");
        fs::write(path, bytes).expect("the file can be written");
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(crate) fn tree(&self, path: &str) -> Tree {
        tree(&self.path(path))
    }

    /// The command, to be run in the folder, with no setting of the caller.
    pub(crate) fn command<I: IntoIterator<Item: AsRef<OsStr>>>(&self, arguments: I) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_karsc"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "SOURCE_DATE_EPOCH"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs a line of words.
    pub(crate) fn run(&self, line: &str) -> Run {
        run(&mut self.command(line.split_whitespace()))
    }

    /// Runs a line of a shell; `$K` is the command.
    pub(crate) fn shell(&self, line: &str) -> Run {
        let mut command = Command::new("sh");
        command.args(["-c", line]).env("K", env!("CARGO_BIN_EXE_karsc")).current_dir(self.folder.path());
        run(&mut command)
    }
}

pub(crate) fn run(command: &mut Command) -> Run {
    ended(&command.output().expect("the command can be started"))
}

pub(crate) fn ended(output: &Output) -> Run {
    use std::os::unix::process::ExitStatusExt;
    let code = output.status.code().or_else(|| Some(128 + output.status.signal()?));
    Run {
        code: code.expect("it has ended"),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Run {
    /// The same run, which must have ended so.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }
}

/// The files of a folder and its subfolders.
pub(crate) fn tree(folder: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut open = vec![folder.to_owned()];
    while let Some(inner) = open.pop() {
        for entry in fs::read_dir(inner).into_iter().flatten() {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("it lies in the folder").to_string_lossy().into_owned();
                tree.insert(name, fs::read(&path).expect("the file can be read"));
            }
        }
    }
    tree
}

/// A scenario of agents that write to each other in a ring; one agent writes to nobody.
pub(crate) fn scenario(agents: usize) -> String {
    let mut text = "apiVersion: karsc.dev/v1alpha1
kind: Scenario
metadata: { name: brief }
models:
  main:
    provider: azure-foundry
    deployment: gpt-5-mini
    endpoint: https://contoso.services.ai.azure.com/api/projects/demo
    credential: { secret: model-credentials, key: AZURE_OPENAI_API_KEY }
defaults:
  runtime: { kind: hermes, version: 0.15.2 }
  model: main
  budget: { tokensPerDay: 200000, tokensPerRequest: 60000 }
agents:
"
    .to_owned();
    let (mesh, respond) = match agents {
        1 => ("", ""),
        _ => (", \"kars.mesh.*\"", "\n    respond: { mode: auto, timeout: 1m }"),
    };
    for agent in 0..agents {
        text.push_str(&format!(
            "  a{agent}:
    role: worker {agent}
    tools: [\"hermes.todo.*\"{mesh}]{respond}
    egress:
      - {{ host: h{agent}.example.org, reason: work }}
"
        ));
    }
    if agents > 1 {
        text.push_str("links:\n");
        for agent in 0..agents {
            text.push_str(&format!("  - {{ from: a{agent}, to: [a{}], replies: true }}\n", (agent + 1) % agents));
        }
    }
    text
}
