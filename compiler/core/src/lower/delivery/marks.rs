//! What an engine must know of a single object: when it is applied, when it is removed, and what is not to be replaced in it.
//! The order of the whole is in the engines' own objects.

use kars_scenario::environment::Engine;
use serde_json::to_string;

use crate::lower::objects::{Object, Planned};

/// Tells when an object is applied and removed. A fence stands before its pod starts, and until it has ended.
pub(crate) fn order(engine: Engine, planned: &mut Planned) {
    let Planned { file, object } = planned;
    match (engine, &*object) {
        // Files are numbered in the order of application; the waves of removal run the other way by themselves.
        (Engine::Argocd, Object::ConfigMap(_)) => {
            object.annotate("argocd.argoproj.io/sync-wave", &file[..1]);
            // A running pod keeps the policy it was started with until the next one has taken its place.
            object.annotate("argocd.argoproj.io/sync-options", "PruneLast=true");
        }
        (Engine::Argocd, _) => object.annotate("argocd.argoproj.io/sync-wave", &file[..1]),
        // Policies go with their namespace, which removes its pods first.
        (Engine::Flux, Object::NetworkPolicy(_)) => object.annotate("kustomize.toolkit.fluxcd.io/prune", "disabled"),
        (Engine::None | Engine::Flux, _) => {}
    }
}

/// Keeps Flux from replacing `${…}` in prompts and scripts, should somebody switch substitution on for all it applies.
pub(crate) fn keep_as_written(engine: Engine, object: &mut Object) {
    if engine == Engine::Flux && holds_variable(object) {
        object.annotate("kustomize.toolkit.fluxcd.io/substitute", "disabled");
    }
}

fn holds_variable(object: &Object) -> bool {
    match object {
        Object::ConfigMap(object) => object.data.iter().flatten().any(|(_, text)| text.contains("${")),
        object => to_string(object).expect("an object is JSON").contains("${"),
    }
}
