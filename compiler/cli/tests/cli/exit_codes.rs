//! Every exit code that `--help` names, and something that ends with it. Not here: 70, which is a fault of ours.

use std::collections::BTreeSet;
use std::process::Stdio;

use crate::support::{Place, ended};

/// What is run in a shell, in a folder with a scenario `brief` and its bundle `out`.
const TABLE: [(i32, &str); 37] = [
    (0, "$K check brief"),
    (0, "$K build brief"),
    (0, "$K build brief -o out"),
    (0, "$K build brief -o out --check"),
    (0, "$K diff brief --against out"),
    (0, "$K fmt brief --check"),
    (0, "$K init fresh"),
    (0, "$K --help"),
    (0, "$K build -h"),
    (0, "$K --version"),
    (0, "$K version -o json"),
    (0, "$K man -o man"),
    (1, "sed -i s/h0/other/ brief/scenario.yaml; $K build brief -o out --check"),
    (1, "sed -i s/h0/other/ brief/scenario.yaml; $K diff brief --against out"),
    (1, "sed -i s/role:/role:\\ \\ / brief/scenario.yaml; $K fmt brief --check"),
    (2, "$K"),
    (2, "$K nonsense"),
    (2, "$K build --nonsense"),
    (2, "$K build brief --check"),
    (2, "$K build brief --stage nonsense"),
    (2, "$K build brief --stage parsed -o out"),
    (2, "$K build brief -e nowhere"),
    (2, "$K init NotAName"),
    (2, "$K completions tcsh"),
    (2, "SOURCE_DATE_EPOCH=tomorrow $K check brief"),
    (2, "SOURCE_DATE_EPOCH=-1 $K check brief"),
    (2, "SOURCE_DATE_EPOCH= $K check brief"),
    (2, "$K check brief --as-of yesterday"),
    (2, "sed -i s/model:/modell:/ brief/scenario.yaml; $K check brief"),
    (2, "sed -i s/role:/role:[/ brief/scenario.yaml; $K fmt brief"),
    (3, "$K check nowhere"),
    (3, "$K build brief -o brief/scenario.yaml"),
    (3, "$K diff brief --against brief"),
    (3, "$K version > /dev/full"),
    (3, "$K man -o brief/scenario.yaml"),
    (4, "touch out/mine; $K build brief -o out"),
    (4, "$K init fresh && touch fresh/mine && $K init fresh"),
];

/// What comes before each line of `VERIFIED`: two pairs of keys, and a bundle that is signed with one of them.
const PREPARED: &str = "export COSIGN_PASSWORD=; $K keygen -q -o k && $K keygen -q -o other && \
    $K sign -q out --key k.key --serial 1764028800 && V='verify out --as-of 2025-11-26T00:00:00Z' && ";

/// What `verify` says of a bundle, and of what was done to it.
const VERIFIED: [(i32, &str); 12] = [
    (0, "$K $V --key k.pub --audience kind"),
    (0, "$K $V --key k.pub --rebuild brief"),
    (10, "rm -r out/signatures; $K $V --key k.pub"),
    (10, "$K $V --key k.pub --attestation-key other.pub"),
    (11, "rm out/bundle.json; $K $V --key k.pub"),
    (12, "$K $V --key other.pub"),
    (12, "$K $V --key k.pub --key other.pub --threshold 2"),
    (13, "$K $V --key k.pub --audience elsewhere"),
    (14, "echo >> out/kustomization.yaml; $K $V --key k.pub"),
    (14, "sed -i s/h0/other/ brief/scenario.yaml; $K $V --key k.pub --rebuild brief"),
    (
        15,
        "$K $V -q --key k.pub --state s.json > /dev/null && $K sign -q out --key k.key --serial 1764028799 && $K $V --key k.pub --state s.json",
    ),
    (16, "$K verify out --key k.pub --as-of 2027-01-01T00:00:00Z"),
];

#[test]
fn every_documented_code_is_reached() {
    let mut reached = BTreeSet::from([70]);
    let verified = VERIFIED.map(|(code, line)| (code, format!("{PREPARED}{line}")));
    for (code, line) in TABLE.map(|(code, line)| (code, line.to_owned())).into_iter().chain(verified) {
        let place = Place::with_agents(1);
        place.run("build brief -o out").expect(0);
        let run = place.shell(&line);
        assert_eq!(run.code, code, "{line}\n{}{}", run.out, run.err);
        let says = [&run.out, &run.err].iter().any(|text| !text.is_empty());
        assert!(says || code == 0, "`{line}` ends with {code} and says nothing");
        reached.insert(code);
    }
    reached.extend(interrupted());
    let help = Place::new().run("--help").expect(0).out;
    let named = help.split_once("Exit codes:").expect("they are documented").1;
    let named: BTreeSet<i32> = named
        .split("\n\n")
        .next()
        .unwrap_or_default()
        .split(|letter: char| !letter.is_ascii_digit())
        .filter_map(|word| word.parse().ok())
        .collect();
    assert_eq!(named, reached);
}

/// What a shell sees when a build is interrupted, terminated, or its reader goes.
fn interrupted() -> Vec<i32> {
    let place = Place::with_agents(1);
    let mut codes: Vec<_> = ["INT", "TERM"]
        .iter()
        .map(|signal| {
            let mut command = place.command(["build", "brief", "-o", "out", "--watch"]);
            let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
            std::thread::sleep(std::time::Duration::from_millis(200));
            place.shell(&format!("kill -{signal} {}", child.id())).expect(0);
            ended(&child.wait_with_output().expect("it ends")).code
        })
        .collect();
    let (reader, writer) = std::io::pipe().expect("pipes can be made");
    drop(reader);
    codes.push(crate::support::run(place.command(["build", "brief"]).stdout(writer)).code);
    codes
}
