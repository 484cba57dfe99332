//! The layout that Argo CD's source hydrator writes, made from a bundle: one file of manifests for each application, beside
//! what says where it came from. Tools that promote hydrated branches go on working. Not here: commits and notes, which Git
//! makes, and times and authors, which the dry commit tells.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::lower::delivery::argocd;
use crate::lower::objects::Kustomization;
use crate::render::yaml::to_json;

/// Where the dry source is: what a bundle was built from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DrySource {
    /// The repository; the one that the applications read where it is left out.
    pub repository: Option<String>,
    /// The commit, in hexadecimal digits.
    pub commit: String,
}

/// Why a bundle has no such layout.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotHydratable {
    /// There is no application to write for.
    #[error("the bundle has no application of Argo CD; set `delivery.engine: argocd` with a Git repository")]
    NoApplication,
    /// Artifacts have no branches.
    #[error("the applications read `{0}`, which has no branches; set `delivery.repository` to a Git repository")]
    NotGit(String),
    /// The root of the branch belongs to the layout itself.
    #[error("the applications read the root of the repository; set `delivery.path` to a folder of it")]
    NoPath,
    /// The folder is no bundle as a build writes it.
    #[error("`{0}` is missing, or is not what a build writes; build the bundle again")]
    Broken(String),
}

/// `hydrator.metadata`, in the order in which the hydrator writes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(rename = "repoURL")]
    repo_url: &'a str,
    dry_sha: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    commands: Vec<String>,
}

/// What is read of `bundle.json`.
#[derive(Deserialize)]
struct Inventory {
    scenario: String,
    environment: String,
}

const ATTRIBUTES: &str = "**/README.md linguist-generated=true\n**/hydrator.metadata linguist-generated=true";

/// Lays out a bundle, given as its files, as a branch: paths and bytes. The same bundle gives the same bytes.
///
/// # Errors
/// Where the bundle is not delivered by Argo CD from a folder of a Git repository.
pub fn hydrated(
    bundle: &BTreeMap<String, Vec<u8>>,
    dry: &DrySource,
) -> Result<BTreeMap<String, Vec<u8>>, NotHydratable> {
    let sources: Vec<_> = bundle
        .iter()
        .filter(|(path, _)| path.starts_with("delivery/"))
        .filter_map(|(_, bytes)| argocd::source(bytes))
        .collect();
    let (repository, _) = sources.first().ok_or(NotHydratable::NoApplication)?;
    if repository.starts_with("oci://") {
        return Err(NotHydratable::NotGit(repository.clone()));
    }
    let repository = dry.repository.as_ref().unwrap_or(repository);
    let commands = commands(bundle, &dry.commit)?;
    let metadata = |commands| to_json(&Metadata { repo_url: repository, dry_sha: &dry.commit, commands });
    let mut branch = BTreeMap::from([
        (".gitattributes".to_owned(), ATTRIBUTES.as_bytes().to_owned()),
        ("hydrator.metadata".to_owned(), metadata(Vec::new())),
    ]);
    for (_, path) in &sources {
        if path == "." || path.starts_with("shards/") {
            return Err(NotHydratable::NoPath);
        }
        let part = path.rfind("/shards/").map_or("", |start| &path[start + 1..]);
        branch.insert(format!("{path}/manifest.yaml"), manifests(bundle, part)?);
        branch.insert(format!("{path}/hydrator.metadata"), metadata(commands.clone()));
        branch.insert(format!("{path}/README.md"), readme(repository, &dry.commit, &commands).into_bytes());
    }
    Ok(branch)
}

/// What made the manifests, for those who want to make them again. Where the scenario lies in its repository is not known.
fn commands(bundle: &BTreeMap<String, Vec<u8>>, commit: &str) -> Result<Vec<String>, NotHydratable> {
    let broken = || NotHydratable::Broken("bundle.json".to_owned());
    let bytes = bundle.get("bundle.json").ok_or_else(broken)?;
    let Inventory { scenario, environment } = serde_json::from_slice(bytes).map_err(|_| broken())?;
    Ok(vec![
        format!("karsc build {scenario} -e {environment} -o bundle"),
        format!("karsc build bundle --layout argo-hydrator --dry-sha {commit} -o branch"),
    ])
}

/// The objects of a part of the bundle as one stream, in the order in which they are applied.
fn manifests(bundle: &BTreeMap<String, Vec<u8>>, folder: &str) -> Result<Vec<u8>, NotHydratable> {
    let mut stream = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        if let Some(object) = bundle.get(&path) {
            if !stream.is_empty() {
                stream.extend(b"---\n");
            }
            stream.extend(object);
            continue;
        }
        let file = joined(&path, "kustomization.yaml");
        let listed = bundle.get(&file).and_then(|bytes| serde_saphyr::from_slice::<Kustomization>(bytes).ok());
        let listed = listed.ok_or(NotHydratable::Broken(file))?;
        open.extend(listed.resources.iter().rev().map(|name| joined(&path, name)));
    }
    Ok(stream)
}

/// A path below a folder, or beside it where it begins with `../`.
fn joined(folder: &str, name: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in name.split('/') {
        match part {
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn readme(repository: &str, commit: &str, commands: &[String]) -> String {
    let commands: String = commands.iter().map(|command| format!("{command}\n")).collect();
    format!(
        "# Manifest Hydration\n\nTo hydrate the manifests in this repository, run the following commands:\n\n```shell\n\
         git clone {repository}\n# cd into the cloned directory\ngit checkout {commit}\n{commands}```\n"
    )
}
