//! The folder that a build writes: whole or not at all, alone or not at all, and nobody's other files. Not here: its bytes.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{Place, scenario};

/// The built-in environment with another address of the cluster's DNS.
const ENVIRONMENT: &str = "apiVersion: karsc.dev/v1alpha1
kind: Environment
metadata: { name: kind }
base: kind
cluster: { dns: 10.96.0.99 }
";

/// What lies in the folder beside the scenario and the bundle.
fn leftovers(place: &Place) -> Vec<String> {
    let known = ["brief", "new", "old", "out"];
    let entries = fs::read_dir(place.path("")).expect("the folder can be read").flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| !known.contains(&name.as_str())).collect()
}

#[test]
fn a_killed_build_leaves_the_old_tree_or_the_new() {
    let place = Place::with_agents(6);
    let started = Instant::now();
    place.run("build brief -o old").expect(0);
    let whole = started.elapsed();
    let changed = scenario(6).replace("example.org", "example.com");
    place.write("brief/scenario.yaml", &changed);
    place.run("build brief -o new").expect(0);
    let (old, new) = (place.tree("old"), place.tree("new"));
    let mut killed = 0;
    for point in 0..40 {
        let (text, before) = if point % 2 == 0 { (scenario(6), &new) } else { (changed.clone(), &old) };
        let after = if point % 2 == 0 { &old } else { &new };
        place.write("brief/scenario.yaml", text);
        let mut command = place.command(["build", "brief", "-o", "out"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // The points are spread over a whole build, and a little beyond its end.
        std::thread::sleep(whole * point / 36);
        killed += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        let there = place.tree("out");
        assert!(there.is_empty() && point < 2 || there == *before || there == *after, "half a tree at point {point}");
        place.run("build brief -o out").expect(0);
        assert!(place.tree("out") == *after, "the next build at point {point}");
        assert_eq!(leftovers(&place), Vec::<String>::new());
    }
    assert!(killed > 0, "no build was still running when it was killed");
}

#[test]
fn two_at_once_do_not_mix() {
    let place = Place::with_agents(2);
    place.run("build brief -o out").expect(0);
    let before = place.tree("out");
    let lock = fs::File::create(place.path(".out.karsc-lock")).unwrap();
    lock.lock().unwrap();
    place.write("brief/scenario.yaml", scenario(3));
    let err = place.run("build brief -o out").expect(3).err;
    assert!(err.contains("locked"), "{err}");
    assert!(place.tree("out") == before);
    drop(lock);
    place.run("build brief -o out").expect(0);
}

#[test]
fn what_no_build_wrote_is_not_replaced() {
    let place = Place::with_agents(1);
    place.write("out/notes.txt", "mine");
    let err = place.run("build brief -o out").expect(4).err;
    assert!(err.contains("`notes.txt`"), "{err}");
    assert_eq!(place.tree("out").len(), 1);

    fs::remove_dir_all(place.path("out")).unwrap();
    place.run("build brief -o out").expect(0);
    place.write("out/agents/a0/99-mine.yaml", "mine: true\n");
    place.run("build brief -o out").expect(4);
    assert_eq!(place.read("out/agents/a0/99-mine.yaml"), "mine: true\n");
}

#[test]
fn a_place_that_is_no_folder_is_refused() {
    let place = Place::with_agents(1);
    place.write("file", "text");
    fs::create_dir(place.path("real")).unwrap();
    symlink("real", place.path("link")).unwrap();
    symlink("nowhere", place.path("dangling")).unwrap();
    for (out, word) in
        [("file", "not a folder"), ("link", "symbolic link"), ("dangling", "symbolic link"), ("file/out", "cannot be")]
    {
        let err = place.run(&format!("build brief -o {out}")).expect(3).err;
        assert!(err.contains(word), "{out}: {err}");
    }
    assert!(place.tree("real").is_empty());
    assert_eq!(place.read("file"), "text");
}

#[test]
fn a_full_disk_leaves_the_old_tree() {
    let place = Place::with_agents(1);
    if place.shell("unshare -rm true").code != 0 {
        eprintln!("skipped: this machine gives no mount namespace, so there is no disk to fill");
        return;
    }
    place.write("larger/scenario.yaml", scenario(60));
    fs::create_dir(place.path("disk")).unwrap();
    let run = place.shell(
        "exec unshare -rm sh -c '
            mount -t tmpfs -o size=1m none disk && $K build brief -o disk/out && $K build brief -o disk/out --check || exit 99
            $K build larger -o disk/out; test $? = 3 || exit 98
            $K build brief -o disk/out --check && test -z \"$(ls -A disk | grep -v -e ^out$)\"'",
    );
    let run = run.expect(0);
    assert!(run.err.contains("No space left"), "{}", run.err);
}

#[test]
fn drift_is_named_with_object_and_line() {
    let place = Place::with_agents(2);
    place.run("build brief -o out").expect(0);
    place.run("build brief -o out --check").expect(0);
    let path = "out/agents/a1/50-statefulset.yaml";
    let text = place.read(path);
    place.write(path, text.replace("replicas: 1", "replicas: 5"));
    let run = place.run("build brief -o out --check").expect(1);
    assert!(run.err.contains(path), "{}", run.err);
    assert!(run.err.contains("scenario.yaml:"), "{}", run.err);
    assert!(run.out.contains("-  replicas: 5") && run.out.contains("+  replicas: 1"), "{}", run.out);
    assert_eq!(place.read(path), text.replace("replicas: 1", "replicas: 5"), "nothing is written");

    place.write(path, text);
    place.write("out/agents/a1/60-more.yaml", "kind: ConfigMap\n");
    let err = place.run("build brief -o out --check").expect(1).err;
    assert!(err.contains("60-more.yaml"), "{err}");
}

#[test]
fn a_watching_build_builds_again_until_it_is_interrupted() {
    let place = Place::with_agents(3);
    let mut child = place.command(["build", "brief", "-o", "out", "--watch"]);
    let child = child.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let wait_for = |what: &dyn Fn() -> bool| {
        let until = Instant::now() + Duration::from_secs(30);
        while !what() {
            assert!(Instant::now() < until, "nothing was built");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    wait_for(&|| place.path("out/bundle.json").exists());
    let base = scenario(3).replace("    role: worker 0", "    persona: { file: who.md }\n    role: worker 0");
    let edits = [
        base.replace("h1.example.org", "one.example.com"),
        base.replace("h1.example.org", "two.example.com"),
        // What other agents see of one: its role, its time-out.
        base.replace("role: worker 1", "role: chief"),
        base.replace("respond: { mode: auto, timeout: 1m }", "respond: { mode: auto, timeout: 2m }"),
        // What all agents share.
        base.replace("gpt-5-mini", "gpt-5.4"),
        base.replace("tokensPerDay: 200000", "tokensPerDay: 300000"),
        base.replace("contoso.services", "fabrikam.services"),
        format!("# Every line moves.\n{base}"),
        base.replace("  - { from: a2, to: [a0], replies: true }\n", ""),
        scenario(4),
        base.clone(),
    ];
    for text in edits {
        place.write("brief/who.md", format!("Number {}.\n", text.len()));
        place.write("brief/scenario.yaml", &text);
        // A build of its own says whether the folder holds what it should.
        wait_for(&|| place.run("build brief -o out --check").code == 0);
    }
    place.write("brief/who.md", "Somebody else.\n");
    place.write("brief/environments/kind.yaml", ENVIRONMENT);
    wait_for(&|| place.run("build brief -o out --check").code == 0);
    fs::remove_file(place.path("brief/environments/kind.yaml")).unwrap();
    // What somebody has changed in the folder is put right with the next build.
    let path = "out/agents/a0/50-statefulset.yaml";
    place.write("scratch", place.read(path).replace("replicas: 1", "replicas: 7"));
    fs::rename(place.path("scratch"), place.path(path)).unwrap();
    place.write("brief/scenario.yaml", base.replace("h1.example.org", "three.example.com"));
    wait_for(&|| place.run("build brief -o out --check").code == 0);
    // A fault is reported, and the next good state is built.
    place.write("brief/scenario.yaml", "kind: [");
    std::thread::sleep(Duration::from_millis(500));
    place.write("brief/scenario.yaml", scenario(2));
    wait_for(&|| !place.path("out/agents/a2").exists());
    place.shell(&format!("kill -INT {}", child.id())).expect(0);
    let ended = crate::support::ended(&child.wait_with_output().unwrap());
    assert_eq!(ended.code, 130, "{}", ended.err);
    assert!(ended.err.contains("K0101"), "{}", ended.err);
    place.run("build brief -o out --check").expect(0);
}
