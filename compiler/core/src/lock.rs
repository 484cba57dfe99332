//! What a lock pins, and how it is written. Not here: asking registries, and whether a lock is stale (K0736).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use kars_contract::digest::Digest;
use kars_contract::instant::Instant;
use kars_scenario::diagnostic::Found;
use kars_scenario::lock::ImageDigest;
use kars_scenario::span::Spanned;
use serde::Serialize;

use crate::inspect::{Inspection, inspect_resolved};
use crate::parse::{self, Input, parse_environment};
use crate::render::yaml::to_yaml;
use crate::sources::{Files, Sources};
use crate::{built_in, schema};

/// The line of the scenario's own `catalog/` folder.
pub const OWN: &str = "catalog";

/// What is built in and decides what a scenario means, by the name of its line: where its files are.
const BUILT_IN: [(&str, &str); 6] = [
    ("environments", "policies/environments/"),
    ("hosts", "policies/hosts/"),
    ("models", "policies/models/"),
    ("presets", "policies/presets/"),
    ("runtimes", "templates/runtimes/"),
    ("tools", "policies/tools/"),
];

/// The content of a lock.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Content {
    /// Digests by `repository:tag`.
    pub images: BTreeMap<String, String>,
    /// Digests of what scenarios are read with.
    pub digests: BTreeMap<String, String>,
    /// Name and version of the KCL engine.
    pub kcl: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    api_version: &'static str,
    kind: &'static str,
    images: &'a BTreeMap<String, String>,
    digests: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kcl: Option<&'a str>,
}

impl Content {
    /// The text of the file, in the one way that it is written.
    #[must_use]
    pub fn text(&self) -> String {
        to_yaml(&Written {
            api_version: "karsc.dev/v1alpha1",
            kind: "Lock",
            images: &self.images,
            digests: &self.digests,
            kcl: self.kcl.as_deref(),
        })
    }

    /// Every line with a value, as `images.NAME` and so on, for comparing.
    #[must_use]
    pub fn lines(&self) -> BTreeMap<String, &str> {
        let mut lines: BTreeMap<String, &str> = BTreeMap::new();
        lines.extend(self.images.iter().map(|(name, value)| (format!("images.{name}"), value.as_str())));
        lines.extend(self.digests.iter().map(|(name, value)| (format!("digests.{name}"), value.as_str())));
        lines.extend(self.kcl.as_deref().map(|engine| ("kcl".to_owned(), engine)));
        lines
    }
}

/// The images that a scenario deploys in an environment and names by tag.
pub fn references(input: &Input, files: &dyn Files) -> Inspection<BTreeSet<String>> {
    inspect_resolved(input, Instant::MAX, files, |resolved, _| {
        Some(by_tag(resolved.images_in_use().into_keys().map(str::to_owned)))
    })
}

/// The images that an environment alone names by tag: those that its platform bundle allows.
pub fn platform_references(environment: &str, files: &dyn Files) -> Inspection<BTreeSet<String>> {
    let (mut found, mut sources) = (Found::default(), Sources::default());
    let parsed = parse_environment(environment, files, &mut sources, &mut found);
    let images = parsed.and_then(|parsed| parsed.environment.images);
    let named = images.map(|images| by_tag(images.router.into_iter().chain(images.relay).map(|image| image.value)));
    found.sort();
    Inspection { seen: (!found.lost()).then(|| named.unwrap_or_default()), found, sources }
}

/// The lock beside a scenario as it is; empty where there is none.
pub fn current(files: &dyn Files) -> Inspection<Content> {
    let (mut found, mut sources) = (Found::default(), Sources::default());
    let lock = parse::lock(files, &mut sources, &mut found).map(|(_, lock)| lock);
    let texts = |map: BTreeMap<String, Spanned<ImageDigest>>| {
        map.into_iter().map(|(name, digest)| (name, digest.as_str().to_owned())).collect()
    };
    let content = lock.map(|lock| Content {
        images: texts(lock.images),
        digests: texts(lock.digests),
        kcl: lock.kcl.map(|engine| engine.value),
    });
    Inspection { seen: (!found.lost()).then(|| content.unwrap_or_default()), found, sources }
}

fn by_tag(references: impl Iterator<Item = String>) -> BTreeSet<String> {
    references.filter(|reference| !reference.contains('@')).collect()
}

/// The digests of what is built in, and of the scenario's own catalog where it has one.
#[must_use]
pub fn digests(files: &dyn Files) -> BTreeMap<String, String> {
    let own = files.list("catalog").into_iter().filter_map(|path| Some((files.read(&path).ok()?, path)));
    let own: Vec<(String, Digest)> = own.map(|(bytes, path)| (path, Digest::of(&bytes))).collect();
    built_in_digests()
        .chain((!own.is_empty()).then(|| (OWN, listed(own))))
        .map(|(name, digest)| (name.to_owned(), digest.to_string()))
        .collect()
}

/// The digest of what a line of a lock stands for now; absent where this karsc knows no such line.
pub(crate) fn digest_of(line: &str, sources: &Sources) -> Option<Digest> {
    if line != OWN {
        return built_in_digests().find(|(name, _)| *name == line).map(|(_, digest)| digest);
    }
    let own = sources.iter().filter(|source| source.path.starts_with("catalog/"));
    Some(listed(own.map(|source| (source.path.clone(), Digest::of(source.text.as_bytes()))).collect()))
}

/// The names of the lines that a scenario's lock has: one for what is built in each, and one for its own catalog.
pub(crate) fn digest_lines(sources: &Sources) -> impl Iterator<Item = &'static str> {
    let own = sources.iter().any(|source| source.path.starts_with("catalog/"));
    BUILT_IN.into_iter().map(|(name, _)| name).chain(["schema"]).chain(own.then_some(OWN))
}

fn built_in_digests() -> impl Iterator<Item = (&'static str, Digest)> {
    let folder = |(name, folder): (&'static str, &'static str)| {
        let files = built_in::under(folder).map(|(path, text)| (path.to_owned(), Digest::of(text.as_bytes())));
        (name, listed(files.collect()))
    };
    let schema = || {
        let files = schema::files().into_iter().map(|(path, text)| (path, Digest::of(text.as_bytes())));
        ("schema", listed(files.collect()))
    };
    BUILT_IN.into_iter().map(folder).chain(std::iter::once_with(schema))
}

/// SHA-256 over one line per file, sorted by path: its hash, two spaces, its path. `sha256sum` prints the same lines.
fn listed(mut files: Vec<(String, Digest)>) -> Digest {
    files.sort();
    let mut lines = String::new();
    for (path, digest) in files {
        writeln!(lines, "{}  {path}", digest.hex()).expect("a string takes all");
    }
    Digest::of(lines.as_bytes())
}
