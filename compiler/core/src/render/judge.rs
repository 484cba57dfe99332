//! The judgement of objects that somebody else wrote, for the table that compiler and admission policies are held to.
//! Not here: objects of a build (`verdict`).

mod flows;

use k8s_openapi::api::core::v1::Pod;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::fault::NOT_ADMITTED;
pub use super::posture::Platform;
use super::posture::{PostureScope, faults, faults_of_pod};
use crate::lower::objects::{Object, Planned};

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
    let found = if head.kind == "Pod" {
        let pod: Pod = read(text)?;
        faults_of_pod(&head.metadata.name, &pod.spec.unwrap_or_default(), &scope)
    } else {
        match object(&head.kind, text)? {
            Some(object) => faults(&object, &scope),
            None => return Ok(vec![format!("{NOT_ADMITTED}: a {} is not among the kinds of a bundle", head.kind)]),
        }
    };
    Ok(found.into_iter().map(|fault| format!("{}: {}: {}", fault.code, fault.subject, fault.message)).collect())
}

/// What is wrong with what the objects of one workload, in one stream of documents, let through.
///
/// # Errors
/// Where a document is not an object of a bundle, or a flow is not written as [`flows::judge`] reads it.
pub fn judge_flows(stream: &str, flows: &[&str]) -> Result<Vec<String>, String> {
    let planned = |text: &str| {
        let head: Head = read(text)?;
        let object =
            object(&head.kind, text)?.ok_or_else(|| format!("a {} is not among the kinds of a bundle", head.kind))?;
        Ok(Planned { file: String::new(), object })
    };
    let objects = stream.split("\n---\n").map(planned).collect::<Result<Vec<_>, String>>()?;
    flows::judge(&objects, flows)
}

fn object(kind: &str, text: &str) -> Result<Option<Object>, String> {
    Ok(Some(match kind {
        "Namespace" => Object::Namespace(read(text)?),
        "ServiceAccount" => Object::ServiceAccount(read(text)?),
        "ExternalSecret" => Object::ExternalSecret(read(text)?),
        "NetworkPolicy" => Object::NetworkPolicy(read(text)?),
        "ConfigMap" => Object::ConfigMap(read(text)?),
        "Service" => Object::Service(read(text)?),
        "StatefulSet" => Object::StatefulSet(Box::new(read(text)?)),
        _ => return Ok(None),
    }))
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_saphyr::from_str(text).map_err(|error| error.to_string())
}
