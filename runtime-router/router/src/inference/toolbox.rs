//! The tools that a client offers a model: what the agent does not have is not offered. Not here: calling them.

use std::collections::BTreeMap;

use kars_contract::agent_api::ErrorCode;
use kars_contract::router::RouterDocument;
use kars_contract::tool::MCP_PROVIDER;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::question::Question;
use crate::refusal::Refusal;

/// A tool, as either family writes it.
#[derive(Deserialize)]
struct Offered {
    name: Option<String>,
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: Option<String>,
}

/// The body without the tools that the agent does not have; `None` where it can stay as it is. Only where the runtime's tools
/// stand in the catalogs can they be told from others: then a name that stands nowhere is not offered.
pub fn filtered(body: &str, question: &Question<'_>, document: &RouterDocument) -> Result<Option<String>, Refusal> {
    let kind = document.identity.runtime.kind.as_str();
    let known = document.tools.iter().any(|granted| granted.tool.provider() == kind);
    let Some(list) = question.tools.filter(|_| known) else { return Ok(None) };
    let wrong = |problem: &str| Refusal::new(ErrorCode::ArgsWrong, format!("`tools` {problem}"));
    let Ok(items) = serde_json::from_str::<Option<Vec<&RawValue>>>(list.get()) else { return Err(wrong("is no list")) };
    let items = items.unwrap_or_default();
    let mut kept = Vec::with_capacity(items.len());
    for item in &items {
        let offered: Offered =
            serde_json::from_str(item.get()).map_err(|error| wrong(&format!("holds no tool: {error}")))?;
        let name = offered.function.and_then(|function| function.name).or(offered.name);
        // A tool without a name is one of the provider's own.
        let Some(name) = name else { continue };
        if !name.is_ascii() {
            return Err(wrong(&format!("holds `{name}`, whose letters can imitate others")));
        }
        if has(document, &name) {
            kept.push(item.get());
        }
    }
    if kept.len() == items.len() {
        return Ok(None);
    }
    Ok(Some(written(body, &kept)?))
}

/// Whether the agent has a tool of this name, as runtimes shorten it.
fn has(document: &RouterDocument, name: &str) -> bool {
    let granted = document.tools.iter().any(|granted| granted.tool.tool() == name);
    let of_server = || {
        document.mcp.iter().any(|(server, declared)| {
            let prefix = format!("{MCP_PROVIDER}_{}_", server.as_str().replace('-', "_"));
            name.strip_prefix(&prefix).is_some_and(|rest| declared.tools.iter().any(|tool| shortened(tool) == rest))
        })
    };
    granted || of_server()
}

/// A tool's name, as runtimes write it for models, which take no dots and slashes.
fn shortened(tool: &str) -> String {
    tool.replace(['.', '/', '-'], "_")
}

/// The body with these tools. A choice among tools that are gone goes with them.
fn written(body: &str, kept: &[&str]) -> Result<String, Refusal> {
    let fields: BTreeMap<String, &RawValue> =
        serde_json::from_str(body).map_err(|error| Refusal::new(ErrorCode::ArgsWrong, error.to_string()))?;
    let mut parts = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        let value = match name.as_str() {
            "tools" | "parallel_tool_calls" if kept.is_empty() => continue,
            "tools" => format!("[{}]", kept.join(",")),
            "tool_choice" if kept.is_empty() || value.get().starts_with('{') => continue,
            _ => value.get().to_owned(),
        };
        parts.push(format!("{}:{value}", serde_json::Value::from(name)));
    }
    Ok(format!("{{{}}}", parts.join(",")))
}

#[cfg(test)]
mod tests {
    use kars_contract::document::Document;
    use serde_json::{Value, json};

    use super::*;

    const LEAD: &[u8] = include_bytes!("../../../../tests/golden/exec-brief-hermes/kind/documents/lead.router.json");

    fn asked(body: &Value) -> Result<Option<Value>, Refusal> {
        let (body, document) = (body.to_string(), RouterDocument::decode(LEAD).unwrap());
        let question = Question::read(body.as_bytes()).unwrap();
        let filtered = filtered(&body, &question, &document)?;
        Ok(filtered.map(|body| serde_json::from_str(&body).unwrap()))
    }

    #[test]
    fn what_the_agent_does_not_have_is_not_offered() {
        let chat = |name: &str| json!({"type": "function", "function": {"name": name, "parameters": {"x": 1.50}}});
        let flat = |name: &str| json!({"type": "function", "name": name});
        let both = json!({"model": "m", "tools": [chat("todo"), flat("terminal"), flat("mcp_deepwiki_ask_question")]});
        let rest = asked(&both).unwrap().unwrap();
        assert_eq!(rest, json!({"model": "m", "tools": [chat("todo"), flat("mcp_deepwiki_ask_question")]}));
        assert_eq!(asked(&rest).unwrap(), None);
        let none = json!({"tools": [flat("terminal")], "tool_choice": "required", "parallel_tool_calls": true, "x": 1});
        assert_eq!(asked(&none).unwrap(), Some(json!({"x": 1})));
        let named =
            json!({"tools": [flat("terminal"), flat("todo")], "tool_choice": {"type": "function", "name": "terminal"}});
        assert_eq!(asked(&named).unwrap(), Some(json!({"tools": [flat("todo")]})));
        for body in [json!({}), json!({"tools": null}), json!({"tools": []}), json!({"tools": [flat("todo")]})] {
            assert_eq!(asked(&body).unwrap(), None, "{body}");
        }
    }

    #[test]
    fn a_name_that_imitates_another_is_refused() {
        for tools in [json!([{"name": "t\u{43e}do"}]), json!({"name": "todo"}), json!([7]), json!("todo")] {
            assert_eq!(asked(&json!({"tools": tools})).unwrap_err().code(), ErrorCode::ArgsWrong, "{tools}");
        }
    }
}
