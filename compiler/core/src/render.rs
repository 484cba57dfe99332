//! The fifth stage: text. Templates are filled, the environment's patches applied, the objects judged as they are, and
//! written as YAML, agent by agent. Not here: decisions (`lower`), and where files go (`bundle`).

mod fault;
mod ground;
mod judge;
mod patch;
mod posture;
mod reach;
mod templates;
mod verdict;
pub(crate) mod yaml;

use kars_contract::allowlist::EgressAllowlist;
use kars_contract::digest::Digest;
use kars_contract::document::Document;
use kars_contract::router::RouterDocument;
use kars_scenario::diagnostic::Found;

use crate::bundle::Origins;
use crate::lower::objects::{self, Object, Planned};
use crate::lower::{AgentPlan, Plan, delivery, encrypted, origins_of_objects};
use crate::resolve::Agent;
pub use judge::{Platform, judge, judge_flows};
use patch::Patches;
use templates::Templates;
use verdict::{Bench, Court};
pub use yaml::canonical;
use yaml::{to_json, to_yaml};

/// A file of the bundle. Only this stage makes one.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The path from the bundle's folder.
    pub path: String,
    pub bytes: Vec<u8>,
    /// Whether the content digest covers it: places in the scenario may move without a change of meaning.
    pub is_content: bool,
}

impl Manifest {
    pub(crate) fn new(path: String, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path, bytes: bytes.into(), is_content: true }
    }

    /// The hash of the bytes.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }
}

/// What renders: templates, patches and the plan they are filled from.
pub struct Renderer<'a> {
    plan: Plan<'a>,
    templates: Templates<'a>,
    patches: Patches<'a>,
    court: Court,
}

/// Everything of one agent: decided, patched and judged, but not yet text.
#[derive(Debug)]
pub struct Drawn<'a> {
    name: &'a str,
    document: RouterDocument,
    planned: Vec<Planned>,
    /// Encrypted Secrets, as file name and text.
    encrypted: Vec<(String, String)>,
    /// The lines of the scenario behind it.
    pub(crate) origins: Origins,
}

/// The files of the mesh.
#[derive(Debug, Default)]
pub struct Rendered {
    pub manifests: Vec<Manifest>,
    /// How many of them are Kubernetes objects.
    pub objects: usize,
    /// The lines of the scenario behind them.
    pub(crate) origins: Origins,
}

/// Prepares the templates and patches of a plan.
pub fn render<'a>(plan: Plan<'a>, found: &mut Found) -> Renderer<'a> {
    let scenario = plan.resolved();
    let templates = Templates::of(scenario.catalog, found);
    let patches = Patches::of(&scenario.target.environment.patches);
    // What the relay's objects are is part of what every agent is judged by; what is wrong with them, `mesh` says.
    let relay = objects_of_mesh(&plan, &patches, &mut Found::default());
    let court = Court::of(&plan, &relay);
    Renderer { plan, templates, patches, court }
}

/// Marks an object for the delivery engine, and patches it.
fn finish(plan: &Plan<'_>, patches: &Patches<'_>, agent: Option<&str>, planned: &mut Planned, found: &mut Found) {
    let engine = plan.resolved().target.engine;
    delivery::order(engine, planned);
    patches.apply(planned, agent, found);
    delivery::keep_as_written(engine, &mut planned.object);
}

/// The relay's objects, patched.
fn objects_of_mesh(plan: &Plan<'_>, patches: &Patches<'_>, found: &mut Found) -> Vec<Planned> {
    let mut planned = objects::of_mesh(plan);
    for object in &mut planned {
        finish(plan, patches, None, object, found);
    }
    planned
}

impl<'a> Renderer<'a> {
    /// The plan.
    pub fn plan(&self) -> &Plan<'a> {
        &self.plan
    }

    /// Everything of one agent, still to be written down.
    pub fn draw(&self, plan: AgentPlan<'a, 'a>, found: &mut Found) -> Drawn<'a> {
        let planned = self.objects(&plan, found);
        let encrypted = self.encrypted(plan.agent);
        let files: Vec<_> = planned.iter().map(|object| object.file.clone()).collect();
        let origins = self.origins(&plan, &files);
        Drawn { name: plan.agent.name.as_str(), document: plan.document, planned, encrypted, origins }
    }

    /// The lines of the scenario behind an agent's objects, by the names of their files, and behind its rules.
    pub(crate) fn origins(&self, plan: &AgentPlan<'_, '_>, files: &[String]) -> Origins {
        let name = plan.agent.name.as_str();
        let lines = |file: &String| origins_of_objects::of(self.plan.resolved(), plan.agent, file);
        Origins {
            objects: files.iter().map(|file| (format!("agents/{name}/{file}.yaml"), lines(file))).collect(),
            rules: plan.origins.rules.iter().map(|(id, origin)| (id.to_string(), origin.to_string())).collect(),
        }
    }

    /// The hash of all that an agent's files are made from, on a known ground: the same hash means the same files.
    pub(crate) fn key(&self, plan: &AgentPlan<'_, '_>, ground: &Digest) -> Digest {
        let own = (plan.agent.written, &plan.view, &plan.origins, self.encrypted(plan.agent));
        ground::hash(&(ground, plan.agent.name.as_str(), plan.document.encode(), own))
    }

    /// The objects of one agent, patched and judged.
    pub(crate) fn objects(&self, plan: &AgentPlan<'_, '_>, found: &mut Found) -> Vec<Planned> {
        let files = self.templates.fill(plan, found);
        let mut planned = objects::of_agent(self.plan.resolved(), plan, &files);
        for object in &mut planned {
            finish(&self.plan, &self.patches, Some(plan.agent.name.as_str()), object, found);
        }
        let bench = self.bench(Some(plan.agent.name.as_str()));
        self.court.agent(plan, self.plan.resolved(), &planned, &bench, found);
        planned
    }

    /// The encrypted Secrets of an agent, as they lie beside the scenario.
    fn encrypted(&self, agent: &Agent<'_>) -> Vec<(String, String)> {
        let scenario = self.plan.resolved();
        let found = encrypted::of(scenario, agent).into_iter();
        found
            .filter_map(|secret| {
                Some((format!("15-secret-{}.yaml", secret.secret), scenario.sources.get(secret.file?).text.clone()))
            })
            .collect()
    }

    fn relay(&self) -> Vec<Planned> {
        objects_of_mesh(&self.plan, &self.patches, &mut Found::default())
    }

    /// All files of the scenario's relay; nothing without a mesh.
    pub fn mesh(&self, found: &mut Found) -> Rendered {
        let Some(document) = self.plan.relay() else { return Rendered::default() };
        let planned = objects_of_mesh(&self.plan, &self.patches, found);
        self.court.mesh(&planned, &self.bench(None), found);
        let mut rendered = written("mesh", &planned, &[]);
        let lines = origins_of_objects::of_mesh(self.plan.resolved());
        rendered
            .origins
            .objects
            .extend(planned.iter().map(|object| (format!("mesh/{}.yaml", object.file), lines.clone())));
        rendered.manifests.push(Manifest::new("documents/relay.json".to_owned(), document.encode()));
        rendered
    }

    fn bench<'b>(&'b self, agent: Option<&'b str>) -> Bench<'b> {
        Bench { patches: &self.patches, agent, scenario: self.plan.resolved().scenario.metadata.name.span }
    }

    /// Notes what only the whole shows, once everything has been rendered.
    pub fn finish(&self, found: &mut Found) {
        self.patches.check_used(found);
    }
}

impl Drawn<'_> {
    /// How many Kubernetes objects there are.
    pub fn objects(&self) -> usize {
        self.planned.len() + self.encrypted.len()
    }

    /// The names of the objects' files, without their ending.
    pub(crate) fn files(&self) -> Vec<String> {
        self.planned.iter().map(|object| object.file.clone()).collect()
    }

    /// All files of the agent.
    pub fn manifests(&self) -> Vec<Manifest> {
        let name = self.name;
        let mut manifests = written(&format!("agents/{name}"), &self.planned, &self.encrypted).manifests;
        manifests.push(Manifest::new(format!("documents/{name}.router.json"), self.document.encode()));
        let allowlist = EgressAllowlist::of(&self.document);
        manifests.push(Manifest::new(format!("allowlists/{name}.egress.json"), readable(&allowlist)));
        manifests
    }
}

/// A document with line breaks, for people: nothing hashes or signs these bytes as a document.
fn readable(document: &impl Document) -> Vec<u8> {
    let value: serde_json::Value = serde_json::from_slice(&document.encode()).expect("a document is JSON");
    to_json(&value)
}

/// Objects as files of a folder, with the kustomization that lists them. Encrypted Secrets come as name and text.
fn written(folder: &str, planned: &[Planned], encrypted: &[(String, String)]) -> Rendered {
    let objects = planned.len() + encrypted.len();
    let mut files: Vec<_> = planned.iter().map(|object| format!("{}.yaml", object.file)).collect();
    let mut manifests: Vec<_> = planned.iter().map(|object| manifest(folder, object)).collect();
    for (file, text) in encrypted {
        manifests.push(Manifest::new(format!("{folder}/{file}"), text.as_str()));
        files.push(file.clone());
    }
    files.sort();
    manifests.push(Manifest::new(format!("{folder}/kustomization.yaml"), to_yaml(&objects::kustomization(files))));
    Rendered { manifests, objects, origins: Origins::default() }
}

fn manifest(folder: &str, Planned { file, object }: &Planned) -> Manifest {
    let is_origins = matches!(object, Object::ConfigMap(map) if map.metadata.name.as_deref() == Some(objects::ORIGINS));
    Manifest { is_content: !is_origins, ..Manifest::new(format!("{folder}/{file}.yaml"), to_yaml(object)) }
}
