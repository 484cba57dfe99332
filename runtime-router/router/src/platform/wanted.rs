//! The arguments of a call, read strictly: what a tool does not take is refused. Not here: whether the call is permitted.

use kars_contract::agent_api::ErrorCode;
use kars_contract::permits::Arguments;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::catalog::HostedTool;
use crate::refusal::{Refusal, shown};

/// What a call wants.
#[derive(Debug)]
pub(super) enum Wanted {
    /// An answer of the model, with a hosted tool.
    Response(Asked),
    /// A picture of this.
    Image(String),
    /// Work on the agent's memory.
    Memory(Operation),
}

/// What the model is asked.
#[derive(Debug)]
pub(super) struct Asked {
    /// The task.
    pub(super) input: String,
    /// The documents to search.
    pub(super) vector_store: Option<String>,
}

/// What is done with the memory. Which one it is stands in the document alone.
#[derive(Debug)]
pub(super) enum Operation {
    /// Find what fits.
    Search(String),
    /// Remember these.
    Update(Vec<String>),
    /// Forget everything.
    Clear,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WebSearch {
    query: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileSearch {
    query: String,
    vector_store_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeExecute {
    input: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImageGeneration {
    prompt: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Memory {
    operation: Verb,
    #[serde(default)]
    query: Option<String>,
    #[serde(default)]
    items: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Verb {
    Search,
    Update,
    DeleteScope,
}

impl Wanted {
    /// Reads the arguments of a tool.
    pub(super) fn read(tool: HostedTool, arguments: &Arguments) -> Result<Self, Refusal> {
        Ok(match tool {
            HostedTool::WebSearch => {
                let WebSearch { query } = of(tool, arguments)?;
                Self::Response(Asked { input: some(tool, "query", query)?, vector_store: None })
            }
            HostedTool::FileSearch => {
                let FileSearch { query, vector_store_id } = of(tool, arguments)?;
                let store = some(tool, "vector_store_id", vector_store_id)?;
                Self::Response(Asked { input: some(tool, "query", query)?, vector_store: Some(store) })
            }
            HostedTool::CodeExecute => {
                let CodeExecute { input } = of(tool, arguments)?;
                Self::Response(Asked { input: some(tool, "input", input)?, vector_store: None })
            }
            HostedTool::ImageGeneration => {
                let ImageGeneration { prompt } = of(tool, arguments)?;
                Self::Image(some(tool, "prompt", prompt)?)
            }
            HostedTool::Memory => Self::Memory(operation(tool, of(tool, arguments)?)?),
        })
    }
}

fn of<T: DeserializeOwned>(tool: HostedTool, arguments: &Arguments) -> Result<T, Refusal> {
    T::deserialize(arguments).map_err(|error| wrong(tool, &shown(&error.to_string())))
}

fn operation(tool: HostedTool, memory: Memory) -> Result<Operation, Refusal> {
    match memory {
        Memory { operation: Verb::Search, query, items: None } => {
            Ok(Operation::Search(some(tool, "query", query.unwrap_or_default())?))
        }
        Memory { operation: Verb::Update, query: None, items } => {
            let items = items.unwrap_or_default();
            let items = items.into_iter().map(|item| some(tool, "items", item)).collect::<Result<Vec<_>, _>>()?;
            if items.is_empty() {
                return Err(missing(tool, "items"));
            }
            Ok(Operation::Update(items))
        }
        Memory { operation: Verb::DeleteScope, query: None, items: None } => Ok(Operation::Clear),
        Memory { .. } => Err(wrong(tool, "`query` is for `search` alone, and `items` for `update`")),
    }
}

/// A text that says something.
fn some(tool: HostedTool, name: &str, text: String) -> Result<String, Refusal> {
    if text.trim().is_empty() { Err(missing(tool, name)) } else { Ok(text) }
}

fn missing(tool: HostedTool, argument: &str) -> Refusal {
    Refusal::new(ErrorCode::ArgsMissing, format!("`{}` needs `{argument}`, and it is empty", tool.name()))
}

fn wrong(tool: HostedTool, problem: &str) -> Refusal {
    Refusal::new(ErrorCode::ArgsWrong, format!("the arguments of `{}` are not what it takes: {problem}", tool.name()))
}
