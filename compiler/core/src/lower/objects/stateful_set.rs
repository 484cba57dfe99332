//! The workload of an agent: guard, router and agent in one pod with one identity. Never two at a time.

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec};
use k8s_openapi::api::core::v1::{
    Container, EnvVar, EnvVarSource, PodSecurityContext, PodSpec, PodTemplateSpec, ResourceRequirements,
    SeccompProfile, SecretKeySelector, Toleration, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kars_contract::document::Document;
use kars_contract::settings;
use kars_scenario::agent::Isolation;
use kars_scenario::environment::GuardMode;
use kars_scenario::pod::{Amounts as Written, Effect, Operator, Resources};

use super::config_map::{RuntimeFiles, key_of};
use super::pod::{self, Amounts, ask, default_filter, env, locked, mount};
use super::volumes::{Volumes, home_volume};
use super::{AgentPlan, Place, router_container};
use crate::resolve::Resolved;

/// Longer than the router takes to drain.
const GRACE_SECONDS: i64 = 40;
/// How often an agent is asked whether it is well.
const PROBE_SECONDS: i32 = 15;

pub(super) fn of_agent(
    scenario: &Resolved<'_>,
    plan: &AgentPlan<'_, '_>,
    files: &RuntimeFiles,
    place: &Place,
) -> StatefulSet {
    let name = plan.agent.name.as_str();
    let volumes = Volumes::of(scenario, plan, files);
    let annotations = [(settings::ANNOTATION_DOCUMENT_DIGEST.to_owned(), plan.document.digest().to_string())].into();
    StatefulSet {
        metadata: place.metadata(name),
        spec: Some(StatefulSetSpec {
            service_name: Some(name.to_owned()),
            replicas: Some(i32::from(plan.agent.replicas > 0)),
            pod_management_policy: Some("Parallel".to_owned()),
            revision_history_limit: Some(2),
            selector: LabelSelector { match_labels: Some(place.selector()), ..LabelSelector::default() },
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(place.labels.clone()),
                    annotations: Some(annotations),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod(scenario, plan, files, &volumes)),
            },
            volume_claim_templates: super::volumes::claims(scenario, place),
            ..StatefulSetSpec::default()
        }),
        ..StatefulSet::default()
    }
}

fn pod(scenario: &Resolved<'_>, plan: &AgentPlan<'_, '_>, files: &RuntimeFiles, volumes: &Volumes) -> PodSpec {
    let mut before = Vec::new();
    if scenario.target.guard == GuardMode::Init {
        before.push(router_container::guard(scenario, volumes));
    }
    before.push(router_container::router(scenario, volumes));
    let placement = plan.agent.placement;
    let mut nodes: std::collections::BTreeMap<String, String> = placement
        .iter()
        .flat_map(|placement| &placement.node_selector)
        .map(|(key, value)| (key.clone(), value.value.clone()))
        .collect();
    let confidential = scenario.target.environment.isolation.as_ref().and_then(|levels| levels.confidential.as_ref());
    let confidential = confidential.filter(|_| plan.agent.isolation == Isolation::Confidential);
    nodes.extend(
        confidential
            .iter()
            .flat_map(|level| &level.node_selector)
            .map(|(key, value)| (key.clone(), value.value.clone())),
    );
    PodSpec {
        service_account_name: Some(super::service_account::AGENT_ACCOUNT.to_owned()),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        runtime_class_name: confidential.map(|level| level.runtime_class.value.clone()),
        termination_grace_period_seconds: Some(GRACE_SECONDS),
        security_context: Some(PodSecurityContext {
            run_as_group: Some(i64::from(settings::GROUP_ID)),
            fs_group: Some(i64::from(settings::GROUP_ID)),
            fs_group_change_policy: Some("OnRootMismatch".to_owned()),
            run_as_non_root: (scenario.target.guard == GuardMode::External).then_some(true),
            seccomp_profile: Some(default_filter()),
            ..PodSecurityContext::default()
        }),
        node_selector: (!nodes.is_empty()).then_some(nodes),
        tolerations: placement
            .map(|placement| placement.tolerations.iter().map(toleration).collect())
            .filter(|list: &Vec<_>| !list.is_empty()),
        priority_class_name: placement
            .and_then(|placement| placement.priority_class_name.as_ref())
            .map(|class| class.value.clone()),
        init_containers: Some(before),
        containers: vec![agent(scenario, plan, files, volumes)],
        volumes: Some(volumes.list(plan, files)),
        ..PodSpec::default()
    }
}

fn agent(scenario: &Resolved<'_>, plan: &AgentPlan<'_, '_>, files: &RuntimeFiles, volumes: &Volumes) -> Container {
    let runtime = plan.agent.runtime.as_ref().expect("an agent without a runtime is not lowered");
    let image = runtime.image.as_ref().expect("a rule refuses a runtime without an image");
    let command = match &runtime.written.code {
        Some(code) => &code.command,
        None => &runtime.descriptor.command,
    };
    let admin = || IntOrString::Int(i32::from(settings::ADMIN_PORT.get()));
    let probed = plan.document.runtime.probe.is_some();
    let mut security = locked(settings::AGENT_UID);
    security.seccomp_profile = filter(scenario, plan);
    Container {
        name: settings::AGENT_CONTAINER.to_owned(),
        image: Some(image.pinned()),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        command: (!command.is_empty()).then(|| command.iter().map(|word| word.value.clone()).collect()),
        env: Some(variables(plan, files)).filter(|list| !list.is_empty()),
        startup_probe: probed.then(|| k8s_openapi::api::core::v1::Probe {
            failure_threshold: Some(40),
            ..ask(settings::AGENT_READYZ, admin(), 3)
        }),
        liveness_probe: probed.then(|| ask(settings::AGENT_LIVEZ, admin(), PROBE_SECONDS)),
        readiness_probe: probed.then(|| ask(settings::AGENT_READYZ, admin(), PROBE_SECONDS)),
        security_context: Some(security),
        resources: Some(resources(
            plan.agent.resources.map(|resources| &resources.value),
            runtime.descriptor.resources.as_ref(),
        )),
        volume_mounts: Some(mounts(files, volumes)),
        ..Container::default()
    }
}

/// The stricter filter holds the agent alone: the router and the guard need calls that it refuses.
fn filter(scenario: &Resolved<'_>, plan: &AgentPlan<'_, '_>) -> Option<SeccompProfile> {
    let enhanced = scenario.target.environment.isolation.as_ref()?.enhanced.as_ref()?;
    let strict = plan.agent.isolation == Isolation::Enhanced && enhanced.seccomp.value != "RuntimeDefault";
    strict.then(|| SeccompProfile {
        type_: "Localhost".to_owned(),
        localhost_profile: Some(enhanced.seccomp.value.clone()),
    })
}

/// The runtime's variables, the agent's own over them, and the tokens of its channels, which have no other way in.
fn variables(plan: &AgentPlan<'_, '_>, files: &RuntimeFiles) -> Vec<EnvVar> {
    let mut values: std::collections::BTreeMap<&str, &str> = files.env().collect();
    values.extend(plan.agent.env.iter().map(|variable| (variable.name.as_str(), variable.value.value.as_str())));
    let mut variables: Vec<_> = values.into_iter().map(|(name, value)| env(name, value)).collect();
    for (_, channel) in &plan.agent.channels {
        let needs = plan
            .agent
            .runtime
            .as_ref()
            .and_then(|runtime| runtime.descriptor.channels.get(channel.kind.value.as_str()));
        let Some(needs) = needs else { continue };
        let secret = channel.credential.secret.as_str();
        variables.push(secret_env(needs.token_env.as_str(), secret, channel.credential.key.as_str()));
        variables.extend(needs.extra_tokens.iter().map(|key| secret_env(key.as_str(), secret, key.as_str())));
    }
    variables
}

fn secret_env(name: &str, secret: &str, key: &str) -> EnvVar {
    let selector = SecretKeySelector { name: secret.to_owned(), key: key.to_owned(), optional: None };
    EnvVar {
        name: name.to_owned(),
        value_from: Some(EnvVarSource { secret_key_ref: Some(selector), ..EnvVarSource::default() }),
        ..EnvVar::default()
    }
}

fn mounts(files: &RuntimeFiles, volumes: &Volumes) -> Vec<VolumeMount> {
    let mut mounts = vec![mount("workspace", settings::AGENT_HOME), mount("temporary", "/tmp")];
    mounts.extend(volumes.homes.iter().enumerate().map(|(place, folder)| mount(&home_volume(place), folder)));
    mounts.extend(
        files.paths().map(|path| VolumeMount { sub_path: Some(key_of(path)), ..pod::read_only("files", path) }),
    );
    mounts
}

fn resources(written: Option<&Resources>, default: Option<&Resources>) -> ResourceRequirements {
    let pick =
        |of: fn(&Resources) -> Option<&Written>| written.and_then(of).or_else(|| default.and_then(of)).map(amounts);
    let requests = pick(|resources| resources.requests.as_ref());
    let limits = pick(|resources| resources.limits.as_ref());
    let fallback = pod::resources([("cpu", "100m"), ("memory", "256Mi")], [("cpu", "1"), ("memory", "1Gi")]);
    ResourceRequirements {
        requests: requests.or(fallback.requests),
        limits: limits.or(fallback.limits),
        ..ResourceRequirements::default()
    }
}

fn amounts(Written { cpu, memory, ephemeral_storage }: &Written) -> Amounts {
    let mut amounts = Amounts::new();
    let mut set =
        |name: &str, amount: Option<String>| amounts.extend(amount.map(|amount| (name.to_owned(), Quantity(amount))));
    set("cpu", cpu.as_ref().map(std::string::ToString::to_string));
    set("memory", memory.as_ref().map(std::string::ToString::to_string));
    set("ephemeral-storage", ephemeral_storage.as_ref().map(std::string::ToString::to_string));
    amounts
}

fn toleration(
    kars_scenario::pod::Toleration { key, operator, value, effect }: &kars_scenario::pod::Toleration,
) -> Toleration {
    Toleration {
        key: Some(key.value.clone()),
        operator: operator.map(|operator| match operator {
            Operator::Equal => "Equal".to_owned(),
            Operator::Exists => "Exists".to_owned(),
        }),
        value: value.as_ref().map(|value| value.value.clone()),
        effect: effect.map(|effect| match effect {
            Effect::NoSchedule => "NoSchedule".to_owned(),
            Effect::PreferNoSchedule => "PreferNoSchedule".to_owned(),
            Effect::NoExecute => "NoExecute".to_owned(),
        }),
        ..Toleration::default()
    }
}
