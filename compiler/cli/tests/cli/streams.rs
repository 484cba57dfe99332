//! Data goes to standard output, all else to standard error; readers that go and disks that are full are noticed.
//! Not here: the texts themselves.

use std::fs::File;
use std::process::Stdio;

use crate::support::{Place, ended, run, scenario};

#[test]
fn a_scenario_may_come_over_standard_input() {
    let place = Place::with_agents(2);
    let mut command = place.command(["build", "-"]);
    let piped = run(command.stdin(File::open(place.path("brief/scenario.yaml")).unwrap())).expect(0);
    assert_eq!(piped.out, place.run("build brief").expect(0).out);

    place.shell("$K check - < /dev/null").expect(2);
    place.shell("$K check - <&-").expect(2);
    place.shell("echo 'kind: [' | $K check -").expect(2);
}

#[test]
fn a_reader_that_has_gone_is_no_fault() {
    let place = Place::with_agents(2);
    for line in
        ["build brief", "build brief -o -", "graph brief", "build brief --stage resolved", "--help", "completions bash"]
    {
        // The reading end is closed before the program starts.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let run = run(place.command(line.split(' ')).stdout(writer));
        assert_eq!((run.code, run.err.as_str()), (141, ""), "{line}");
    }
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    place.write("brief/scenario.yaml", "kind: [");
    let output = place.command(["check", "brief"]).stderr(writer).output().unwrap();
    assert_eq!(ended(&output).code, 141);
}

#[test]
fn a_full_disk_behind_standard_output_is_no_success() {
    let place = Place::with_agents(1);
    for line in
        ["build brief", "build brief -o -", "graph brief", "version", "--help", "--version", "completions zsh", "man"]
    {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let run = run(place.command(line.split(' ')).stdout(full));
        assert_eq!(run.code, 3, "{line}: {}", run.err);
    }
}

#[test]
fn closed_streams_do_no_harm() {
    let place = Place::with_agents(1);
    for closed in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"] {
        let code = place.shell(&format!("$K build brief -o out {closed}")).code;
        assert!([0, 3].contains(&code), "{closed}: {code}");
    }
    place.run("build brief -o out --check").expect(0);
}

#[test]
fn data_and_talk_are_apart() {
    let place = Place::with_agents(1);
    let built = place.run("build brief -o out").expect(0);
    assert_eq!(built.out, "");
    assert_ne!(built.err, "");
    assert_eq!(place.run("build brief -o out -q").expect(0).err, "");
    let summary = place.run("build brief").expect(0);
    assert_eq!(summary.err, "");

    place.write("brief/scenario.yaml", scenario(1).replace("gpt-5-mini", "gpt-5-mini\n    surprise: true"));
    let human = place.run("check brief").expect(2);
    assert_eq!(human.out, "");
    assert!(human.err.contains("error[K0"), "{}", human.err);
    for format in ["json", "short", "github", "sarif"] {
        let run = place.run(&format!("check brief --message-format {format}")).expect(2);
        assert!(run.out.contains("K0") && run.err.is_empty(), "{format}: {}{}", run.out, run.err);
    }
}

#[test]
fn colours_follow_the_conventions() {
    let place = Place::with_agents(1);
    place.write("brief/scenario.yaml", "kind: [");
    let coloured = |line: &str, settings: &[(&str, &str)]| {
        let mut command = place.command(line.split(' '));
        command.env("TERM", "xterm-256color").envs(settings.iter().copied()).stderr(Stdio::piped());
        run(&mut command).expect(2).err.contains('\u{1b}')
    };
    assert!(!coloured("check brief", &[]), "no terminal");
    assert!(coloured("check brief", &[("CLICOLOR_FORCE", "1")]));
    assert!(coloured("check brief --color always", &[]));
    assert!(coloured("check brief --color always", &[("NO_COLOR", "1")]), "what is written on the line wins");
    assert!(!coloured("check brief", &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "0")]));
    assert!(!coloured("check brief", &[("TERM", "dumb")]));
    assert!(!coloured("check brief --color never", &[("CLICOLOR_FORCE", "1")]));
}

#[test]
fn a_setting_that_is_not_ours_is_named() {
    let place = Place::with_agents(1);
    let run = run(place.command(["check", "brief"]).env("KARSC_KLC", "x")).expect(0);
    assert!(run.err.contains("`KARSC_KLC`"), "{}", run.err);
}
