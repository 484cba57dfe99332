//! Kubernetes objects as values of their API types, one kind one file. Not here: YAML, and the objects of delivery engines.

mod config_map;
mod external_secret;
mod kustomization;
mod namespace;
mod network_policy;
mod pod;
mod relay;
mod router_container;
mod service;
mod service_account;
mod stateful_set;
mod volumes;

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kars_contract::settings;
use serde::Serialize;

use super::{AgentPlan, Plan};
use crate::resolve::Resolved;

pub(crate) use config_map::{ORIGINS, RuntimeFiles, TRUST};
pub(crate) use external_secret::{ExternalSecret, Metadata as ExternalSecretMetadata};
pub(crate) use kustomization::{Kustomization, kustomization};
#[cfg(test)]
pub(crate) use network_policy::{SPECIAL_V4, SPECIAL_V6};

/// An object of a scenario bundle.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
#[expect(clippy::large_enum_variant, reason = "a handful live at a time, and the largest is boxed")]
pub(crate) enum Object {
    Namespace(Namespace),
    ServiceAccount(ServiceAccount),
    ExternalSecret(ExternalSecret),
    NetworkPolicy(NetworkPolicy),
    ConfigMap(ConfigMap),
    Service(Service),
    StatefulSet(Box<StatefulSet>),
}

impl Object {
    /// The kind, as the API names it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Namespace(_) => "Namespace",
            Self::ServiceAccount(_) => "ServiceAccount",
            Self::ExternalSecret(_) => "ExternalSecret",
            Self::NetworkPolicy(_) => "NetworkPolicy",
            Self::ConfigMap(_) => "ConfigMap",
            Self::Service(_) => "Service",
            Self::StatefulSet(_) => "StatefulSet",
        }
    }

    /// The object's name.
    pub(crate) fn name(&self) -> &str {
        self.place().0
    }

    /// The namespace it is in; none for a namespace.
    pub(crate) fn namespace(&self) -> Option<&str> {
        self.place().1
    }

    fn place(&self) -> (&str, Option<&str>) {
        let metadata = match self {
            Self::Namespace(object) => &object.metadata,
            Self::ServiceAccount(object) => &object.metadata,
            Self::ExternalSecret(object) => return (&object.metadata.name, Some(&object.metadata.namespace)),
            Self::NetworkPolicy(object) => &object.metadata,
            Self::ConfigMap(object) => &object.metadata,
            Self::Service(object) => &object.metadata,
            Self::StatefulSet(object) => &object.metadata,
        };
        (metadata.name.as_deref().unwrap_or_default(), metadata.namespace.as_deref())
    }

    /// Sets an annotation.
    pub(crate) fn annotate(&mut self, key: &str, value: &str) {
        let metadata = match self {
            Self::Namespace(object) => &mut object.metadata,
            Self::ServiceAccount(object) => &mut object.metadata,
            Self::ExternalSecret(object) => {
                object.metadata.annotations.insert(key.to_owned(), value.to_owned());
                return;
            }
            Self::NetworkPolicy(object) => &mut object.metadata,
            Self::ConfigMap(object) => &mut object.metadata,
            Self::Service(object) => &mut object.metadata,
            Self::StatefulSet(object) => &mut object.metadata,
        };
        metadata.annotations.get_or_insert_default().insert(key.to_owned(), value.to_owned());
    }
}

/// An object with the name of its file: a number that says when it is applied, and what it is.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub file: String,
    pub object: Object,
}

fn planned(file: &str, object: Object) -> Planned {
    Planned { file: file.to_owned(), object }
}

/// The objects of one agent, in the order they are applied: fences first, the workload last.
pub(crate) fn of_agent(scenario: &Resolved<'_>, plan: &AgentPlan<'_, '_>, files: &RuntimeFiles) -> Vec<Planned> {
    let place = Place::of_agent(scenario, plan);
    let mut objects = vec![
        planned("00-namespace", Object::Namespace(namespace::of_agent(scenario, plan, &place))),
        planned("10-service-account", Object::ServiceAccount(service_account::of_agent(plan, &place))),
    ];
    for secret in external_secret::of_agent(scenario, plan, &place) {
        objects.push(planned(&format!("15-external-secret-{}", secret.metadata.name), Object::ExternalSecret(secret)));
    }
    objects.extend([
        planned("20-default-deny", Object::NetworkPolicy(network_policy::default_deny(&place))),
        planned("21-router-flows", Object::NetworkPolicy(network_policy::of_agent(scenario, plan, &place))),
        planned("30-router-document", Object::ConfigMap(config_map::document(plan, &place))),
        planned("31-router-signature", Object::ConfigMap(config_map::signature(&place))),
        planned("32-origins", Object::ConfigMap(config_map::origins(plan, &place))),
    ]);
    objects.extend(config_map::trust(scenario, &place).map(|trust| planned("33-trust", Object::ConfigMap(trust))));
    if !files.is_empty() {
        objects.push(planned("34-runtime-files", Object::ConfigMap(config_map::runtime_files(files, &place))));
    }
    objects.extend([
        planned("40-service", Object::Service(service::of_agent(plan, &place))),
        planned("50-statefulset", Object::StatefulSet(Box::new(stateful_set::of_agent(scenario, plan, files, &place)))),
    ]);
    objects
}

/// The objects of a scenario's relay.
pub(crate) fn of_mesh(plan: &Plan<'_>) -> Vec<Planned> {
    plan.relay().map(|document| relay::objects(plan.resolved(), &document)).unwrap_or_default()
}

/// Where objects stand, and what they all carry.
pub(crate) struct Place {
    pub(crate) namespace: String,
    pub(crate) labels: BTreeMap<String, String>,
}

impl Place {
    fn of_agent(scenario: &Resolved<'_>, plan: &AgentPlan<'_, '_>) -> Self {
        let agent = plan.agent.name.to_string();
        let mut place = Self::named(scenario, plan.namespace.as_ref(), &agent, settings::COMPONENT_SANDBOX);
        place.labels.insert(settings::LABEL_SANDBOX.to_owned(), agent);
        if let Some(parent) = &plan.agent.written.parent {
            place.labels.insert(settings::LABEL_PARENT.to_owned(), parent.to_string());
        }
        place
    }

    fn named(scenario: &Resolved<'_>, namespace: &str, name: &str, component: &str) -> Self {
        let mut labels: BTreeMap<String, String> = BTreeMap::new();
        let mut label = |key: &str, value: &str| labels.insert(key.to_owned(), value.to_owned());
        label("app.kubernetes.io/name", name);
        label("app.kubernetes.io/component", component);
        label("app.kubernetes.io/managed-by", settings::MANAGED_BY);
        label("app.kubernetes.io/part-of", scenario.scenario.metadata.name.as_str());
        label(settings::LABEL_COMPONENT, component);
        if !scenario.is_prod() {
            label(settings::LABEL_DEV_ONLY, "true");
        }
        Self { namespace: namespace.to_owned(), labels }
    }

    /// Name, namespace and labels of an object here.
    pub(crate) fn metadata(&self, name: &str) -> ObjectMeta {
        ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(self.namespace.clone()),
            labels: Some(self.labels.clone()),
            ..ObjectMeta::default()
        }
    }

    /// The labels that tell the pods of this workload from all others.
    pub(crate) fn selector(&self) -> BTreeMap<String, String> {
        let key = if self.labels.contains_key(settings::LABEL_SANDBOX) {
            settings::LABEL_SANDBOX
        } else {
            settings::LABEL_COMPONENT
        };
        BTreeMap::from([(key.to_owned(), self.labels[key].clone())])
    }
}
