//! K0710: a private endpoint is one host on a range of private addresses. Not here: whether anything uses it (K0711).


use kars_contract::cidr::Cidr;
use kars_contract::host_pattern::HostPattern;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(710), check };

/// Ranges that belong to one organisation's own network: RFC 1918, RFC 6598, RFC 4193.
const PRIVATE: [&str; 5] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for endpoint in &scenario.target.environment.private_endpoints {
        let (host, cidr) = (&endpoint.host, &endpoint.cidr);
        if !matches!(host.value, HostPattern::Exact(_)) {
            found.push(
                Diagnostic::error(RULE.code, host.span, format!("`{}` is more than one host", host.value))
                    .label("a private endpoint is one host")
                    .help("write an entry for each host"),
            );
        }
        if !is_private(&cidr.value) {
            found.push(
                Diagnostic::error(RULE.code, cidr.span, format!("`{}` is no range of private addresses", cidr.value))
                    .because(host.span, "the router may connect to any address there under this name")
                    .help(format!("use a range inside {}", PRIVATE.join(", "))),
            );
        }
    }
    for endpoint in &scenario.target.environment.private_endpoints {
        services(scenario, &endpoint.cidr, found);
    }
}

/// The cluster's own services are no private endpoints: peers and the API server answer there.
fn services(scenario: &Resolved<'_>, cidr: &kars_scenario::span::Spanned<Cidr>, found: &mut Found) {
    let cluster = scenario.target.environment.cluster.as_ref();
    let Some(range) = cluster.and_then(|cluster| cluster.service_cidr.as_ref()) else { return };
    if range.contains(cidr.network()) || cidr.contains(range.network()) {
        found.push(
            Diagnostic::error(RULE.code, cidr.span, format!("`{}` holds services of the cluster", cidr.value))
                .because(range.span, "the range of its service addresses")
                .help("use the range of the endpoint alone"),
        );
    }
}

fn is_private(cidr: &Cidr) -> bool {
    PRIVATE.iter().any(|range| {
        let range = Cidr::parse(range).expect("it is a range");
        range.prefix() <= cidr.prefix() && range.contains(cidr.network())
    })
}
