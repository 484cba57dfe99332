//! Which tools an agent has: patterns to tools of the catalogs. Not here: who may serve them (`check`).

use std::collections::BTreeMap;

use kars_contract::name::Name;
use kars_contract::tool::{MCP_PROVIDER, ToolId, ToolPattern};
use kars_scenario::agent::Version;
use kars_scenario::binding::McpServer;
use kars_scenario::catalog::Tool;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::span::{Span, Spanned};
use kars_scenario::suggest::did_you_mean;

use super::{Bound, RuntimeChoice, Scope};

pub(crate) const UNKNOWN_TOOL: Code = Code(601);

/// A tool that an agent has.
#[derive(Clone, Debug)]
pub struct Granted<'a> {
    /// Nothing for a tool of an MCP server, which no catalog knows.
    pub tool: Option<&'a Tool>,
    /// The pattern, or the name of the server, that grants it.
    pub span: Span,
    /// The pattern as written; nothing for a tool of an MCP server.
    pub pattern: Option<&'a ToolPattern>,
}

/// The tools of an agent by id.
pub(super) fn resolve<'a>(
    patterns: &'a [Spanned<ToolPattern>],
    runtime: Option<&RuntimeChoice<'a>>,
    servers: &[Bound<'a, McpServer>],
    scope: Scope<'a, '_>,
    found: &mut Found,
) -> BTreeMap<ToolId, Granted<'a>> {
    let Some(runtime) = runtime else { return BTreeMap::new() };
    let (kind, version) = (runtime.kind(), runtime.version);
    let mut granted = BTreeMap::new();
    for pattern in patterns {
        let tools = matching(&pattern.value, version, scope);
        if tools.is_empty() {
            found.push(unknown(pattern, kind, version, scope));
        }
        for tool in tools {
            granted.entry(tool.id.value.clone()).or_insert(Granted {
                tool: Some(tool),
                span: pattern.span,
                pattern: Some(&pattern.value),
            });
        }
    }
    for (name, server) in servers {
        for tool in server.tools.iter().filter(|tool| tool.value != "*") {
            if let Ok(id) = ToolId::mcp(&name.value, &tool.value) {
                granted.entry(id).or_insert(Granted { tool: None, span: name.span, pattern: None });
            }
        }
    }
    granted
}

fn matching<'a>(pattern: &ToolPattern, version: Option<&Version>, scope: Scope<'a, '_>) -> Vec<&'a Tool> {
    let tools = &scope.parsed.catalog.tools;
    match pattern {
        ToolPattern::Exact(id) => tools.get(id).filter(|tool| tool.in_version(version)).into_iter().collect(),
        ToolPattern::Set(_) => {
            tools.values().filter(|tool| pattern.matches(&tool.id) && tool.in_version(version)).collect()
        }
    }
}

fn unknown(pattern: &Spanned<ToolPattern>, kind: &Name, version: Option<&Version>, scope: Scope<'_, '_>) -> Diagnostic {
    let text = pattern.value.to_string();
    let of = version.map_or_else(|| format!("`{kind}`"), |version| format!("`{kind}` {version}"));
    let help = if text.starts_with(&format!("{MCP_PROVIDER}.")) {
        "name the server under `mcp`: it grants exactly the server's `tools`".to_owned()
    } else {
        let tools = scope.parsed.catalog.tools.values().filter(|tool| tool.in_version(version));
        let known: Vec<String> = tools.flat_map(|tool| [tool.id.to_string(), format!("{}.*", tool.id.set())]).collect();
        did_you_mean(&text, known.iter().map(String::as_str)).unwrap_or_else(|| {
            format!("name a tool that {of} has, such as `{}`", known.first().map_or("kars.mesh.*", String::as_str))
        })
    };
    Diagnostic::error(UNKNOWN_TOOL, pattern.span, format!("no tool is called `{text}`"))
        .label(format!("{of} has no such tool"))
        .help(help)
}
