//! `sourcemap.json`: for every object and rule, the lines of the scenario it comes from. It is not part of the content
//! digest, since a comment may move them.

use std::collections::BTreeMap;

use serde::Serialize;

/// Lines by object, and by rule.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SourceMap {
    /// By the path of the object's file.
    objects: BTreeMap<String, Vec<String>>,
    /// By the rule's stable name. Rules of shared sets are the same for every agent.
    rules: BTreeMap<String, String>,
}

/// What one agent, or the mesh, adds.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    pub(crate) objects: Vec<(String, Vec<String>)>,
    pub(crate) rules: Vec<(String, String)>,
}

impl SourceMap {
    pub(super) fn extend(&mut self, origins: Origins) {
        self.objects.extend(origins.objects);
        self.rules.extend(origins.rules);
    }
}
