//! Keeping the statements of an earlier release, so that a release changes only what it means to. Not here: other signing.

use crate::signed::{SERIAL, refused, sign, signed};
use crate::support::{Place, Run};

const DAY: u64 = 86_400;
const SLOTS: [&str; 2] = ["out/agents/a0/31-router-signature.yaml", "out/agents/a1/31-router-signature.yaml"];

/// A release in `before/`, and the same scenario built again in `out/` with another host for `a1`.
fn changed() -> Place {
    let place = signed();
    place.shell("mv out before && sed -i s/h1.example/h9.example/ brief/scenario.yaml").expect(0);
    place.run("build brief -o out").expect(0);
    place
}

fn slots(place: &Place, folder: &str) -> [String; 2] {
    SLOTS.map(|slot| place.read(&slot.replacen("out", folder, 1)))
}

/// Whether the bundle in `out/` may be applied so many days after the first release was signed.
fn verified(place: &Place, days: u64, key: &str) -> Run {
    let serial = SERIAL + days * DAY;
    let moment = place.shell(&format!("date -u -d @{serial} +%Y-%m-%dT%H:%M:%SZ")).expect(0).out;
    place.run(&format!("verify out --key {key} --as-of {}", moment.trim()))
}

#[test]
fn a_document_that_has_not_changed_keeps_its_statement() {
    let place = changed();
    let run = sign(&place, SERIAL + DAY, "--keep before").expect(0);
    assert!(run.err.contains("2 router documents, of which 1 kept theirs"), "{}", run.err);
    let ([kept, new], [before, other]) = (slots(&place, "out"), slots(&place, "before"));
    assert_eq!(kept, before);
    assert_ne!(new, other);
    let report = verified(&place, 2, "release.pub").expect(0).out;
    // 90 days after the first release, for that is when the kept statement ends.
    assert!(report.contains(&format!("serial        {}, until 2027-02-22T", SERIAL + DAY)), "{report}");
    let once = place.tree("out");
    sign(&place, SERIAL + DAY, "--keep before").expect(0);
    assert_eq!(place.tree("out"), once);
}

#[test]
fn a_kept_statement_is_the_one_that_the_release_names() {
    let place = changed();
    sign(&place, SERIAL + DAY, "").expect(0);
    let [new, _] = slots(&place, "out");
    sign(&place, SERIAL + DAY, "--keep before").expect(0);
    verified(&place, 2, "release.pub").expect(0);
    place.write(SLOTS[0], new);
    refused(verified(&place, 2, "release.pub"), 15, "`a0`");
}

#[test]
fn what_has_less_than_half_of_its_time_left_is_renewed() {
    for (days, kept) in [(45, 1), (46, 0)] {
        let place = changed();
        let run = sign(&place, SERIAL + days * DAY, "--keep before").expect(0);
        assert!(run.err.contains(&format!("of which {kept} kept theirs")), "{days}: {}", run.err);
        verified(&place, days + 1, "release.pub").expect(0);
    }
}

#[test]
fn a_release_without_any_time_left_is_refused_for_its_documents_too() {
    let place = changed();
    sign(&place, SERIAL + 40 * DAY, "--keep before").expect(0);
    verified(&place, 89, "release.pub").expect(0);
    refused(verified(&place, 90, "release.pub"), 16, "`a0`");
}

#[test]
fn nothing_else_is_kept() {
    let kept_by = |line: &str| {
        let place = changed();
        let run = place.run(line).expect(0);
        assert!(run.err.contains("of which 0 kept theirs"), "{line}: {}", run.err);
    };
    let later = SERIAL + DAY;
    kept_by(&format!("sign out --key other.key --serial {later} --keep before"));
    kept_by(&format!("sign out --key release.key --serial {} --keep before", SERIAL - 1));
    kept_by(&format!("sign out --key release.key --serial {later} --keep before --grace 1d"));
    kept_by(&format!("sign out --key release.key --serial {later} --keep before --not-after 30d"));
}

#[test]
fn several_keys_keep_the_same() {
    let place = changed();
    place.run(&format!("sign before --key other.key --serial {SERIAL}")).expect(0);
    sign(&place, SERIAL + DAY, "--keep before").expect(0);
    place.run(&format!("sign out --key other.key --serial {} --keep before", SERIAL + DAY)).expect(0);
    assert_eq!(slots(&place, "out")[0], slots(&place, "before")[0]);
    verified(&place, 2, "release.pub --key other.pub --threshold 2").expect(0);
}

#[test]
fn there_must_be_an_earlier_release() {
    let place = changed();
    let before = place.tree("out");
    refused(sign(&place, SERIAL + DAY, "--keep nowhere"), 3, "`nowhere`");
    refused(sign(&place, SERIAL + DAY, "--keep brief"), 3, "`brief`");
    refused(sign(&place, SERIAL + DAY, "--plain-http"), 2, "--keep");
    assert_eq!(place.tree("out"), before);
}
