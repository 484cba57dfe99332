//! Holds `docs/reference/commands.md` to the command line; with `UPDATE` set, writes it. Not here: prose.

use std::path::Path;

use clap::{Command, CommandFactory};

use crate::args::Arguments;

/// How wide a line of help is, whatever the terminal.
const WIDTH: usize = 110;

fn section(command: &mut Command, heading: &str) -> String {
    let help = command.render_long_help().to_string();
    let lines: Vec<_> = help.lines().map(str::trim_end).collect();
    format!("{heading}\n\n```text\n{}\n```\n", lines.join("\n").trim_end())
}

fn reference() -> String {
    let mut command = Arguments::command().term_width(WIDTH);
    command.build();
    let mut text = "# Commands\n\nThis is what `--help` prints. Data goes to standard output, everything else to standard error.\n\n".to_owned();
    text.push_str(&section(&mut command, "## karsc"));
    for inner in command.get_subcommands_mut() {
        let heading = format!("\n## karsc {}", inner.get_name());
        text.push_str(&section(inner, &heading));
    }
    text
}

#[test]
fn the_reference_is_what_help_prints() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/commands.md");
    let meant = reference();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        return std::fs::write(path, meant).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == meant, "`docs/reference/commands.md` is not what `--help` prints; `just bless` writes it");
}
