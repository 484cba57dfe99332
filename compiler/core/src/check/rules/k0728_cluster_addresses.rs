//! K0728: the facts about a cluster's addresses agree. Not here: private endpoints (K0710).

use core::net::IpAddr;

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::environment::{Cluster, IpFamily};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(728), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let Some(Cluster { dns, service_cidr, ip_families, .. }) = &scenario.target.environment.cluster else { return };
    let address = dns.as_ref().and_then(|dns| Some((dns, dns.as_str().parse::<IpAddr>().ok()?)));
    if let (Some((dns, address)), Some(range)) = (address, service_cidr)
        && !range.contains(address)
    {
        found.push(
            Diagnostic::error(RULE.code, dns.span, format!("the DNS service `{}` is no service of the cluster", dns.value))
                .because(range.span, "service addresses lie in this range")
                .help("write the address of the Service `kube-dns`: agents' routers ask nothing else"),
        );
    }
    let Some(families) = ip_families else { return };
    for (place, family) in families.iter().enumerate() {
        if families[..place].contains(family) {
            found.push(
                Diagnostic::error(RULE.code, family.span, "the family is named twice").help("remove one"),
            );
        }
    }
    let Some((dns, address)) = address else { return };
    let own = if address.is_ipv4() { IpFamily::V4 } else { IpFamily::V6 };
    if families.iter().all(|family| family.value != own) {
        found.push(
            Diagnostic::error(RULE.code, dns.span, "no pod has an address of the DNS service's family")
                .help("add the family to `ipFamilies`, or correct the address"),
        );
    }
}
