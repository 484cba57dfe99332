//! K0641: one name twice in a list of an agent or of an MCP server. Not here: tools (K0637) and links (K0210).

use std::collections::BTreeMap;
use std::fmt::Display;

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::name::Name;
use kars_scenario::span::Spanned;

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(641), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let defaults = &scenario.scenario.defaults;
    let mut lists: Vec<&[Spanned<Name>]> = defaults.mcp.iter().chain(&defaults.rules).map(Vec::as_slice).collect();
    for (_, agent) in &scenario.scenario.agents {
        lists.extend(agent.mcp.iter().chain(&agent.rules).map(Vec::as_slice));
        lists.push(&agent.channels);
    }
    for list in lists {
        doubles(list, found);
    }
    for (_, server) in &scenario.scenario.mcp_servers {
        doubles(&server.tools, found);
    }
}

fn doubles<T: Display + Ord>(list: &[Spanned<T>], found: &mut Found) {
    let mut seen = BTreeMap::new();
    for name in list {
        let Some(first) = seen.insert(&name.value, name.span) else { continue };
        found.push(
            Diagnostic::error(RULE.code, name.span, format!("`{}` is named twice", name.value))
                .because(first, "also here")
                .help("remove one of them"),
        );
    }
}
