//! Guides whose commands are run, one block after the other, in a copy of what they are about. Not here: their prose.

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use crate::registry::fake::Fake;
use crate::support::{Place, Run, run};

/// The blocks of a guide that a shell runs, each with the exit code that its line of words announces.
fn blocks(guide: &str) -> Vec<(i32, String)> {
    let mut blocks = Vec::new();
    for part in guide.split("\n```sh").skip(1) {
        let (words, rest) = part.split_once('\n').expect("a block has lines");
        let (commands, _) = rest.split_once("\n```").expect("a block is closed");
        let code = words.trim().strip_prefix("exit=").map_or(0, |code| code.parse().expect("a number"));
        blocks.push((code, commands.to_owned()));
    }
    blocks
}

/// Runs commands as a reader with an empty password would, with `karsc` on the path and in a repository. What is committed
/// is dated so many minutes before now, half a minute added: between two blocks a reader thinks, and the test does not.
fn typed(place: &Place, commands: &str, minutes_ago: u64) -> Run {
    let bin = Path::new(env!("CARGO_BIN_EXE_karsc")).parent().expect("it lies in a folder");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").expect("there is a path"));
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", commands]).current_dir(place.path("")).env("PATH", path).env("COSIGN_PASSWORD", "");
    for (name, value) in [("NAME", "reader"), ("EMAIL", "reader@example.org")] {
        shell.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970").as_secs();
    shell.env("GIT_COMMITTER_DATE", format!("@{} +0000", now + 30 - 60 * minutes_ago));
    run(shell.env("GIT_CONFIG_GLOBAL", "/dev/null").env_remove("GIT_DIR"))
}

#[test]
fn keys_and_rotation_do_what_the_guide_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let guide = std::fs::read_to_string(root.join("docs/guides/keys-and-rotation.md")).expect("it is there");
    let place = Place::new();
    let clone = "git init -q . && git add examples && git commit -q -m clone";
    typed(&place, &format!("cp -r {}/examples . && {clone}", root.display()), 60).expect(0);
    let blocks = blocks(&guide);
    assert_eq!(blocks.iter().filter(|(code, _)| *code != 0).count(), 3, "what must fail is run, too");
    let incident = blocks.iter().position(|(_, commands)| commands.contains("minSerial")).expect("there is one");
    for (index, (code, commands)) in blocks.iter().enumerate() {
        let run = typed(&place, commands, incident.saturating_sub(index) as u64);
        assert_eq!(run.code, *code, "{commands}\n{}{}", run.out, run.err);
    }
}

#[test]
fn a_bundle_crosses_an_air_gap_as_the_guide_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let guide = std::fs::read_to_string(root.join("docs/guides/air-gap.md")).expect("it is there");
    let registry = Fake::honest();
    let guide = guide.replace("registry.internal.example/kars/brief", &format!("{}/acme/brief", registry.host()));
    let place = Place::new();
    let clone = "git init -q . && git add examples && git commit -q -m clone";
    typed(&place, &format!("cp -r {}/examples . && {clone}", root.display()), 1).expect(0);
    for (code, commands) in blocks(&guide) {
        let run = typed(&place, &commands, 0);
        assert_eq!(run.code, code, "{commands}\n{}{}", run.out, run.err);
    }
    assert!(registry.seen().iter().any(|request| request.path == "manifests/prod" && request.method == "PUT"));
}
