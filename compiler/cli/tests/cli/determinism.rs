//! The same scenario is the same bundle, to the byte: wherever, whenever and by whomever it is built. Not here: killed runs.

use std::os::unix::fs::MetadataExt;

use crate::support::{Place, Tree, run, scenario};

fn digest(place: &Place, line: &str) -> String {
    let out = place.run(line).expect(0).out;
    out.lines().last().expect("a summary ends with the digest").to_owned()
}

#[test]
fn surroundings_change_nothing() {
    let place = Place::with_agents(5);
    place.run("build brief -o expected").expect(0);
    let expected = place.tree("expected");
    assert!(expected.len() > 50, "{} files", expected.len());

    place.write("elsewhere/far/brief/scenario.yaml", place.read("brief/scenario.yaml"));
    let mut command = place.command(["build", ".", "-o", "../out", "-j1"]);
    run(command.current_dir(place.path("elsewhere/far/brief"))).expect(0);
    assert!(place.tree("elsewhere/far/out") == expected, "another folder, one thread");

    let surroundings = [
        ("HOME", "/nowhere"),
        ("TZ", "Pacific/Kiritimati"),
        ("LC_ALL", "tr_TR.UTF-8"),
        ("LANG", "tr_TR.UTF-8"),
        ("TMPDIR", "/nowhere"),
        ("SOURCE_DATE_EPOCH", "946684800"),
        ("USER", "somebody"),
    ];
    for (name, value) in surroundings {
        run(place.command(["build", "brief", "-o", "out", "-j8"]).env(name, value)).expect(0);
        assert!(place.tree("out") == expected, "{name}={value}");
        std::fs::remove_dir_all(place.path("out")).unwrap();
    }
    place.shell("umask 077; exec $K build brief -o out").expect(0);
    assert!(place.tree("out") == expected, "umask");
}

#[test]
fn a_second_build_touches_nothing() {
    let place = Place::with_agents(2);
    place.run("build brief -o out").expect(0);
    let facts = |path: &String| {
        let metadata = std::fs::metadata(place.path("out").join(path)).unwrap();
        (metadata.ino(), metadata.mtime(), metadata.mtime_nsec())
    };
    let paths: Vec<_> = place.tree("out").into_keys().collect();
    let before: Vec<_> = paths.iter().map(facts).collect();
    let err = place.run("build brief -o out").expect(0).err;
    assert!(err.contains("unchanged"), "{err}");
    assert_eq!(paths.iter().map(facts).collect::<Vec<_>>(), before);

    place.write("brief/scenario.yaml", scenario(2).replace("h1.example.org", "other.example.org"));
    place.run("build brief -o out").expect(0);
    let untouched = paths.iter().zip(&before).filter(|(path, facts_before)| {
        path.starts_with("agents/a0/") && place.path("out").join(path).exists() && facts(path) == **facts_before
    });
    assert!(untouched.count() > 8, "the other agent's files are the same files");
}

#[test]
fn a_comment_moves_places_and_nothing_else() {
    let place = Place::with_agents(2);
    place.run("build brief -o before").expect(0);
    let summary = digest(&place, "build brief");
    place.write("brief/scenario.yaml", format!("# A comment.\n\n{}", scenario(2)));
    assert_eq!(digest(&place, "build brief"), summary);
    place.run("build brief -o after").expect(0);
    let (before, after) = (place.tree("before"), place.tree("after"));
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    let differing: Vec<_> =
        before.iter().filter(|(path, bytes)| after[*path] != **bytes).map(|(path, _)| path).collect();
    let places = |path: &str| {
        ["bundle.json", "provenance.json", "sourcemap.json"].contains(&path) || path.ends_with("-origins.yaml")
    };
    assert!(differing.iter().all(|path| places(path)), "{differing:?}");
    assert!(differing.iter().any(|path| path.ends_with("-origins.yaml")), "{differing:?}");
}

#[test]
fn line_ends_and_the_order_of_keys_mean_nothing() {
    let place = Place::with_agents(2);
    let expected = digest(&place, "build brief");
    let same = [
        ("line ends", scenario(2).replace('\n', "\r\n")),
        ("a byte-order mark", format!("\u{feff}{}", scenario(2))),
        ("quotes", scenario(2).replace("role: worker 0", "role: 'worker 0'")),
        (
            "the order of keys",
            scenario(2)
                .replace("kind: Scenario\nmetadata: { name: brief }", "metadata: { name: brief }\nkind: Scenario"),
        ),
    ];
    for (what, text) in same {
        assert_ne!(text, scenario(2), "{what}");
        place.write("brief/scenario.yaml", text);
        assert_eq!(digest(&place, "build brief"), expected, "{what}");
    }
    place.write("brief/scenario.yaml", scenario(2).replace("worker 0", "worker"));
    assert_ne!(digest(&place, "build brief"), expected, "a change of meaning");
}

#[test]
fn a_split_into_files_means_nothing() {
    let place = Place::with_agents(2);
    let whole = digest(&place, "build brief");
    let text = scenario(2);
    let links = text.split_once("links:").expect("there are links").1;
    place.write("brief/links.yaml", format!("links:{links}"));
    let rest = text.replace(&format!("links:{links}"), "").replace("models:\n", "include: [links.yaml]\nmodels:\n");
    place.write("brief/scenario.yaml", rest);
    assert_eq!(digest(&place, "build brief"), whole);
}

#[test]
fn every_file_ends_with_a_line_end_and_has_no_time() {
    let place = Place::with_agents(1);
    place.run("build brief -o out").expect(0);
    let tree: Tree = place.tree("out");
    let unended: Vec<_> = tree.iter().filter(|(_, bytes)| !bytes.ends_with(b"\n")).map(|(path, _)| path).collect();
    let documents = |path: &&&String| !path.starts_with("documents/");
    assert!(unended.iter().find(documents).is_none(), "{unended:?}");
}
