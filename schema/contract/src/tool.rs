//! Names of tools and patterns over them. Not here: which tools a runtime has (its catalog) or an agent (its document).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::Name;
use crate::router::Enforcer;
use crate::text::{text_form, text_newtype};

/// The provider whose second part is the name of an MCP server.
pub const MCP_PROVIDER: &str = "mcp";

/// Providers whose tools the router itself serves; every other tool runs in the agent's process.
const ROUTER_PROVIDERS: [&str; 3] = ["kars", "foundry", MCP_PROVIDER];

/// One tool, `provider.set.tool`, as `hermes.file.write_file` or `mcp.<server>.<tool>`.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^([A-Za-z0-9_-]{1,64}\\.[A-Za-z0-9_-]{1,64}\\.[A-Za-z0-9_-]{1,128}|mcp\\.[A-Za-z0-9_-]{1,64}\\.[A-Za-z0-9_./-]{1,128})$"))]
pub struct ToolId(String);

/// One tool, or all of a set: `hermes.file.write_file`, `hermes.file.*`.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^([A-Za-z0-9_-]{1,64}\\.[A-Za-z0-9_-]{1,64}\\.[A-Za-z0-9_-]{1,128}|mcp\\.[A-Za-z0-9_-]{1,64}\\.[A-Za-z0-9_./-]{1,128}|[A-Za-z0-9_-]{1,64}\\.[A-Za-z0-9_-]{1,64}\\.[*])$"))]
pub enum ToolPattern {
    /// This tool alone.
    Exact(ToolId),
    /// Every tool of the set, held as `provider.set`.
    Set(String),
}

text_newtype!(ToolId, InvalidTool);
text_form!(ToolPattern, InvalidTool);

/// Why a text names no tool.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidTool {
    /// Not three parts, or a part with a strange character.
    #[error("`{0}` is not a tool: write `provider.set.tool`, such as `hermes.file.write_file`")]
    Id(String),
    /// A star that is not the whole last part.
    #[error("`{0}` is not a tool pattern: `*` stands only for the last part, as in `hermes.file.*`")]
    Wildcard(String),
}

impl ToolId {
    /// Reads the name of a tool; it is never changed.
    pub fn parse(text: &str) -> Result<Self, InvalidTool> {
        let refused = || InvalidTool::Id(text.to_owned());
        let (set, tool) = split(text).ok_or_else(refused)?;
        let in_mcp = set.strip_prefix(MCP_PROVIDER).is_some_and(|rest| rest.starts_with('.'));
        // Servers name their tools freely, so the last part of an MCP tool may hold dots and slashes.
        let plain = |byte: u8| is_plain(byte) || (in_mcp && matches!(byte, b'.' | b'/'));
        if !is_set(set) || tool.is_empty() || tool.len() > 128 || !tool.bytes().all(plain) {
            return Err(refused());
        }
        Ok(Self(text.to_owned()))
    }

    /// The tool of an MCP server.
    pub fn mcp(server: &Name, tool: &str) -> Result<Self, InvalidTool> {
        Self::parse(&format!("{MCP_PROVIDER}.{server}.{tool}"))
    }

    /// The provider: the first part.
    #[must_use]
    pub fn provider(&self) -> &str {
        self.set().split('.').next().unwrap_or_default()
    }

    /// Provider and set: the first two parts.
    #[must_use]
    pub fn set(&self) -> &str {
        split(&self.0).map_or("", |(set, _)| set)
    }

    /// The tool within its set: the last part.
    #[must_use]
    pub fn tool(&self) -> &str {
        split(&self.0).map_or("", |(_, tool)| tool)
    }

    /// Who can refuse a call: the router when the call passes through it, else only the agent's runtime.
    #[must_use]
    pub fn enforcer(&self) -> Enforcer {
        if ROUTER_PROVIDERS.contains(&self.provider()) { Enforcer::Router } else { Enforcer::Runtime }
    }
}

impl ToolPattern {
    /// Reads a pattern; it is never changed.
    pub fn parse(text: &str) -> Result<Self, InvalidTool> {
        if let Some(set) = text.strip_suffix(".*")
            && is_set(set)
        {
            return Ok(Self::Set(set.to_owned()));
        }
        if text.contains('*') {
            return Err(InvalidTool::Wildcard(text.to_owned()));
        }
        ToolId::parse(text).map(Self::Exact)
    }

    /// Whether the pattern means this tool.
    #[must_use]
    pub fn matches(&self, tool: &ToolId) -> bool {
        match self {
            Self::Exact(id) => id == tool,
            Self::Set(set) => tool.set() == set,
        }
    }

    /// Who can refuse the calls that the pattern means.
    #[must_use]
    pub fn enforcer(&self) -> Enforcer {
        let set = match self {
            Self::Exact(id) => id.set(),
            Self::Set(set) => set,
        };
        let provider = set.split('.').next().unwrap_or_default();
        if ROUTER_PROVIDERS.contains(&provider) { Enforcer::Router } else { Enforcer::Runtime }
    }
}

impl From<ToolId> for ToolPattern {
    fn from(tool: ToolId) -> Self {
        Self::Exact(tool)
    }
}

impl fmt::Display for ToolPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(id) => write!(formatter, "{id}"),
            Self::Set(set) => write!(formatter, "{set}.*"),
        }
    }
}

/// Splits `provider.set.tool` before the tool; dots after the second belong to it.
fn split(text: &str) -> Option<(&str, &str)> {
    let second = text.match_indices('.').nth(1)?.0;
    Some((text.get(..second)?, text.get(second + 1..)?))
}

fn is_set(text: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part.len() <= 64 && part.bytes().all(is_plain);
    text.split_once('.').is_some_and(|(provider, set)| part(provider) && part(set))
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_three_parts() {
        for (text, provider, set, tool, enforcer) in [
            ("hermes.file.write_file", "hermes", "hermes.file", "write_file", Enforcer::Runtime),
            ("kars.mesh.kars_mesh_send", "kars", "kars.mesh", "kars_mesh_send", Enforcer::Router),
            ("mcp.deepwiki.ask_question", "mcp", "mcp.deepwiki", "ask_question", Enforcer::Router),
            ("mcp.git-hub.repos/get.v2", "mcp", "mcp.git-hub", "repos/get.v2", Enforcer::Router),
        ] {
            let id = ToolId::parse(text).unwrap();
            assert_eq!((id.provider(), id.set(), id.tool(), id.enforcer()), (provider, set, tool, enforcer));
            assert_eq!(ToolPattern::parse(text).unwrap().enforcer(), enforcer);
        }
        for text in ["", "a", "a.b", "a.b.", "a..c", ".b.c", "a.b.c.d", "a.b.c/d", "a.b.c d", "a.b.*", "mcp..x"] {
            assert!(ToolId::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn patterns_mean_a_tool_or_a_set() {
        for (pattern, tool, expected) in [
            ("hermes.file.*", "hermes.file.patch", true),
            ("hermes.file.*", "hermes.files.patch", false),
            ("hermes.file.patch", "hermes.file.patch", true),
            ("hermes.file.patch", "hermes.file.patch2", false),
            ("mcp.a.*", "mcp.a.b.c", true),
        ] {
            assert_eq!(
                ToolPattern::parse(pattern).unwrap().matches(&tool.parse().unwrap()),
                expected,
                "{pattern} {tool}"
            );
        }
        for text in ["*", "hermes.*", "hermes.*.patch", "hermes.file.pat*", "hermes.file.**", "a.b.c.*", "mcp.a.b.*"] {
            assert!(ToolPattern::parse(text).is_err(), "{text}");
        }
    }
}
