//! The volumes of an agent's pod. Secrets and tokens are mounted by the router alone.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, EmptyDirVolumeSource, KeyToPath, PersistentVolumeClaim, PersistentVolumeClaimSpec,
    ProjectedVolumeSource, SecretProjection, ServiceAccountTokenProjection, Volume, VolumeProjection,
    VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kars_contract::router::MeshIdentity;
use kars_contract::settings;

use super::config_map::{ORIGINS, RuntimeFiles, SIGNATURE, TRUST, router_document_name};
use super::{AgentPlan, Place};
use crate::lower::credentials;
use crate::resolve::Resolved;

/// Whom a token for the registry is meant for.
const MESH_AUDIENCE: &str = "kars-mesh";
/// Whom a token for Microsoft Entra is meant for.
const EXCHANGE_AUDIENCE: &str = "api://AzureADTokenExchange";

/// Which volumes a pod has. Containers and volumes are made from one answer.
pub(super) struct Volumes {
    pub(super) trust: bool,
    pub(super) credentials: bool,
    pub(super) identity_token: bool,
    pub(super) mesh_token: bool,
    pub(super) files: bool,
    /// Folders of the agent that are written to and hold rendered files too.
    pub(super) homes: Vec<String>,
    /// Whether the router puts received files into the agent's folder.
    pub(super) shared_workspace: bool,
    /// Whether state lies on a claim of its own.
    claimed: bool,
}

impl Volumes {
    pub(super) fn of(scenario: &Resolved<'_>, plan: &AgentPlan<'_, '_>, files: &RuntimeFiles) -> Self {
        let document = &plan.document;
        let mesh = document.mesh.as_ref();
        Self {
            trust: scenario.is_prod() || scenario.target.environment.trust.is_some(),
            credentials: !credentials::secrets_of_router(plan.agent).is_empty(),
            identity_token: credentials::workload_client(plan.agent).is_some(),
            mesh_token: mesh.is_some_and(|mesh| mesh.identity == MeshIdentity::Workload),
            files: !files.is_empty(),
            homes: homes(files),
            shared_workspace: mesh.is_some()
                || document.tools.iter().any(|granted| granted.tool.provider() == "foundry"),
            claimed: scenario.target.environment.storage.is_some(),
        }
    }

    pub(super) fn list(&self, plan: &AgentPlan<'_, '_>, files: &RuntimeFiles) -> Vec<Volume> {
        let mut volumes =
            vec![config_map("document", &router_document_name(&plan.document)), config_map("origins", ORIGINS)];
        if self.trust {
            volumes.extend([config_map("trust", TRUST), config_map("signature", SIGNATURE)]);
        }
        if self.files {
            volumes.push(config_map("files", &files.name()));
        }
        if self.credentials {
            volumes.push(projected("credentials", secrets(plan)));
        }
        if self.identity_token {
            volumes.push(projected("identity-token", vec![token(EXCHANGE_AUDIENCE)]));
        }
        if self.mesh_token {
            volumes.push(projected("mesh-token", vec![token(MESH_AUDIENCE)]));
        }
        volumes.push(empty("workspace", "1Gi"));
        volumes.push(empty("temporary", "256Mi"));
        volumes.extend(self.homes.iter().enumerate().map(|(place, _)| empty(&home_volume(place), "1Gi")));
        if !self.claimed {
            volumes.push(empty("state", "1Gi"));
        }
        volumes
    }
}

/// State outlives its pod: the router's budgets, the head of its audit chain and its accepted serial; the relay's queue.
pub(super) fn claims(scenario: &Resolved<'_>, place: &Place) -> Option<Vec<PersistentVolumeClaim>> {
    let class = &scenario.target.environment.storage.as_ref()?.class.value;
    let storage = [("storage".to_owned(), Quantity("1Gi".to_owned()))].into();
    Some(vec![PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some("state".to_owned()),
            labels: Some(place.labels.clone()),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOncePod".to_owned()]),
            storage_class_name: Some(class.clone()),
            resources: Some(VolumeResourceRequirements { requests: Some(storage), limits: None }),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    }])
}

pub(super) fn home_volume(place: usize) -> String {
    format!("home-{place}")
}

/// Mount points inside the agent's folder would be made by the container runtime as root, so each folder that holds
/// rendered files is a volume of its own, which the agent may write to.
fn homes(files: &RuntimeFiles) -> Vec<String> {
    let below = files.paths().filter_map(|path| path.strip_prefix(settings::AGENT_HOME)?.strip_prefix('/'));
    let folders: BTreeSet<_> = below
        .filter_map(|path| path.split_once('/'))
        .map(|(folder, _)| format!("{}/{folder}", settings::AGENT_HOME))
        .collect();
    folders.into_iter().collect()
}

fn config_map(name: &str, of: &str) -> Volume {
    Volume {
        name: name.to_owned(),
        config_map: Some(ConfigMapVolumeSource { name: of.to_owned(), ..ConfigMapVolumeSource::default() }),
        ..Volume::default()
    }
}

pub(super) fn empty(name: &str, limit: &str) -> Volume {
    let source = EmptyDirVolumeSource { size_limit: Some(Quantity(limit.to_owned())), medium: None };
    Volume { name: name.to_owned(), empty_dir: Some(source), ..Volume::default() }
}

/// Files that only their owner's group reads.
fn projected(name: &str, sources: Vec<VolumeProjection>) -> Volume {
    let source = ProjectedVolumeSource { sources: Some(sources), default_mode: Some(0o440) };
    Volume { name: name.to_owned(), projected: Some(source), ..Volume::default() }
}

fn token(audience: &str) -> VolumeProjection {
    let source = ServiceAccountTokenProjection {
        audience: Some(audience.to_owned()),
        expiration_seconds: Some(3600),
        path: settings::TOKEN_FILE.to_owned(),
    };
    VolumeProjection { service_account_token: Some(source), ..VolumeProjection::default() }
}

/// Declared keys alone, one file per `secret/key`.
fn secrets(plan: &AgentPlan<'_, '_>) -> Vec<VolumeProjection> {
    let secret = |(name, keys): (String, BTreeSet<String>)| {
        let items = keys.into_iter().map(|key| KeyToPath { path: format!("{name}/{key}"), key, mode: None }).collect();
        VolumeProjection {
            secret: Some(SecretProjection { name, items: Some(items), optional: None }),
            ..VolumeProjection::default()
        }
    };
    credentials::secrets_of_router(plan.agent).into_iter().map(secret).collect()
}
