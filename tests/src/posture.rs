//! The table of good and bad objects, held to the compiler's judgement: `tests/posture`. The admission policies are held to
//! the same table by `tests/admission`. Not here: whom pods can reach.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use karsc_core::render::{Platform, judge};

use crate::support::root;

/// Policies about who asks the API server, which no object shows. Rows that these refuse are left to the cluster.
const CLUSTER_ONLY: [&str; 2] = ["kars-delivery-only", "kars-exec"];

/// The files of a folder, by name.
fn files(folder: &Path) -> BTreeMap<PathBuf, String> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// What a comment at the start of a row says.
fn said<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix("# ")?.strip_prefix(key)?.strip_prefix(": "))
}

/// The platforms that rows name: the parameters that an administrator gives to the policies.
fn platform(name: &str) -> Platform {
    let text = fs::read_to_string(root().join(format!("tests/admission/platforms/{name}.yaml"))).unwrap();
    let mut data = serde_saphyr::from_str::<ConfigMap>(&text).unwrap().data.unwrap();
    let images = |data: &BTreeMap<String, String>, key: &str| data[key].lines().map(str::to_owned).collect();
    Platform {
        dev: data["platform"] == "dev",
        guarded: data["guard"] == "init",
        router_images: images(&data, "router-images"),
        relay_images: images(&data, "relay-images"),
        trust: data.remove("trust.json"),
    }
}

/// How the namespace of a row is isolated, where it stands in one of the table's.
fn isolation(text: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Namespaces {
        items: Vec<Namespace>,
    }
    #[derive(serde::Deserialize)]
    struct Row {
        metadata: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
    }
    let Namespaces { items } =
        serde_saphyr::from_str(&fs::read_to_string(root().join("tests/admission/namespaces.yaml")).unwrap()).unwrap();
    let place = serde_saphyr::from_str::<Row>(text).unwrap().metadata.namespace;
    let found = items.into_iter().find(|namespace| place.is_some() && namespace.metadata.name == place);
    let label = found.and_then(|namespace| namespace.metadata.labels?.remove("kars.azure.com/isolated"));
    label.unwrap_or_else(|| "standard".to_owned())
}

fn judged(text: &str) -> Vec<String> {
    judge(text, &platform(said(text, "platform").unwrap_or("prod")), &isolation(text)).unwrap()
}

#[test]
fn good_objects_have_no_fault() {
    let rows = files(&root().join("tests/posture/good"));
    assert!(rows.len() >= 10, "the table is not empty");
    let faults: Vec<_> =
        rows.iter().map(|(path, text)| (path, judged(text))).filter(|(_, faults)| !faults.is_empty()).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn bad_objects_have_a_fault() {
    let rows = files(&root().join("tests/posture/bad"));
    let refused_by = |text: &str| said(text, "refused-by").unwrap().to_owned();
    let rows: Vec<_> = rows.iter().filter(|(_, text)| !CLUSTER_ONLY.contains(&refused_by(text).as_str())).collect();
    assert!(rows.len() >= 80, "the table is not empty");
    let missed: Vec<_> = rows
        .iter()
        .filter(|(_, text)| judged(text).is_empty())
        .map(|(path, text)| (path, said(text, "fault")))
        .collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

/// A row is bad in one thing. The compiler may see that thing in more than one way, but never in something else.
#[test]
fn bad_objects_are_faulted_for_what_is_wrong_with_them() {
    let codes: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("kars-namespace", &["K0802"] as &[&str]),
        ("kars-no-dev-only", &["K0813"]),
        ("kars-no-exposure", &["K0803", "K0813"]),
        ("kars-trust", &["K0813"]),
        ("kars-workload-kinds", &["K0813"]),
        ("kars-workload-posture", &["K0801", "K0807", "K0808"]),
    ]);
    for (path, text) in files(&root().join("tests/posture/bad")) {
        let Some(due) = codes.get(said(&text, "refused-by").unwrap()) else { continue };
        for fault in judged(&text) {
            assert!(due.contains(&&fault[..5]), "{}: {fault}", path.display());
        }
    }
}
