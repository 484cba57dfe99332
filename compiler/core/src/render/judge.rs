//! The judgement of one object that somebody else wrote, for the table that compiler and admission policies are held to.
//! Not here: objects of a build (`verdict`).

use k8s_openapi::api::core::v1::Pod;
use serde::Deserialize;
use serde::de::DeserializeOwned;

pub use super::posture::Platform;
use super::posture::{PostureScope, faults, faults_of_pod};
use crate::lower::objects::Object;

#[derive(Deserialize)]
struct Head {
    kind: String,
    metadata: HeadMetadata,
}

#[derive(Deserialize)]
struct HeadMetadata {
    name: String,
    #[serde(default)]
    namespace: Option<String>,
}

/// What is wrong with an object in a namespace that is isolated so, one sentence a fault, each with its code.
///
/// # Errors
/// Where the text is not an object of its kind.
pub fn judge(text: &str, platform: &Platform, isolation: &str) -> Result<Vec<String>, String> {
    let head: Head = read(text)?;
    let place = head.metadata.namespace.as_deref().unwrap_or(&head.metadata.name);
    let scope = PostureScope { platform, isolation, is_mesh: place.ends_with("--mesh") };
    let found = match head.kind.as_str() {
        "Namespace" => faults(&Object::Namespace(read(text)?), &scope),
        "ServiceAccount" => faults(&Object::ServiceAccount(read(text)?), &scope),
        "ExternalSecret" => faults(&Object::ExternalSecret(read(text)?), &scope),
        "NetworkPolicy" => faults(&Object::NetworkPolicy(read(text)?), &scope),
        "ConfigMap" => faults(&Object::ConfigMap(read(text)?), &scope),
        "Service" => faults(&Object::Service(read(text)?), &scope),
        "StatefulSet" => faults(&Object::StatefulSet(read(text)?), &scope),
        "Pod" => {
            let pod: Pod = read(text)?;
            faults_of_pod(&head.metadata.name, &pod.spec.unwrap_or_default(), &scope)
        }
        kind => {
            return Ok(vec![format!("{}: a {kind} is not among the kinds of a bundle", super::fault::NOT_ADMITTED)]);
        }
    };
    Ok(found.into_iter().map(|fault| format!("{}: {}: {}", fault.code, fault.subject, fault.message)).collect())
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_saphyr::from_str(text).map_err(|error| error.to_string())
}
