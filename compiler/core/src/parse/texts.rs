//! Text files that a scenario or environment names: personas, prompts, schemas, keys. Not here: what they say.

use std::collections::BTreeMap;

use kars_scenario::codes;
use kars_scenario::diagnostic::{Diagnostic, Found};
use kars_scenario::environment::{Environment, SecretSource, Verify};
use kars_scenario::scenario::Scenario;
use kars_scenario::span::{FileId, Spanned};

use super::{path, text};
use crate::sources::{Files, Sources};

/// Files by the path that names them.
#[derive(Debug, Default)]
pub struct Texts {
    files: BTreeMap<String, FileId>,
}

impl Texts {
    /// The file of a path; nothing where it could not be read, which has been reported.
    pub fn get(&self, path: &str) -> Option<FileId> {
        self.files.get(path).copied()
    }

    /// Reads the files that an environment names.
    pub(super) fn read_environment(
        &mut self,
        environment: &Environment,
        files: &dyn Files,
        sources: &mut Sources,
        found: &mut Found,
    ) {
        let verify = environment.delivery.iter().filter_map(|delivery| delivery.verify.as_ref()).flat_map(Verify::keys);
        let keys = environment.trust.iter().flat_map(|trust| &trust.keys);
        for name in verify.chain(keys) {
            self.read(name, files, sources, found);
        }
    }

    /// Reads encrypted Secrets: `secrets/<agent>/<secret>.sops.yaml`.
    fn read_encrypted(&mut self, files: &dyn Files, sources: &mut Sources, found: &mut Found) {
        for path in files.list("secrets").into_iter().filter(|path| path.ends_with(".sops.yaml")) {
            let file = super::read_file(&path, files, sources, found);
            self.files.extend(file.map(|file| (path, file)));
        }
    }

    fn read(&mut self, name: &Spanned<String>, files: &dyn Files, sources: &mut Sources, found: &mut Found) {
        if self.files.contains_key(&name.value) {
            return;
        }
        let path = match path::inside(&name.value) {
            Ok(path) => path,
            Err(error) => {
                let message = format!("`{}` is not a path inside the folder", name.value);
                return found
                    .lose(Diagnostic::error(codes::OUTSIDE_FOLDER, name.span, message).label(error.to_string()));
            }
        };
        match files.read(path) {
            Ok(bytes) => {
                let file = text::keep(path, bytes, sources, found);
                self.files.extend(file.map(|file| (path.to_owned(), file)));
            }
            Err(error) => {
                let message = format!("`{path}` cannot be read");
                found.lose(Diagnostic::error(codes::UNREADABLE_FILE, name.span, message).label(error.to_string()));
            }
        }
    }
}

/// Reads every text file that is named.
pub(super) fn read(
    scenario: &Scenario,
    environment: &Environment,
    files: &dyn Files,
    sources: &mut Sources,
    found: &mut Found,
) -> Texts {
    let mut texts = Texts::default();
    let personas = scenario.agents.iter().filter_map(|(_, agent)| agent.persona.as_ref()).map(|persona| &persona.file);
    let schemas =
        scenario.agents.iter().flat_map(|(_, agent)| &agent.produces).filter_map(|artifact| artifact.schema.as_ref());
    for name in personas.chain(schemas).chain(scenario.prompt.as_ref().map(|prompt| &prompt.file)) {
        texts.read(name, files, sources, found);
    }
    texts.read_environment(environment, files, sources, found);
    if environment.secrets.as_ref().and_then(|secrets| secrets.from.as_deref()) == Some(&SecretSource::Sops) {
        texts.read_encrypted(files, sources, found);
    }
    texts
}
