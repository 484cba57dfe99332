//! The relay of a scenario: namespace, fence and workload. It carries sealed messages and can read none.

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec};
use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, Container, PodSecurityContext, PodSpec, PodTemplateSpec, Volume,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kars_contract::document::Document;
use kars_contract::relay::RelayDocument;
use kars_contract::settings;

use super::config_map::{document_name, holding};
use super::pod::{ask, default_filter, env, locked, mount, read_only, resources};
use super::router_container::port;
use super::volumes::empty;
use super::{Object, Place, Planned, namespace, network_policy, planned, service, service_account};
use crate::lower::{flows, mesh_namespace};
use crate::resolve::Resolved;

const NAME: &str = "relay";
const PROBE_SECONDS: i32 = 10;

pub(super) fn objects(scenario: &Resolved<'_>, document: &RelayDocument) -> Vec<Planned> {
    let place = Place::named(scenario, mesh_namespace(scenario).as_ref(), NAME, settings::COMPONENT_MESH);
    let into = flows::into_relay(scenario);
    let ports =
        [("registry", settings::REGISTRY_PORT), ("relay", settings::RELAY_PORT), ("admin", settings::RELAY_ADMIN_PORT)];
    vec![
        planned("00-namespace", Object::Namespace(namespace::fenced(&place, "standard", "restricted"))),
        planned("10-service-account", Object::ServiceAccount(service_account::without_token(NAME, &place))),
        planned("20-default-deny", Object::NetworkPolicy(network_policy::default_deny(&place))),
        planned(
            "21-relay-flows",
            Object::NetworkPolicy(network_policy::opened("relay-flows", &into, &[], &scenario.target.families, &place)),
        ),
        planned("30-relay-document", Object::ConfigMap(holding("relay-document", document, &place))),
        planned("40-service", Object::Service(service::headless(NAME, &ports, &place))),
        planned("50-statefulset", Object::StatefulSet(Box::new(stateful_set(scenario, document, &place)))),
    ]
}

fn stateful_set(scenario: &Resolved<'_>, document: &RelayDocument, place: &Place) -> StatefulSet {
    let annotations = [(settings::ANNOTATION_DOCUMENT_DIGEST.to_owned(), document.digest().to_string())].into();
    StatefulSet {
        metadata: place.metadata(NAME),
        spec: Some(StatefulSetSpec {
            service_name: Some(NAME.to_owned()),
            replicas: Some(1),
            revision_history_limit: Some(2),
            selector: LabelSelector { match_labels: Some(place.selector()), ..LabelSelector::default() },
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(place.labels.clone()),
                    annotations: Some(annotations),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod(scenario, document)),
            },
            volume_claim_templates: super::volumes::claims(scenario, place),
            ..StatefulSetSpec::default()
        }),
        ..StatefulSet::default()
    }
}

fn pod(scenario: &Resolved<'_>, document: &RelayDocument) -> PodSpec {
    let source =
        ConfigMapVolumeSource { name: document_name("relay-document", document), ..ConfigMapVolumeSource::default() };
    let mut volumes = vec![Volume { name: "document".to_owned(), config_map: Some(source), ..Volume::default() }];
    if scenario.target.environment.storage.is_none() {
        volumes.push(empty("state", "1Gi"));
    }
    PodSpec {
        service_account_name: Some(NAME.to_owned()),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(40),
        security_context: Some(PodSecurityContext {
            run_as_user: Some(i64::from(settings::RELAY_UID)),
            run_as_group: Some(i64::from(settings::GROUP_ID)),
            run_as_non_root: Some(true),
            fs_group: Some(i64::from(settings::GROUP_ID)),
            fs_group_change_policy: Some("OnRootMismatch".to_owned()),
            seccomp_profile: Some(default_filter()),
            ..PodSecurityContext::default()
        }),
        containers: vec![container(scenario)],
        volumes: Some(volumes),
        ..PodSpec::default()
    }
}

fn container(scenario: &Resolved<'_>) -> Container {
    let image = scenario.target.images.relay.as_ref().expect("a rule refuses a mesh without a relay");
    let admin = || IntOrString::String("admin".to_owned());
    Container {
        name: settings::RELAY_CONTAINER.to_owned(),
        image: Some(image.pinned()),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        env: Some(vec![
            env(settings::DOCUMENT, format!("{}/relay.json", settings::DOCUMENT_FOLDER)),
            env(settings::STATE_DIR, settings::STATE_FOLDER),
        ]),
        ports: Some(vec![
            port("registry", settings::REGISTRY_PORT),
            port("relay", settings::RELAY_PORT),
            port("admin", settings::RELAY_ADMIN_PORT),
        ]),
        liveness_probe: Some(ask(settings::LIVEZ, admin(), PROBE_SECONDS)),
        readiness_probe: Some(ask(settings::READYZ, admin(), PROBE_SECONDS)),
        security_context: Some(locked(settings::RELAY_UID)),
        resources: Some(resources([("cpu", "50m"), ("memory", "64Mi")], [("cpu", "500m"), ("memory", "256Mi")])),
        volume_mounts: Some(vec![
            read_only("document", settings::DOCUMENT_FOLDER),
            mount("state", settings::STATE_FOLDER),
        ]),
        ..Container::default()
    }
}
