//! K0311: the address of an MCP server that the router will not connect to. Not here: what the server offers.

use kars_contract::endpoint::{Endpoint, Scheme};
use kars_contract::host::Hostname;
use kars_scenario::binding::McpServer;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(311), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for (name, server) in &scenario.scenario.mcp_servers {
        if let Err((why, help)) = usable(server, scenario.is_prod()) {
            found.push(
                Diagnostic::error(
                    RULE.code,
                    server.url.span,
                    format!("`{}` cannot be reached at this URL", name.value),
                )
                .label(why)
                .help(help),
            );
        }
    }
}

/// Why a URL will not do, and what to do.
fn usable(server: &McpServer, is_prod: bool) -> Result<(), (String, &'static str)> {
    const HTTPS: &str = "write an `https://` URL";
    const PUBLIC: &str = "write the public DNS name of the server";
    let url = Endpoint::parse(&server.url).map_err(|error| (error.to_string(), "write scheme, host and path alone"))?;
    Hostname::parse(url.host()).map_err(|error| (error.to_string(), PUBLIC))?;
    match url.scheme() {
        Scheme::Ws | Scheme::Wss => Err(("MCP is spoken over HTTP".to_owned(), HTTPS)),
        Scheme::Http if is_prod => Err(("calls would travel in the clear".to_owned(), HTTPS)),
        Scheme::Http if server.credential.is_some() => {
            Err(("the credential would travel in the clear".to_owned(), HTTPS))
        }
        Scheme::Http | Scheme::Https => Ok(()),
    }
}
