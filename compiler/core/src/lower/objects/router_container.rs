//! The router beside an agent, and the guard before it: two containers of one image.

use k8s_openapi::api::core::v1::{Container, ContainerPort, EnvVar, VolumeMount};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kars_contract::settings;

use super::pod::{ask, env, env_of_pod, locked, mount, read_only, resources, started};
use super::volumes::Volumes;
use crate::resolve::Resolved;

/// How often the router is asked whether it serves.
const PROBE_SECONDS: i32 = 10;

/// Loads the packet filter rules before anything else of the pod starts, and ends.
pub(super) fn guard(scenario: &Resolved<'_>, volumes: &Volumes) -> Container {
    let mut container = Container {
        name: settings::GUARD_CONTAINER.to_owned(),
        command: Some(vec!["kars-router".to_owned(), "guard".to_owned()]),
        env: Some(document_env(volumes)),
        volume_mounts: Some(document_mounts(volumes)),
        resources: Some(resources([("cpu", "10m"), ("memory", "32Mi")], [("cpu", "200m"), ("memory", "64Mi")])),
        ..of_router_image(scenario)
    };
    let mut security = locked(0);
    security.capabilities.get_or_insert_default().add = Some(vec!["NET_ADMIN".to_owned()]);
    container.security_context = Some(security);
    container
}

/// Runs for as long as the agent does; the agent starts when it serves.
pub(super) fn router(scenario: &Resolved<'_>, volumes: &Volumes) -> Container {
    let mut variables = document_env(volumes);
    variables.extend([
        env(settings::ORIGINS, format!("{}/origins.json", settings::ORIGINS_FOLDER)),
        env(settings::STATE_DIR, settings::STATE_FOLDER),
        env(settings::RESOLVER, resolver(scenario.target.dns)),
    ]);
    if volumes.credentials {
        variables.push(env(settings::CREDENTIALS, settings::CREDENTIALS_FOLDER));
    }
    if volumes.identity_token {
        let file = format!("{}/{}", settings::IDENTITY_TOKEN_FOLDER, settings::TOKEN_FILE);
        variables.push(env(settings::IDENTITY_TOKEN, file));
    }
    let admin = || IntOrString::String("admin".to_owned());
    Container {
        name: settings::ROUTER_CONTAINER.to_owned(),
        restart_policy: Some("Always".to_owned()),
        env: Some(variables),
        ports: Some(vec![port("admin", settings::ADMIN_PORT)]),
        startup_probe: Some(started(&["kars-router", "probe"])),
        liveness_probe: Some(ask(settings::LIVEZ, admin(), PROBE_SECONDS)),
        readiness_probe: Some(ask(settings::READYZ, admin(), PROBE_SECONDS)),
        security_context: Some(locked(settings::ROUTER_UID)),
        volume_mounts: Some(router_mounts(volumes)),
        resources: Some(resources([("cpu", "100m"), ("memory", "64Mi")], [("cpu", "500m"), ("memory", "256Mi")])),
        ..of_router_image(scenario)
    }
}

fn of_router_image(scenario: &Resolved<'_>) -> Container {
    let image = scenario.target.images.router.as_ref().expect("a rule refuses an environment without a router");
    Container {
        image: Some(image.pinned()),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        ..Container::default()
    }
}

pub(super) fn port(name: &str, number: kars_contract::name::Port) -> ContainerPort {
    ContainerPort {
        name: Some(name.to_owned()),
        container_port: i32::from(number.get()),
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    }
}

/// The resolver as `IP:PORT`, with the brackets that IPv6 needs.
fn resolver(dns: &str) -> String {
    let port = settings::RESOLVER_PORT;
    if dns.contains(':') { format!("[{dns}]:{port}") } else { format!("{dns}:{port}") }
}

fn document_env(volumes: &Volumes) -> Vec<EnvVar> {
    let mut variables = vec![
        env_of_pod(settings::POD_NAMESPACE, "metadata.namespace"),
        env_of_pod(settings::POD_NAME, "metadata.name"),
        env(settings::DOCUMENT, format!("{}/router.json", settings::DOCUMENT_FOLDER)),
    ];
    if volumes.trust {
        variables.push(env(settings::TRUST, settings::TRUST_FOLDER));
    }
    variables
}

fn document_mounts(volumes: &Volumes) -> Vec<VolumeMount> {
    let mut mounts = vec![read_only("document", settings::DOCUMENT_FOLDER)];
    if volumes.trust {
        mounts.extend([read_only("trust", settings::TRUST_FOLDER), read_only("signature", settings::SIGNATURE_FOLDER)]);
    }
    mounts
}

fn router_mounts(volumes: &Volumes) -> Vec<VolumeMount> {
    let mut mounts = document_mounts(volumes);
    mounts.push(read_only("origins", settings::ORIGINS_FOLDER));
    if volumes.credentials {
        mounts.push(read_only("credentials", settings::CREDENTIALS_FOLDER));
    }
    if volumes.identity_token {
        mounts.push(read_only("identity-token", settings::IDENTITY_TOKEN_FOLDER));
    }
    if volumes.mesh_token {
        mounts.push(read_only("mesh-token", settings::MESH_TOKEN_FOLDER));
    }
    mounts.push(mount("state", settings::STATE_FOLDER));
    if volumes.shared_workspace {
        mounts.push(mount("workspace", settings::AGENT_HOME));
    }
    mounts
}
