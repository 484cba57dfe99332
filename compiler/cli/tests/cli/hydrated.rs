//! The layout of a hydrated branch: what is in it, from a scenario or from a bundle, and whose files it may touch. Not here:
//! whether it is what the hydrator itself writes, which its own code says in a cluster's suite.

use crate::support::{Place, Run, scenario};

const COMMIT: &str = "3ff41cc5247197a6caf50216c4c76cc29d78a97d";

fn environment(delivery: &str) -> String {
    format!(
        "apiVersion: karsc.dev/v1alpha1\nkind: Environment\nmetadata: {{ name: argo }}\nbase: kind\ndelivery: {{ {delivery} }}\n"
    )
}

const GIT: &str = "engine: argocd, repository: \"https://git.example/acme/bundles.git\", path: bundles/brief, \
                   serviceAccount: kars-delivery, engineVersion: \"3.2\"";

fn place(delivery: &str) -> Place {
    let place = Place::new();
    place.write("brief/scenario.yaml", scenario(2));
    place.write("brief/environments/argo.yaml", environment(delivery));
    place
}

fn hydrate(place: &Place, source: &str, branch: &str) -> Run {
    place.run(&format!("build {source} --layout argo-hydrator --dry-sha {COMMIT} -o {branch}"))
}

#[test]
fn a_bundle_and_its_scenario_give_the_same_branch() {
    let place = place(GIT);
    place.run("build brief -e argo -o out").expect(0);
    hydrate(&place, "out", "one").expect(0);
    hydrate(&place, "brief -e argo", "two").expect(0);
    let branch = place.tree("one");
    assert_eq!(branch, place.tree("two"));
    let paths: Vec<_> = branch.keys().map(String::as_str).collect();
    let folder = ["README.md", "hydrator.metadata", "manifest.yaml"].map(|name| format!("bundles/brief/{name}"));
    assert_eq!(paths, [".gitattributes", &folder[0], &folder[1], &folder[2], "hydrator.metadata"]);
    let metadata = place.read("one/hydrator.metadata");
    assert_eq!(
        metadata,
        format!("{{\n  \"repoURL\": \"https://git.example/acme/bundles.git\",\n  \"drySha\": \"{COMMIT}\"\n}}\n")
    );
    assert!(place.read("one/bundles/brief/README.md").contains(&format!("git checkout {COMMIT}\n")));
}

#[test]
fn the_manifests_are_the_objects_of_the_bundle() {
    let place = place(GIT);
    hydrate(&place, "brief -e argo", "branch").expect(0);
    let stream = place.run("build brief -e argo -o -").expect(0).out.clone();
    assert_eq!(format!("---\n{}", place.read("branch/bundles/brief/manifest.yaml")), stream);
}

#[test]
fn what_was_filled_in_a_bundle_is_kept() {
    let place = place(GIT);
    place.run("build brief -e argo -o out").expect(0);
    let slot =
        place.tree("out").into_keys().find(|path| path.ends_with("31-router-signature.yaml")).expect("there is one");
    let filled =
        place.read(&format!("out/{slot}")).replace("document.sigstore.json: \"\"", "document.sigstore.json: signed");
    place.write(&format!("out/{slot}"), filled);
    hydrate(&place, "out", "branch").expect(0);
    assert!(place.read("branch/bundles/brief/manifest.yaml").contains("document.sigstore.json: signed\n"));
}

#[test]
fn files_of_others_are_left_alone() {
    let place = place(GIT);
    place.write("notes/mine.txt", "precious");
    hydrate(&place, "brief -e argo", "notes").expect(4);
    assert_eq!(place.tree("notes").len(), 1);
    place.write("branch/hydrator.metadata", "old");
    place.write("branch/apps/other/manifest.yaml", "precious");
    hydrate(&place, "brief -e argo", "branch").expect(0);
    assert_eq!(place.read("branch/apps/other/manifest.yaml"), "precious");
}

#[test]
fn what_has_no_branch_is_refused() {
    let oci = GIT
        .replace("https://git.example/acme/bundles.git", "oci://registry.example/bundles")
        .replace("path: bundles/brief, ", "");
    let cases = [
        (oci.as_str(), "has no branches"),
        (&GIT.replace("path: bundles/brief, ", ""), "root of the repository"),
        ("engine: none", "no application of Argo CD"),
    ];
    for (delivery, message) in cases {
        let place = place(delivery);
        let run = hydrate(&place, "brief -e argo", "branch");
        assert_eq!(run.code, 2, "{delivery}");
        assert!(run.err.contains(message), "{}", run.err);
        assert!(!place.path("branch").exists());
    }
    let run = place(GIT).run("build brief -e argo --layout argo-hydrator --dry-sha HEAD -o branch");
    assert!(run.code == 2 && run.err.contains("40 or 64 digits"), "{}", run.err);
}
