//! The tools that providers host, as they are offered to agents. The catalog of the language says the same, and a test holds
//! them together. Not here: what is done with a call.

use std::collections::BTreeMap;
use std::time::Duration;

use kars_contract::tool::ToolId;
use serde::Serialize;

/// A tool that a provider hosts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HostedTool {
    /// Searches the web.
    WebSearch,
    /// Searches documents.
    FileSearch,
    /// Runs code.
    CodeExecute,
    /// Draws.
    ImageGeneration,
    /// Remembers.
    Memory,
}

/// A tool, as an MCP server lists it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Described {
    name: &'static str,
    description: &'static str,
    input_schema: Schema,
}

/// The JSON Schema of a tool's arguments.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Schema {
    #[serde(rename = "type")]
    kind: &'static str,
    properties: BTreeMap<&'static str, Property>,
    required: Vec<&'static str>,
    additional_properties: bool,
}

#[derive(Clone, Debug, Serialize)]
struct Property {
    #[serde(rename = "type")]
    kind: &'static str,
    description: &'static str,
    #[serde(rename = "enum", skip_serializing_if = "<[_]>::is_empty")]
    choices: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Items>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Items {
    #[serde(rename = "type")]
    kind: &'static str,
}

/// What the documentation of a tool holds.
struct Page {
    set: &'static str,
    name: &'static str,
    description: &'static str,
    /// How long a call may take.
    seconds: u64,
    required: &'static [&'static str],
    arguments: &'static [(&'static str, Property)],
}

impl HostedTool {
    /// Every tool.
    pub const ALL: [Self; 5] =
        [Self::WebSearch, Self::FileSearch, Self::CodeExecute, Self::ImageGeneration, Self::Memory];

    /// The tool of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    /// What clients call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.page().name
    }

    /// What grants and rules call it.
    #[must_use]
    pub fn id(self) -> ToolId {
        let Page { set, name, .. } = self.page();
        ToolId::parse(&format!("foundry.{set}.{name}")).expect("the parts are plain")
    }

    /// How long a call may take.
    #[must_use]
    pub fn patience(self) -> Duration {
        Duration::from_secs(self.page().seconds)
    }

    /// Whether the agent's model is asked for it.
    #[must_use]
    pub fn is_response(self) -> bool {
        matches!(self, Self::WebSearch | Self::FileSearch | Self::CodeExecute)
    }

    /// The tool, as it is listed.
    #[must_use]
    pub fn described(self) -> Described {
        let Page { set: _, name, description, seconds: _, required, arguments } = self.page();
        let properties = arguments.iter().cloned().collect();
        let input_schema =
            Schema { kind: "object", properties, required: required.to_vec(), additional_properties: false };
        Described { name, description, input_schema }
    }

    fn page(self) -> &'static Page {
        match self {
            Self::WebSearch => &WEB_SEARCH,
            Self::FileSearch => &FILE_SEARCH,
            Self::CodeExecute => &CODE_EXECUTE,
            Self::ImageGeneration => &IMAGE_GENERATION,
            Self::Memory => &MEMORY,
        }
    }
}

const WEB_SEARCH: Page = Page {
    set: "search",
    name: "web_search",
    description: "Searches the open web and returns an answer with its sources.",
    seconds: 180,
    required: &["query"],
    arguments: &[("query", text("What to search for."))],
};

const FILE_SEARCH: Page = Page {
    set: "search",
    name: "file_search",
    description: "Searches the documents of one vector store and returns the passages found.",
    seconds: 180,
    required: &["query", "vector_store_id"],
    arguments: &[("query", text("What to search for.")), ("vector_store_id", text("Id of the vector store."))],
};

const CODE_EXECUTE: Page = Page {
    set: "code",
    name: "code_execute",
    description: "Has Python written and run in a hosted container, and returns its output and the files it made.",
    seconds: 600,
    required: &["input"],
    arguments: &[("input", text("The task, or the Python source to run, with all data it needs."))],
};

const IMAGE_GENERATION: Page = Page {
    set: "image",
    name: "image_generation",
    description: "Draws a picture from a description and saves it as a PNG file.",
    seconds: 300,
    required: &["prompt"],
    arguments: &[("prompt", text("What the picture shows."))],
};

const MEMORY: Page = Page {
    set: "memory",
    name: "memory",
    description: "Searches, extends or clears the memory store that the scenario binds to this agent.",
    seconds: 120,
    required: &["operation"],
    arguments: &[
        ("operation", Property { choices: &["search", "update", "delete_scope"], ..text("What to do.") }),
        ("query", text("What to search for; for `search`.")),
        (
            "items",
            Property {
                kind: "array",
                items: Some(Items { kind: "string" }),
                ..text("Facts to remember, one sentence each; for `update`.")
            },
        ),
    ],
};

const fn text(description: &'static str) -> Property {
    Property { kind: "string", description, choices: &[], items: None }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const CATALOG: &str = include_str!("../../../../policies/tools/foundry.yaml");

    /// The schema that a catalog's arguments come to. What a plugin keeps to itself is no argument here.
    fn schema(tool: &Value) -> Value {
        let mut args = tool["args"].as_object().unwrap().clone();
        if let Some(saves) = tool["call"]["saves"].as_str() {
            args.remove(saves).unwrap();
        }
        let required: Vec<&String> =
            args.iter().filter(|(_, argument)| argument["required"] == true).map(|(name, _)| name).collect();
        let properties = args.iter().map(|(name, argument)| {
            let mut property = argument.as_object().unwrap().clone();
            property.remove("required");
            if let Some(items) = property.get_mut("items") {
                *items = json!({"type": items});
            }
            (name.clone(), Value::Object(property))
        });
        json!({
            "type": "object",
            "properties": properties.collect::<serde_json::Map<_, _>>(),
            "required": required,
            "additionalProperties": false,
        })
    }

    #[test]
    fn the_catalog_of_the_language_says_the_same() {
        let catalog: Value = serde_saphyr::from_str(CATALOG).unwrap();
        let tools = catalog["tools"].as_array().unwrap();
        assert_eq!(tools.len(), HostedTool::ALL.len());
        for (tool, written) in HostedTool::ALL.into_iter().zip(tools) {
            assert_eq!(written["id"], json!(tool.id().as_str()));
            assert_eq!(written["call"]["rpc"], json!(tool.name()));
            assert_eq!(written["call"]["timeoutSeconds"], json!(tool.patience().as_secs()), "{}", tool.name());
            assert_eq!(written["api"] == "responses", tool.is_response(), "{}", tool.name());
            let meant =
                json!({"name": tool.name(), "description": written["description"], "inputSchema": schema(written)});
            assert_eq!(serde_json::to_value(tool.described()).unwrap(), meant);
        }
    }
}
