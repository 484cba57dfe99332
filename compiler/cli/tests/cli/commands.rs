//! What each command does with good input. Not here: exit codes and streams, which are the same for all.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Place, scenario};

#[test]
fn a_new_scenario_builds_without_a_warning() {
    let place = Place::new();
    place.run("init demo").expect(0);
    let err = place.run("check demo").expect(0).err;
    assert!(err.contains("no fault"), "{err}");
    place.run("fmt demo --check").expect(0);
    place.run("build demo -o out").expect(0);
    let files = place.tree("demo");
    for path in ["scenario.yaml", ".gitignore", ".karsc/scenario.schema.json", "tests/policy.yaml", "CODEOWNERS"] {
        assert!(files.contains_key(path), "{path}");
    }
    assert!(files.values().all(|bytes| !bytes.windows(2).any(|pair| pair == b"{{")), "a hole is left");

    place.write("half/prompt.md", "mine");
    let err = place.run("init half").expect(4).err;
    assert!(err.contains("half/prompt.md"), "{err}");
    assert_eq!(place.tree("half").len(), 1, "nothing is written where something would be lost");

    // A name that YAML readers take for a boolean.
    place.run("init on").expect(0);
    place.run("check on").expect(0);
}

#[test]
fn a_new_scenario_may_take_the_current_folder() {
    let place = Place::new();
    fs::create_dir_all(place.path("demo")).unwrap();
    crate::support::run(place.command(["init"]).current_dir(place.path("demo"))).expect(0);
    place.run("check demo").expect(0);
    fs::create_dir_all(place.path("Not A Name")).unwrap();
    crate::support::run(place.command(["init"]).current_dir(place.path("Not A Name"))).expect(2);
}

#[test]
fn formatting_keeps_comments_and_meaning() {
    let place = Place::with_agents(2);
    let digest = place.run("build brief").expect(0).out;
    let untidy = scenario(2)
        .replace("    role: worker 0", "    # Does the work.\n    role:    'worker 0'   # for now")
        .replace("metadata: { name: brief }", "metadata: {name:   brief}");
    place.write("brief/scenario.yaml", &untidy);
    place.write(
        "brief/environments/near.yaml",
        "# Near.\napiVersion: karsc.dev/v1alpha1\nkind:   Environment\nmetadata: {name: near}\nbase: kind\n",
    );
    let listed = place.run("fmt brief --check").expect(1).out;
    assert_eq!(listed, "brief/environments/near.yaml\nbrief/scenario.yaml\n");
    assert_eq!(place.read("brief/scenario.yaml"), untidy);
    place.run("fmt brief").expect(0);
    let tidy = place.read("brief/scenario.yaml");
    assert!(tidy.contains("    # Does the work.\n    role: \"worker 0\" # for now\n"), "{tidy}");
    assert!(tidy.contains("metadata: { name: brief }"), "{tidy}");
    assert_eq!(place.run("build brief").expect(0).out, digest);
    place.run("fmt brief --check").expect(0);
    assert_eq!(place.shell("$K fmt - < brief/scenario.yaml").expect(0).out, tidy);
}

#[test]
fn the_examples_are_laid_out() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/scenarios");
    let folders = fs::read_dir(examples).unwrap().map(|entry| entry.unwrap().path());
    let scenarios: Vec<_> = folders.filter(|path| path.join("scenario.yaml").exists()).collect();
    assert!(scenarios.len() > 8, "{scenarios:?}");
    for path in scenarios {
        let place = Place::new();
        let run = crate::support::run(&mut place.command(["fmt".as_ref(), path.as_os_str(), "--check".as_ref()]));
        assert_eq!(run.code, 0, "`karsc fmt` lays out {}", run.out);
    }
}

#[test]
fn formatting_never_writes_over_a_secret_or_a_broken_file() {
    let place = Place::with_agents(1);
    // Put together here, so that no scanner takes it for a real one.
    let secret = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
    let text = scenario(1).replace("role: worker 0", &format!("role:  {secret}"));
    place.write("brief/scenario.yaml", text);
    place.run("fmt brief").expect(0);
    assert!(place.read("brief/scenario.yaml").contains(&format!("role: {secret}\n")));

    place.write("brief/environments/broken.yaml", "kind: [\n");
    place.write("brief/scenario.yaml", scenario(1).replace("role: w", "role:   w"));
    let err = place.run("fmt brief").expect(2).err;
    assert!(err.contains("broken.yaml"), "{err}");
    assert_eq!(place.read("brief/scenario.yaml"), scenario(1).replace("role: w", "role:   w"), "all or nothing");
}

#[test]
fn a_difference_is_shown_object_by_object() {
    let place = Place::with_agents(2);
    place.run("build brief -o out").expect(0);
    // Another layout of the same object is no difference.
    let path = "out/agents/a0/00-namespace.yaml";
    let lines = place.read(path);
    let (first, rest) = lines.split_once('\n').unwrap();
    place.write(path, format!("{rest}{first}\n"));
    assert_eq!(place.run("diff brief --against out").expect(0).out, "");

    let statefulset = "out/agents/a1/50-statefulset.yaml";
    place.write(statefulset, place.read(statefulset).replace("replicas: 1", "replicas: 0"));
    let relay = place.tree("out/mesh").into_keys().find(|file| file.contains("namespace")).expect("the mesh has one");
    fs::remove_file(place.path("out/mesh").join(&relay)).unwrap();
    place.write("out/agents/a1/70-more.yaml", "kind: ConfigMap\n");
    let out = place.run("diff brief --against out").expect(1).out;
    let headers: Vec<_> = out.lines().filter(|line| line.starts_with("--- ") || line.starts_with("+++ ")).collect();
    let expected = [
        "--- /dev/null".to_owned(),
        format!("+++ scenario/mesh/{relay}"),
        format!("--- {statefulset}"),
        "+++ scenario/agents/a1/50-statefulset.yaml".to_owned(),
        "--- out/agents/a1/70-more.yaml".to_owned(),
        "+++ /dev/null".to_owned(),
    ];
    assert_eq!(headers, expected);
}

#[test]
fn a_graph_is_drawn_in_every_format() {
    let place = Place::with_agents(2);
    let hostile = scenario(2).replace("role: worker 0", "role: \"\\\"]-->x<script>`#\\\\\\nend\"");
    place.write("brief/scenario.yaml", hostile);
    let draw = |format: &str| place.run(&format!("graph brief --format {format}")).expect(0).out;
    let mermaid = draw("mermaid");
    assert!(mermaid.starts_with("flowchart LR\n") && mermaid.contains("h1.example.org:443"), "{mermaid}");
    assert!(!mermaid.contains("<script>") && !mermaid.contains('`'), "{mermaid}");
    let dot = draw("dot");
    assert!(dot.contains("\\\"]-->x&lt;script>"), "{dot}");
    assert_eq!(dot.lines().filter(|line| line.contains(" -> ")).count(), 2 + 2 + 2);
    let json: serde_json::Value = serde_json::from_str(&draw("json")).unwrap();
    assert_eq!(json["edges"].as_array().unwrap().len(), 6);
    assert_eq!(json["nodes"][0]["name"], "a0");
    let tree = draw("tree");
    assert!(tree.contains("reaches h1.example.org:443 through a0 → a1"), "{tree}");
    assert_eq!(draw("tree"), tree);
}

#[test]
fn every_stage_is_shown() {
    let place = Place::with_agents(2);
    let show = |stage: &str| place.run(&format!("build brief --stage {stage}")).expect(0).out;
    assert!(show("parsed").contains("deployment: gpt-5-mini"));
    // The runtime stands in `defaults` alone.
    assert_eq!(show("resolved").matches("kind: hermes").count(), 2);
    assert_eq!(show("checked"), show("resolved"));
    assert!(show("lowered").contains("routers:\n"));
    assert_eq!(show("rendered"), place.run("build brief -o -").expect(0).out);
    place.run("build brief -o out").expect(0);
    assert_eq!(show("bundled"), place.read("out/bundle.json"));
}

#[test]
fn completions_are_scripts_of_their_shell() {
    let place = Place::new();
    let script = place.run("completions bash").expect(0).out;
    place.write("karsc.bash", &script);
    let check = Command::new("bash").arg("-n").arg(place.path("karsc.bash")).output().unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
    for shell in ["zsh", "fish", "powershell", "elvish"] {
        assert!(place.run(&format!("completions {shell}")).expect(0).out.contains("graph"), "{shell}");
    }
}

#[test]
fn every_command_has_a_page_of_the_manual() {
    let place = Place::new();
    place.run("man -o man").expect(0);
    let help = place.run("--help").expect(0).out;
    let commands = help.split_once("Commands:\n").expect("commands are listed").1;
    let commands: Vec<_> = commands.lines().take_while(|line| line.starts_with("  ")).collect();
    assert!(commands.len() > 8, "{help}");
    for command in commands {
        let name = command.split_whitespace().next().unwrap();
        assert!(place.read(&format!("man/karsc-{name}.1")).contains("Examples:"), "{name}");
    }
}
