//! The objects of a build, kept in memory. Everything else of a bundle is passed over.

use std::collections::BTreeMap;
use std::sync::Mutex;

use karsc_core::bundle::{Output, Unwritable};

/// Objects by path.
#[derive(Default)]
pub(crate) struct Objects(Mutex<BTreeMap<(bool, String), Vec<u8>>>);

impl Objects {
    /// In the order in which they are applied: the mesh before the agents.
    pub(crate) fn in_order(self) -> BTreeMap<(bool, String), Vec<u8>> {
        self.0.into_inner().expect("no writer panics")
    }
}

impl Output for Objects {
    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), Unwritable> {
        let in_mesh = path.starts_with("mesh/");
        if is_object(path) {
            self.0.lock().expect("no writer panics").insert((!in_mesh, path.to_owned()), bytes.to_owned());
        }
        Ok(())
    }
}

/// Whether a path of a bundle is that of a Kubernetes object.
pub(crate) fn is_object(path: &str) -> bool {
    (path.starts_with("agents/") || path.starts_with("mesh/")) && !path.ends_with("/kustomization.yaml")
}
