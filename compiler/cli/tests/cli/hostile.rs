//! Files that lead out of the folder, change while they are read, or are too large. Not here: what YAML may hold.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::{Place, run, scenario};

const SECRET: &str = "nobody-may-read-this";

fn including(path: &str) -> String {
    scenario(1).replace("models:\n", &format!("include: [{path:?}]\nmodels:\n"))
}

#[test]
fn an_include_never_leaves_the_folder() {
    let place = Place::with_agents(1);
    place.write("outside.yaml", SECRET);
    place.write("brief/inside/team.yaml", "agents: {}\n");
    symlink("../outside.yaml", place.path("brief/link.yaml")).unwrap();
    symlink("..", place.path("brief/up")).unwrap();
    symlink(place.path("outside.yaml"), place.path("brief/absolute.yaml")).unwrap();
    symlink("loop.yaml", place.path("brief/loop.yaml")).unwrap();
    let absolute = place.path("outside.yaml").display().to_string();
    let paths = [
        "../outside.yaml",
        "inside/../../outside.yaml",
        "inside/../inside/../../outside.yaml",
        "./../outside.yaml",
        "link.yaml",
        "up/outside.yaml",
        "absolute.yaml",
        "loop.yaml",
        "//outside.yaml",
        "%2e%2e/outside.yaml",
        "..\\outside.yaml",
        "C:\\outside.yaml",
        "file:///etc/hostname",
        "https://example.org/team.yaml",
        "nul\0.yaml",
        "inside",
        "",
        ".",
        "~/outside.yaml",
        "/dev/stdin",
        "/proc/self/environ",
        &absolute,
    ];
    for path in paths {
        place.write("brief/scenario.yaml", including(path));
        let run = place.run("check brief");
        assert!([2, 3].contains(&run.code), "{path:?}: {} {}", run.code, run.err);
        assert!(run.err.contains("error[K0"), "{path:?}: {}", run.err);
        assert!(!run.err.contains(SECRET), "{path:?}: {}", run.err);
    }
    place.write("brief/scenario.yaml", including("inside/team.yaml"));
    place.run("check brief").expect(0);
}

#[test]
fn a_persona_never_leaves_the_folder() {
    let place = Place::with_agents(1);
    place.write("outside.md", SECRET);
    symlink("../outside.md", place.path("brief/link.md")).unwrap();
    for path in ["../outside.md", "link.md", "/etc/hostname"] {
        let text = scenario(1).replace("    role:", &format!("    persona: {{ file: {path:?} }}\n    role:"));
        place.write("brief/scenario.yaml", text);
        let run = place.run("build brief -o out");
        assert!([2, 3].contains(&run.code), "{path:?}: {} {}", run.code, run.err);
        assert!(!place.path("out").exists(), "{path:?}");
    }
}

#[test]
fn a_link_that_is_swapped_while_it_is_read_wins_nothing() {
    let place = Place::with_agents(1);
    place.write("outside.yaml", format!("agents: {{ {SECRET}: {{}} }}\n"));
    place.write("brief/scenario.yaml", including("team.yaml"));
    place.write("brief/good.yaml", "agents: {}\n");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let team = place.path("brief/team.yaml");
            for round in 0_u64.. {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                let (target, other) = (place.path("brief/next"), ["good.yaml", "../outside.yaml"]);
                symlink(other[usize::from(round % 2 == 0)], &target).unwrap();
                fs::rename(&target, &team).unwrap();
            }
        });
        for _ in 0..40 {
            let run = place.run("check brief");
            assert!([0, 2, 3].contains(&run.code), "{} {}", run.code, run.err);
            assert!(!run.err.contains(SECRET), "{}", run.err);
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn large_files_are_refused_at_once() {
    let place = Place::with_agents(1);
    place.write("brief/large.md", "");
    let text = scenario(1).replace("    role:", "    persona: { file: large.md }\n    role:");
    for (what, mebibytes) in [("large.md", 9), ("large.md", 200), ("scenario.yaml", 9), ("scenario.yaml", 200)] {
        place.write("brief/scenario.yaml", &text);
        let file = File::options().write(true).open(place.path("brief").join(what)).unwrap();
        file.set_len(mebibytes << 20).unwrap();
        let started = Instant::now();
        let err = place.run("check brief").expect(2).err;
        assert!(err.contains("8 MiB"), "{what}: {err}");
        assert!(started.elapsed() < Duration::from_secs(2), "{what}, {mebibytes} MiB: {:?}", started.elapsed());
        file.set_len(0).unwrap();
    }
    let large = vec![b'#'; 9 << 20];
    place.write("large.yaml", large);
    let mut command = place.command(["check", "-"]);
    run(command.stdin(File::open(place.path("large.yaml")).unwrap())).expect(2);
}

#[test]
fn special_files_do_not_hang_a_build() {
    let place = Place::with_agents(1);
    place.shell("mkfifo brief/pipe.yaml && ln -s /dev/zero brief/zero.yaml").expect(0);
    for path in ["pipe.yaml", "zero.yaml"] {
        place.write("brief/scenario.yaml", including(path));
        let run = place.shell("exec timeout 5 $K check brief");
        assert!([2, 3].contains(&run.code), "{path}: {} {}", run.code, run.err);
    }
}
