//! The platform bundle: what the administrators of a cluster own. Admission policies as they are shipped, their
//! parameters from an environment, and the trust that routers must have. No scenario is needed. Not here: what the
//! policies say (`policies/admission`).

mod delivery;

use std::collections::BTreeMap;

use k8s_openapi::api::admissionregistration::v1::{
    ParamRef, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding, ValidatingAdmissionPolicyBindingSpec,
};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kars_contract::digest::Digest;
use kars_contract::document::Document;
use kars_contract::settings;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::environment::{GuardMode, Profile};
use kars_scenario::span::Span;
use serde::Serialize;

use crate::built_in;
use crate::bundle::{Bundle, Output, Unwritable};
use crate::check::delivery_identities;
use crate::compile::Compilation;
use crate::lower::{objects, trust};
use crate::parse::{ParsedPlatform, parse_environment};
use crate::render::Manifest;
use crate::render::yaml::{to_json, to_yaml};
use crate::resolve::{Image, Target};
use crate::sources::Files;

const INCOMPLETE: Code = Code(730);
/// Where the parameters stand; the policies name it.
const NAMESPACE: &str = "kars-platform";
const PARAMETERS: &str = "kars-admission";

/// Builds the platform bundle of an environment.
pub fn platform(environment: &str, files: &dyn Files, output: &dyn Output) -> Result<Compilation, Unwritable> {
    let mut compilation = Compilation::default();
    let Compilation { found, sources, .. } = &mut compilation;
    let Some(ParsedPlatform { environment: parsed, lock, texts }) =
        parse_environment(environment, files, sources, found)
    else {
        return Ok(compilation);
    };
    let target = crate::resolve::target(&parsed, lock.as_ref());
    let trust = trust::document(&parsed, &texts, sources);
    check(&target, found);
    found.sort();
    if found.has_errors() {
        return Ok(compilation);
    }
    let mut manifests = vec![
        object("00-namespace", &namespace()),
        object("10-parameters", &parameter_map(parameters(&target, trust.as_ref()))),
    ];
    manifests.extend(delivery::manifests(&target));
    compilation.bundle = Some(write(environment, manifests, trust.as_ref().map(Document::encode), output)?);
    Ok(compilation)
}

/// Notes what an environment for production must say before it can be fenced.
fn check(target: &Target<'_>, found: &mut Found) {
    let name = &target.environment.metadata.name;
    if let Some(delivery) = &target.environment.delivery {
        delivery_identities(delivery, found);
    }
    let mut missing = |at: Span, what: &str, help: &str| {
        found.push(
            Diagnostic::error(INCOMPLETE, at, format!("the platform of `{}` has no {what}", name.value)).help(help),
        );
    };
    if target.images.router.is_none() {
        missing(name.span, "router image", "name it under `images.router`");
    }
    if target.profile == Profile::Dev {
        return;
    }
    for image in target.images.router.iter().chain(&target.images.relay).filter(|image| image.digest.is_none()) {
        missing(image.span, "digest for its image", "name it by digest, or put `karsc.lock` beside `environments/`");
    }
    if target.environment.trust.is_none() {
        missing(name.span, "trusted keys", "name them under `trust.keys`; without them no router accepts a document");
    }
    let delivery = target.environment.delivery.as_ref();
    if delivery.is_none_or(|delivery| delivery.identities.is_empty()) {
        missing(name.span, "delivery identities", "name who writes for each scenario under `delivery.identities`");
    }
}

/// What the policies are told.
fn parameters(target: &Target<'_>, trust: Option<&kars_contract::trust::TrustDocument>) -> BTreeMap<String, String> {
    let dev = target.profile == Profile::Dev;
    let images = |image: Option<&Image>| image.map(|image| lines([allowed(image, dev)])).unwrap_or_default();
    let identities = target.environment.delivery.iter().flat_map(|delivery| &delivery.identities).filter_map(
        |(scenario, identity)| {
            let (namespace, account) = identity.split_once('/')?;
            Some(format!("kars-{scenario}-- system:serviceaccount:{namespace}:{account}"))
        },
    );
    let mut data = BTreeMap::from([
        ("platform".to_owned(), if dev { "dev" } else { "prod" }.to_owned()),
        ("guard".to_owned(), if target.guard == GuardMode::Init { "init" } else { "external" }.to_owned()),
        ("router-images".to_owned(), images(target.images.router.as_ref())),
        ("relay-images".to_owned(), images(target.images.relay.as_ref())),
        ("delivery-identities".to_owned(), lines(identities)),
    ]);
    let trust = trust.map(|trust| String::from_utf8(trust.encode()).expect("JSON is UTF-8"));
    data.extend(trust.map(|trust| (settings::TRUST_FILE.to_owned(), trust)));
    data
}

fn lines(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().map(|item| format!("{item}\n")).collect()
}

/// An image by digest; a dev platform takes it as it is written.
fn allowed(image: &Image, dev: bool) -> String {
    match &image.digest {
        Some(digest) => digest.clone(),
        None if dev => image.reference.clone(),
        None => unreachable!("an image without a digest is refused before"),
    }
}

fn write(
    environment: &str,
    mut manifests: Vec<Manifest>,
    trust: Option<Vec<u8>>,
    output: &dyn Output,
) -> Result<Bundle, Unwritable> {
    for (path, text) in built_in::under("policies/admission/") {
        let policy: ValidatingAdmissionPolicy = serde_saphyr::from_str(text).expect("a test reads every policy");
        let name = path.rsplit(['/', '.']).nth(1).expect("it is a path of a YAML file");
        manifests.push(object(&format!("20-{name}"), &policy));
        manifests.push(object(&format!("30-{name}-binding"), &binding(&policy)));
    }
    let mut listed: Vec<_> = manifests.iter().map(|manifest| manifest.path.clone()).collect();
    listed.sort();
    let objects = listed.len();
    manifests.push(Manifest::new("kustomization.yaml".to_owned(), to_yaml(&objects::kustomization(listed))));
    manifests.extend(trust.map(|trust| Manifest::new(format!("trust/{}", settings::TRUST_FILE), trust)));
    let files: BTreeMap<_, _> = manifests.iter().map(|manifest| (manifest.path.clone(), manifest.digest())).collect();
    let text: String = files.iter().map(|(path, digest)| format!("{}  {path}\n", digest.hex())).collect();
    let content = Digest::of(text.as_bytes());
    for manifest in &manifests {
        output.write(&manifest.path, &manifest.bytes)?;
    }
    let inventory = Inventory {
        api_version: "karsc.dev/v1alpha1",
        kind: "Bundle",
        environment,
        content_digest: &content,
        files: &files,
    };
    output.write("bundle.json", &to_json(&inventory))?;
    Ok(Bundle { content, objects, files: files.len() + 1 })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Inventory<'a> {
    api_version: &'static str,
    kind: &'static str,
    environment: &'a str,
    content_digest: &'a Digest,
    files: &'a BTreeMap<String, Digest>,
}

fn object(file: &str, object: &impl Serialize) -> Manifest {
    Manifest::new(format!("{file}.yaml"), to_yaml(object))
}

fn labelled(name: &str) -> ObjectMeta {
    let labels = [
        ("app.kubernetes.io/component", "platform"),
        ("app.kubernetes.io/managed-by", settings::MANAGED_BY),
        ("app.kubernetes.io/part-of", "kars"),
    ];
    ObjectMeta {
        name: Some(name.to_owned()),
        labels: Some(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into()),
        ..ObjectMeta::default()
    }
}

fn namespace() -> Namespace {
    let mut metadata = labelled(NAMESPACE);
    let labels = metadata.labels.get_or_insert_default();
    for mode in ["enforce", "audit", "warn"] {
        labels.insert(format!("pod-security.kubernetes.io/{mode}"), "restricted".to_owned());
    }
    Namespace { metadata, ..Namespace::default() }
}

fn parameter_map(data: BTreeMap<String, String>) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta { namespace: Some(NAMESPACE.to_owned()), ..labelled(PARAMETERS) },
        data: Some(data),
        ..ConfigMap::default()
    }
}

/// Enforces a policy. Without its parameters it refuses everything.
fn binding(policy: &ValidatingAdmissionPolicy) -> ValidatingAdmissionPolicyBinding {
    let name = policy.metadata.name.clone().unwrap_or_default();
    let has_parameters = policy.spec.as_ref().is_some_and(|spec| spec.param_kind.is_some());
    let parameters = ParamRef {
        name: Some(PARAMETERS.to_owned()),
        namespace: Some(NAMESPACE.to_owned()),
        parameter_not_found_action: Some("Deny".to_owned()),
        selector: None,
    };
    ValidatingAdmissionPolicyBinding {
        metadata: labelled(&name),
        spec: Some(ValidatingAdmissionPolicyBindingSpec {
            policy_name: Some(name),
            param_ref: has_parameters.then_some(parameters),
            validation_actions: Some(vec!["Deny".to_owned(), "Audit".to_owned()]),
            match_resources: None,
        }),
    }
}
