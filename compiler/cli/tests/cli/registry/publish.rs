//! What `karsc publish` leaves behind, also when it is killed. Not here: hostile registries.

use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use super::fake::{Answer, Fake, Store};
use super::scene::{manifest, publish, published, signed, verify};
use crate::signed::refused;
use crate::support::Place;

#[test]
fn what_is_published_is_verified_and_described() {
    let place = signed();
    let fake = Fake::honest();
    let reference = publish(&place, &fake, "").expect(0).out;
    let pinned = reference.trim_end();
    assert!(pinned.starts_with(&format!("{}/acme/brief@sha256:", fake.host())), "{pinned}");
    let run = verify(&place, &fake).expect(0);
    assert!(run.out.contains(pinned) && run.out.contains("https://slsa.dev/provenance/v1"), "{}", run.out);
    let run = place.run(&format!("inspect {} -o json", fake.address())).expect(0);
    let found: serde_json::Value = serde_json::from_str(&run.out).expect("it is JSON");
    assert_eq!(found["signatures"].as_array().map(Vec::len), Some(1), "{found}");
    assert_eq!(found["attestations"].as_array().map(Vec::len), Some(2), "{found}");
    place.run(&format!("verify oci://{pinned} --key release.pub")).expect(0);
    refused(place.run(&format!("verify {} --key other.pub", fake.address())), 12, "no trusted key");
    refused(place.run(&format!("verify {} --key builder.pub", fake.address())), 12, "no trusted key");
    refused(place.run(&format!("verify {}x --key release.pub", fake.address())), 11, "is not found");
}

#[test]
fn one_bundle_has_one_digest() {
    let place = signed();
    let [first, second] = [Fake::honest(), Fake::honest()];
    let once = publish(&place, &first, "").expect(0).out;
    place.shell("cp -r out copy && touch -d 2001-01-01 $(find copy -type f) && rm -r out && mv copy out").expect(0);
    let again = publish(&place, &second, "").expect(0).out;
    assert_eq!(once.split_once('@').map(|(_, digest)| digest), again.split_once('@').map(|(_, digest)| digest));
    assert_eq!(first.store().blobs, second.store().blobs);
    assert_eq!(first.store().manifests, second.store().manifests);
    let sent = |fake: &Fake| fake.seen().iter().filter(|request| request.method == "POST").count();
    let before = sent(&second);
    assert_eq!(publish(&place, &second, "").expect(0).out, again);
    assert_eq!(sent(&second), before, "no blob is sent twice");
    let dry = publish(&place, &second, "--dry-run").expect(0).out;
    assert_eq!(dry, again);
}

#[test]
fn what_was_published_before_is_kept() {
    let place = signed();
    let fake = Fake::honest();
    publish(&place, &fake, "").expect(0);
    let slot = "out/agents/a0/31-router-signature.yaml";
    let before = place.read(slot);
    place.shell("sed -i s/h1.example/h9.example/ brief/scenario.yaml").expect(0);
    place.run("build brief -o out").expect(0);
    let line = format!("$K sign out --key release.key --serial $(($(date +%s) + 1)) --keep {}", fake.address());
    let run = place.shell(&line).expect(0);
    assert!(run.err.contains("of which 1 kept theirs"), "{}", run.err);
    assert_eq!(place.read(slot), before);
    refused(place.run(&format!("sign out --key other.key --serial 1 --keep {}", fake.address())), 12, "no trusted key");
}

#[test]
fn a_dry_run_asks_no_registry() {
    let place = signed();
    let fake = Fake::honest();
    publish(&place, &fake, "--dry-run").expect(0);
    assert!(fake.seen().is_empty());
}

/// Whether the tag is there; where it is, a signature must be.
fn tagged(store: &Store) -> bool {
    let Some((_, bytes)) = store.manifests.get("prod") else { return false };
    let subject = kars_contract::digest::Digest::of(bytes);
    let index = manifest(store, &format!("sha256-{}", subject.hex()));
    let entries = index["manifests"].as_array().expect("it lists some");
    let kinds = entries.iter().map(|entry| &entry["annotations"]["dev.sigstore.bundle.predicateType"]);
    assert!(kinds.clone().any(|kind| kind == "https://sigstore.dev/cosign/sign/v1"), "{index}");
    for entry in entries {
        let referrer = manifest(store, entry["digest"].as_str().expect("it has one"));
        assert!(store.blobs.contains_key(referrer["layers"][0]["digest"].as_str().expect("it has one")));
    }
    true
}

fn start(place: &Place, fake: &Fake) -> Child {
    let line = format!("publish out {} --key release.key --attestation-key builder.key", fake.address());
    let mut command = place.command(line.split(' '));
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the command can be started")
}

#[test]
fn killed_at_any_moment_it_leaves_nothing_unsigned_under_the_tag() {
    let place = signed();
    let whole = published(&place);
    for number in 1.. {
        let fake = Fake::of(Store::default(), move |request, _| (request.number >= number).then_some(Answer::Silence));
        let mut child = start(&place, &fake);
        while fake.count() < number && child.try_wait().expect("it can be asked").is_none() {
            thread::sleep(Duration::from_millis(1));
        }
        if fake.count() < number {
            assert!(number > 15, "it was done after {number} requests");
            assert!(tagged(&fake.store()));
            break;
        }
        child.kill().expect("it can be killed");
        child.wait().expect("it can be waited for");
        assert!(!tagged(&fake.store()), "the tag appears before request {number}");
        let fake = Fake::of(fake.store().clone(), |_, _| None);
        publish(&place, &fake, "").expect(0);
        assert_eq!(fake.store().manifests, whole.manifests, "after request {number}");
    }
}

#[test]
fn a_publisher_who_replaces_the_list_of_signatures_loses_nobody_theirs() {
    let place = signed();
    let replaced = std::sync::atomic::AtomicBool::new(false);
    let fake = Fake::of(Store::default(), move |request, store| {
        let list = request.method == "PUT" && request.path.starts_with("manifests/sha256-");
        if !list || replaced.swap(true, std::sync::atomic::Ordering::SeqCst) {
            return None;
        }
        let index = br#"{"schemaVersion":2,"manifests":[]}"#.to_vec();
        let tag = request.path.trim_start_matches("manifests/").to_owned();
        store.manifests.insert(tag, ("application/vnd.oci.image.index.v1+json".to_owned(), index));
        Some(Answer::Reply(201, Vec::new(), Vec::new()))
    });
    publish(&place, &fake, "").expect(0);
    verify(&place, &fake).expect(0);
}

#[test]
fn an_attestation_that_is_asked_for_lies_in_the_bundle() {
    let place = crate::signed::built();
    place.shell("$K sign out --key release.key --serial $(date +%s)").expect(0);
    let fake = Fake::honest();
    place.run(&format!("publish out {} --key release.key", fake.address())).expect(0);
    place.run(&format!("verify {} --key release.pub", fake.address())).expect(0);
    refused(verify(&place, &fake), 10, "signatures/provenance.sigstore.json");
    // Nothing is published that its keys have not signed.
    refused(publish(&place, &fake, ""), 10, "signatures/provenance.sigstore.json");
}

#[test]
fn a_threshold_counts_keys_and_not_signatures() {
    let place = crate::signed::built();
    place.shell("$K sign out --key release.key --key other.key --serial $(date +%s)").expect(0);
    let fake = Fake::honest();
    let ask = |more: &str| place.run(&format!("verify {} {more}", fake.address()));
    place.run(&format!("publish out {} --key release.key", fake.address())).expect(0);
    let both = "--key release.pub --key other.pub --threshold 2";
    refused(ask(both), 12, "1 trusted keys have signed it, 2 must");
    refused(ask("--key release.pub --key release.pub --threshold 2"), 2, "threshold");
    place.run(&format!("publish out {} --key other.key", fake.address())).expect(0);
    ask(both).expect(0);
    refused(ask("--key release.pub --key builder.pub --threshold 2"), 12, "1 trusted keys have signed it, 2 must");
}

#[test]
fn the_older_signature_is_read_and_only_made_when_asked_for() {
    let place = signed();
    let fake = Fake::honest();
    publish(&place, &fake, "").expect(0);
    assert!(!fake.store().manifests.keys().any(|name| name.contains(".sig")));
    let run = publish(&place, &fake, "--legacy-signature").expect(0);
    assert!(run.err.contains("warning") && run.err.contains("copy a `.sig`"), "{}", run.err);
    fake.store().manifests.retain(|name, _| !name.starts_with("sha256-") || name.contains(".sig"));
    verify(&place, &fake).expect(0);
    // The same claim beside other content counts for nothing.
    let mut store = fake.store().clone();
    let mut other = manifest(&store, "prod");
    other["annotations"]["more"] = "x".into();
    let other = other.to_string().into_bytes();
    let claim = store.manifests.iter().find(|(name, _)| name.contains(".sig")).expect("it is there").1.clone();
    let tag = format!("sha256-{}.sig", kars_contract::digest::Digest::of(&other).hex());
    store.manifests.insert(tag, claim);
    store.manifests.insert("prod".to_owned(), ("application/vnd.oci.image.manifest.v1+json".to_owned(), other));
    refused(verify(&place, &Fake::of(store, |_, _| None)), 12, "no trusted key");
}

#[test]
fn the_digest_is_written_where_engines_read_it_and_comments_stay() {
    let place = signed();
    let fake = Fake::honest();
    let source = format!("oci://{}/acme/brief", fake.host());
    let flux = format!(
        "# who may change this: platform\nkind: OCIRepository\nspec:\n  url: {source} # ours\n  ref:\n    tag: prod # moves\n"
    );
    let argo = format!(
        "kind: Application\nspec:\n  source:\n    repoURL: {source}\n    # pinned\n    targetRevision: prod # by publish\n"
    );
    for (text, from, to) in [
        (flux, "    tag: prod", "    digest: DIGEST\n    tag: prod"),
        (argo, "targetRevision: prod", "targetRevision: DIGEST"),
    ] {
        place.write("deploy/brief.yaml", &text);
        publish(&place, &fake, "--dry-run --pin deploy/brief.yaml").expect(0);
        assert_eq!(place.read("deploy/brief.yaml"), text, "a dry run writes nothing");
        let reference = publish(&place, &fake, "--pin deploy/brief.yaml").expect(0).out;
        let digest = reference.trim_end().split_once('@').expect("it names a digest").1;
        assert_eq!(place.read("deploy/brief.yaml"), text.replace(from, &to.replace("DIGEST", digest)));
    }
    let seen = fake.seen().len();
    place.write("deploy/brief.yaml", "kind: ConfigMap\n");
    refused(publish(&place, &fake, "--pin deploy/brief.yaml"), 2, "deploy/brief.yaml");
    refused(publish(&place, &fake, "--pin deploy/absent.yaml"), 3, "deploy/absent.yaml");
    assert_eq!(fake.seen().len(), seen, "nothing is published that cannot be pinned");
}
