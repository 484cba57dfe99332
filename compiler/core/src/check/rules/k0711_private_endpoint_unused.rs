//! K0711: a private endpoint is reached by something. Not here: its addresses (K0710).

use std::collections::BTreeSet;

use kars_contract::endpoint::Endpoint;
use kars_contract::host::Hostname;
use kars_contract::host_pattern::HostPattern;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::lower::credentials::issuers;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(711), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let endpoints = &scenario.target.environment.private_endpoints;
    if endpoints.is_empty() {
        return;
    }
    let models = scenario.scenario.models.iter().filter_map(|(_, model)| model.endpoint.as_ref());
    let servers = scenario.scenario.mcp_servers.iter().map(|(_, server)| &server.url);
    let named: BTreeSet<Hostname> =
        models.chain(servers).filter_map(|url| Endpoint::parse(&url.value).ok()?.public_host()).collect();
    let issuers: BTreeSet<String> =
        scenario.agents().flat_map(issuers).filter_map(|issuer| Some(issuer.host()?.to_string())).collect();
    let patterns: BTreeSet<&HostPattern> = scenario.agents().flat_map(|agent| &agent.egress).map(|rule| rule.host).collect();
    for endpoint in endpoints {
        let HostPattern::Exact(host) = &endpoint.host.value else { continue };
        if named.contains(host) || issuers.contains(host.as_str()) || patterns.iter().any(|pattern| pattern.matches(host)) {
            continue;
        }
        found.push(
            Diagnostic::warning(RULE.code, endpoint.host.span, format!("nothing reaches the private endpoint `{host}`"))
                .label("no model, MCP server or egress rule of this scenario names it")
                .help("remove the entry"),
        );
    }
}
