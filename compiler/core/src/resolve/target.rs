//! The environment with every default filled in. Not here: whether it is fit for its profile (`check`).

use kars_contract::name::Name;
use kars_scenario::environment::{Engine, Environment, GuardMode, IpFamily, MeshIdentity, Profile, SecretSource};
use kars_scenario::lock::Lock;
use kars_scenario::span::{FileId, Spanned};

use super::Images;

/// The target of a build.
#[derive(Debug)]
pub struct Target<'a> {
    pub environment: &'a Environment,
    pub profile: Profile,
    pub cluster: &'a Name,
    /// The Kubernetes minor version, `1.34` where none is written.
    pub version: &'a str,
    /// The address of the cluster's DNS service.
    pub dns: &'a str,
    pub families: Vec<IpFamily>,
    pub guard: GuardMode,
    pub mesh: MeshIdentity,
    pub secrets: SecretSource,
    pub engine: Engine,
    pub images: Images,
    pub lock: Option<&'a (FileId, Lock)>,
}

/// The address of the DNS service where a cluster is made with kubeadm's default range.
const DNS: &str = "10.96.0.10";
/// The Kubernetes version that objects are written for where the environment names none.
const VERSION: &str = "1.34";

/// Fills the defaults of an environment.
pub(crate) fn resolve<'a>(environment: &'a Environment, lock: Option<&'a (FileId, Lock)>) -> Target<'a> {
    let cluster = environment.cluster.as_ref();
    let families = cluster.and_then(|cluster| cluster.ip_families.as_ref());
    Target {
        environment,
        profile: environment.profile.as_deref().copied().unwrap_or(Profile::Prod),
        cluster: cluster.and_then(|cluster| cluster.name.as_ref()).unwrap_or(&environment.metadata.name),
        version: cluster.and_then(|cluster| cluster.version.as_ref()).map_or(VERSION, |version| version),
        dns: cluster.and_then(|cluster| cluster.dns.as_ref()).map_or(DNS, |dns| dns.as_str()),
        families: families
            .map_or_else(|| vec![IpFamily::V4], |families| families.iter().map(|family| family.value).collect()),
        guard: value(environment.guard.as_ref(), GuardMode::Init),
        mesh: environment.mesh.as_ref().map_or(MeshIdentity::Workload, |mesh| mesh.identity.value),
        secrets: environment
            .secrets
            .as_ref()
            .map_or(SecretSource::Existing, |secrets| value(secrets.from.as_ref(), SecretSource::Existing)),
        engine: environment.delivery.as_ref().map_or(Engine::None, |delivery| delivery.engine.value),
        images: Images::of(environment, lock.map(|(_, lock)| lock)),
        lock,
    }
}

fn value<T: Copy>(written: Option<&Spanned<T>>, default: T) -> T {
    written.map_or(default, |written| written.value)
}
