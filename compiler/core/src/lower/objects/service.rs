//! Services. They have no address of their own: a name for the pod, and the ports that the pod has.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kars_contract::name::Port;
use kars_contract::settings;

use super::{AgentPlan, Place};

/// The service that an agent's pod is named by. Only probes and metrics are offered.
pub(super) fn of_agent(plan: &AgentPlan<'_, '_>, place: &Place) -> Service {
    headless(plan.agent.name.as_str(), &[("admin", settings::ADMIN_PORT)], place)
}

pub(super) fn headless(name: &str, ports: &[(&str, Port)], place: &Place) -> Service {
    let port = |(name, number): &(&str, Port)| ServicePort {
        name: Some((*name).to_owned()),
        port: i32::from(number.get()),
        protocol: Some("TCP".to_owned()),
        target_port: Some(IntOrString::String((*name).to_owned())),
        ..ServicePort::default()
    };
    Service {
        metadata: place.metadata(name),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            cluster_ip: Some("None".to_owned()),
            selector: Some(place.selector()),
            ports: Some(ports.iter().map(port).collect()),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}
