//! K0307: an agent reaches the host of an MCP server besides the router's gateway. Not here: which tools it may call there.

use std::collections::BTreeMap;

use kars_contract::endpoint::Endpoint;
use kars_contract::host_pattern::HostPattern;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::name::Name;
use kars_scenario::span::Spanned;

use crate::check::Rule;
use crate::resolve::{EgressRule, Resolved};

pub(super) const RULE: Rule = Rule { code: Code(307), check };

type Servers<'a> = BTreeMap<HostPattern, (&'a Spanned<Name>, &'a Spanned<String>)>;

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let mut servers = Servers::new();
    for (name, server) in &scenario.scenario.mcp_servers {
        let host = Endpoint::parse(&server.url).ok().and_then(|url| url.public_host());
        servers.extend(host.map(|host| (HostPattern::Exact(host), (name, &server.url))));
    }
    for agent in scenario.agents() {
        for rule in &agent.egress {
            let Some((name, url)) = opened(&servers, rule) else { continue };
            found.push(
                Diagnostic::error(RULE.code, rule.span, format!("`{}` opens an MCP server's host", rule.host))
                    .label(format!("calls from here skip the tools listed for `{}`", name.value))
                    .because(url.span, "the router's gateway reaches it from here")
                    .help(format!("remove the host, and name `{}` under `mcp` where its tools are needed", name.value))
                    .at(format!("agents.{}", agent.name.value)),
            );
        }
    }
}

fn opened<'s, 'a>(
    servers: &'s Servers<'a>,
    rule: &EgressRule<'_>,
) -> Option<&'s (&'a Spanned<Name>, &'a Spanned<String>)> {
    match rule.host {
        HostPattern::Exact(_) => servers.get(rule.host),
        HostPattern::OneLabel(_) | HostPattern::AnyDepth(_) => {
            servers.iter().find(|(host, _)| rule.host.covers(host)).map(|(_, server)| server)
        }
    }
}
