//! The catalogs of one build: the built-in ones, and over them those of a `catalog/` folder beside the scenario.
//! Not here: what a scenario picks from them.

use std::collections::BTreeMap;

use kars_contract::tool::ToolId;
use kars_scenario::catalog::{
    AccountScoped, AccountScopedHost, KnownModel, ModelCatalog, Preset, RuntimeDescriptor, Tool, ToolCatalog,
};
use kars_scenario::decode::Decode;
use kars_scenario::diagnostic::Found;
use kars_scenario::model::Provider;
use kars_scenario::name::Name;
use kars_scenario::span::FileId;

use crate::built_in;
use crate::parse::{node_of, read_file};
use crate::sources::{Files, Source, Sources};

/// All catalogs.
#[derive(Debug, Default)]
pub struct Catalog {
    pub runtimes: BTreeMap<Name, RuntimeDescriptor>,
    /// Templates and texts of the runtimes, by `<kind>/<path>`.
    pub files: BTreeMap<String, String>,
    pub tools: BTreeMap<ToolId, Tool>,
    pub providers: BTreeMap<Provider, ModelCatalog>,
    pub presets: BTreeMap<Name, Preset>,
    pub account_scoped: Vec<AccountScopedHost>,
    /// The files that came from the scenario's own folder.
    pub local: Vec<FileId>,
}

impl Catalog {
    /// What is known of a deployment.
    pub fn model(&self, provider: Provider, deployment: &str) -> Option<&KnownModel> {
        self.providers.get(&provider)?.models.iter().find(|model| model.deployment.as_str() == deployment)
    }

    /// The tools that run inside a runtime's own process.
    pub fn tools_of<'a>(&'a self, provider: &'a str) -> impl Iterator<Item = &'a Tool> {
        self.tools.values().filter(move |tool| tool.id.provider() == provider)
    }
}

/// What a file of a catalog is, by its path.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Role {
    Runtime,
    Tools,
    Models,
    Preset,
    Hosts,
    Beside,
}

/// `runtimes/<kind>/runtime.yaml`, `models/*.yaml` and so on.
fn role_of(path: &str) -> Role {
    let parts: Vec<_> = path.split('/').collect();
    match parts.as_slice() {
        ["runtimes", _, "runtime.yaml"] => Role::Runtime,
        ["runtimes", _, "tools.yaml"] | ["tools", _] => Role::Tools,
        ["models", _] => Role::Models,
        ["presets", _] => Role::Preset,
        ["hosts", _] => Role::Hosts,
        _ => Role::Beside,
    }
}

/// Reads the built-in catalogs, and those beside the scenario over them.
pub(crate) fn read(files: &dyn Files, sources: &mut Sources, found: &mut Found) -> Catalog {
    let mut catalog = Catalog::default();
    let built_in = built_in::under("templates/").chain(built_in::under("policies/"));
    for (path, text) in built_in {
        let path = path.split_once('/').expect("it starts with a folder").1;
        if role_of(path) == Role::Beside {
            catalog.keep_beside(path, text.to_owned());
            continue;
        }
        let file = sources.add(Source { path: format!("<built-in>/{path}"), text: text.to_owned(), evaluated: false });
        catalog.take(path, file, sources, found);
    }
    for path in files.list("catalog") {
        let inner = path.strip_prefix("catalog/").expect("it was listed under the folder").to_owned();
        let Some(file) = read_file(&path, files, sources, found) else { continue };
        catalog.local.push(file);
        if role_of(&inner) == Role::Beside {
            catalog.keep_beside(&inner, sources.get(file).text.clone());
        } else {
            catalog.take(&inner, file, sources, found);
        }
    }
    catalog
}

impl Catalog {
    /// Decodes a file into its place; a later file replaces an earlier one of the same name, models one by one.
    fn take(&mut self, path: &str, file: FileId, sources: &Sources, found: &mut Found) {
        let Some(node) = node_of(file, sources, found) else { return };
        match role_of(path) {
            Role::Runtime => {
                let descriptor = RuntimeDescriptor::decode(&node, found);
                self.runtimes.extend(descriptor.map(|runtime| (runtime.metadata.name.value.clone(), runtime)));
            }
            Role::Tools => {
                let tools = ToolCatalog::decode(&node, found).map(|catalog| catalog.tools).unwrap_or_default();
                self.tools.extend(tools.into_iter().map(|tool| (tool.id.value.clone(), tool)));
            }
            Role::Models => {
                let Some(mut read) = ModelCatalog::decode(&node, found) else { return };
                if let Some(below) = self.providers.remove(&read.provider.value) {
                    read.keep_models(below.models);
                }
                self.providers.insert(read.provider.value, read);
            }
            Role::Preset => {
                self.presets
                    .extend(Preset::decode(&node, found).map(|preset| (preset.metadata.name.value.clone(), preset)));
            }
            Role::Hosts => {
                self.account_scoped
                    .extend(AccountScoped::decode(&node, found).map(|list| list.hosts).unwrap_or_default());
            }
            Role::Beside => unreachable!("kept before"),
        }
    }

    /// Keeps a template or text of a runtime.
    fn keep_beside(&mut self, path: &str, text: String) {
        self.files.extend(path.strip_prefix("runtimes/").map(|path| (path.to_owned(), text)));
    }
}
