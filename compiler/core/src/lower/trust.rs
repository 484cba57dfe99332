//! The trust that an environment names, as routers read it. Not here: checking signatures.

use kars_contract::trust::TrustDocument;
use kars_scenario::environment::Environment;

use crate::parse::Texts;
use crate::sources::Sources;

/// Keys, threshold and lowest serial of an environment.
pub(crate) fn document(environment: &Environment, texts: &Texts, sources: &Sources) -> Option<TrustDocument> {
    let trust = environment.trust.as_ref()?;
    let keys = trust.keys.iter().filter_map(|key| Some(sources.get(texts.get(&key.value)?).text.trim().to_owned()));
    Some(TrustDocument {
        threshold: trust.threshold.value,
        keys: keys.collect(),
        min_serial: trust.min_serial.as_ref().map_or(0, |serial| serial.value),
    })
}
