//! The last stage: a closed world of files with one content digest, the same on every machine. Files leave through
//! [`Output`] as they are made, so memory does not grow with the scenario. Not here: disks.

mod cache;
mod inventory;
mod provenance;
mod sbom;
mod source_map;

use std::collections::BTreeMap;
use std::sync::Mutex;

use kars_contract::digest::Digest;
use kars_scenario::diagnostic::Found;
use rayon::prelude::*;

use crate::lower::{delivery, objects};
use crate::render::yaml::{to_json, to_yaml};
use crate::render::{Manifest, Renderer};
use crate::resolve::{Agent, Resolved};
pub use cache::Cache;
use cache::Known;
pub(crate) use source_map::Origins;
use source_map::SourceMap;

/// Where the files of a bundle go, in any order.
pub trait Output: Sync {
    /// Takes one file. The path is relative, with `/`.
    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), Unwritable>;

    /// Takes files as they were when the last build ended; nothing is taken where one of them is no longer so.
    fn keep(&self, _paths: &[&str]) -> bool {
        false
    }
}

/// A file could not be written.
#[derive(Clone, Debug, thiserror::Error)]
#[error("`{path}` cannot be written: {reason}")]
pub struct Unwritable {
    pub path: String,
    pub reason: String,
}

/// What was built.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// The digest of everything that has a meaning: manifests, documents, allowlists.
    pub content: Digest,
    /// How many Kubernetes objects there are.
    pub objects: usize,
    /// How many files there are.
    pub files: usize,
}

/// Hashes of the files written so far.
#[derive(Default)]
struct Written {
    /// Every file of the inventory, and whether the content digest covers it.
    files: BTreeMap<String, (Digest, bool)>,
    objects: usize,
    source_map: SourceMap,
}

struct Writer<'o> {
    output: &'o dyn Output,
    written: Mutex<Written>,
}

/// A file of the inventory: its path, its hash, and whether the content digest covers it.
type Entry = (String, (Digest, bool));

impl Writer<'_> {
    fn write(&self, manifests: &[Manifest]) -> Result<Vec<Entry>, Unwritable> {
        manifests
            .iter()
            .map(|manifest| {
                self.output.write(&manifest.path, &manifest.bytes)?;
                Ok((manifest.path.clone(), (manifest.digest(), manifest.is_content)))
            })
            .collect()
    }

    fn put(&self, manifest: &Manifest) -> Result<(), Unwritable> {
        self.output.write(&manifest.path, &manifest.bytes)?;
        let entry = (manifest.digest(), manifest.is_content);
        self.written.lock().expect("no writer panics").files.insert(manifest.path.clone(), entry);
        Ok(())
    }
}

/// Renders and writes everything. Nothing comes back where an error was found; what was written until then is waste.
pub fn bundle(
    renderer: &Renderer<'_>,
    output: &dyn Output,
    cache: Option<&Cache>,
    found: &mut Found,
) -> Result<Option<Bundle>, Unwritable> {
    let scenario = renderer.plan().resolved();
    let writer = Writer { output, written: Mutex::default() };
    let ground = cache.and_then(|_| renderer.ground());
    let noticed: Vec<Found> = scenario
        .agents
        .par_iter()
        .map(|(_, agent)| {
            let mut found = Found::default();
            let made = agent_files(renderer, agent, &writer, cache.zip(ground.as_ref()), &mut found)?;
            let mut written = writer.written.lock().expect("no writer panics");
            written.objects += made.objects;
            written.files.extend(made.files);
            written.source_map.extend(made.origins);
            Ok(found)
        })
        .collect::<Result<_, Unwritable>>()?;
    for noticed in noticed {
        found.extend(noticed);
    }
    let mesh = renderer.mesh(found);
    let files = writer.write(&mesh.manifests)?;
    writer.written.lock().expect("no writer panics").files.extend(files);
    writer.put(&root(scenario, !mesh.manifests.is_empty()))?;
    for (shard, folders) in delivery::shards(scenario).into_iter().enumerate() {
        writer.put(&Manifest::new(
            format!("shards/{shard}/kustomization.yaml"),
            to_yaml(&objects::kustomization(folders)),
        ))?;
    }
    renderer.finish(found);
    if found.has_errors() {
        return Ok(None);
    }
    let mut written = writer.written.into_inner().expect("no writer panics");
    written.objects += mesh.objects;
    written.source_map.extend(mesh.origins);
    finish(scenario, written, output).map(Some)
}

/// The files of one agent.
struct Made {
    files: Vec<Entry>,
    objects: usize,
    origins: Origins,
}

/// Writes the files of one agent, or takes them as the last build left them.
fn agent_files<'a>(
    renderer: &Renderer<'a>,
    agent: &'a Agent<'a>,
    writer: &Writer<'_>,
    before: Option<(&Cache, &Digest)>,
    found: &mut Found,
) -> Result<Made, Unwritable> {
    let plan = renderer.plan().agent(agent);
    let name = agent.name.as_str();
    let before = before.map(|(cache, ground)| (cache, renderer.key(&plan, ground)));
    if let Some(known) = before.as_ref().and_then(|(cache, key)| cache.kept(name, key, writer.output)) {
        let origins = renderer.origins(&plan, &known.drawn);
        return Ok(Made { files: known.files, objects: known.objects, origins });
    }
    let drawn = renderer.draw(plan, found);
    let files = writer.write(&drawn.manifests())?;
    // What was noticed is told with its place, which may move: such an agent is made each time.
    if let Some((cache, key)) = before.filter(|_| found.diagnostics().is_empty()) {
        cache.remember(name, Known { key, files: files.clone(), drawn: drawn.files(), objects: drawn.objects() });
    }
    Ok(Made { files, objects: drawn.objects(), origins: drawn.origins })
}

/// The kustomization of the whole bundle: the mesh before the agents.
fn root(scenario: &Resolved<'_>, has_mesh: bool) -> Manifest {
    let agents = scenario.agents().map(|agent| format!("agents/{}", agent.name.value));
    let folders = has_mesh.then(|| "mesh".to_owned()).into_iter().chain(agents).collect();
    Manifest::new("kustomization.yaml".to_owned(), to_yaml(&objects::kustomization(folders)))
}

/// Writes what is made from all the rest.
fn finish(scenario: &Resolved<'_>, mut written: Written, output: &dyn Output) -> Result<Bundle, Unwritable> {
    let content = content_digest(&written.files);
    let further = [
        ("provenance.json", to_json(&provenance::statement(scenario, &content))),
        ("sbom.spdx.json", to_json(&sbom::document(scenario, &content))),
        ("sourcemap.json", to_json(&written.source_map)),
    ];
    for (path, bytes) in further {
        output.write(path, &bytes)?;
        written.files.insert(path.to_owned(), (Digest::of(&bytes), false));
    }
    for (path, bytes) in delivery::files(scenario) {
        output.write(&path, &bytes)?;
    }
    output.write("bundle.json", &to_json(&inventory::of(scenario, &written.files, &content)))?;
    Ok(Bundle { content, objects: written.objects, files: written.files.len() + 1 })
}

/// SHA-256 over one line per file, sorted by path: its hash, two spaces, its path. `sha256sum` prints the same lines.
fn content_digest(files: &BTreeMap<String, (Digest, bool)>) -> Digest {
    let lines: String = files
        .iter()
        .filter(|(_, (_, is_content))| *is_content)
        .map(|(path, (digest, _))| format!("{}  {path}\n", digest.hex()))
        .collect();
    Digest::of(lines.as_bytes())
}
