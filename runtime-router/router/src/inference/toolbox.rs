//! The tools that a client offers a model: what the agent does not have is not offered. Not here: calling them.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use kars_contract::agent_api::ErrorCode;
use kars_contract::router::RouterDocument;
use kars_contract::tool::MCP_PROVIDER;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::question::Question;
use crate::refusal::Refusal;

/// Types of tools that clients run themselves. Providers run all others, where no rule of the agent is asked.
const RUN_BY_CLIENTS: [&str; 6] =
    ["function", "custom", "local_shell", "apply_patch", "computer", "computer_use_preview"];
/// How further such types begin, which end with a date.
const RUN_BY_CLIENTS_DATED: [&str; 4] = ["bash_2", "text_editor_2", "computer_2", "memory_2"];
/// The provider of tools that runtimes call by a longer name, since they have tools of the same names themselves.
const HOSTED: &str = "foundry";

/// A tool, as either family writes it.
#[derive(Deserialize)]
struct Offered {
    #[serde(rename = "type")]
    kind: Option<String>,
    name: Option<String>,
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: Option<String>,
}

/// Refuses what has the provider reach others in the place of the agent, past its rules.
pub fn refuse_detours(question: &Question<'_>) -> Result<(), Refusal> {
    let hosted = [
        ("mcp_servers", question.mcp_servers),
        ("web_search_options", question.web_search_options),
        ("data_sources", question.data_sources),
        ("agent", question.agent),
        ("agent_reference", question.agent_reference),
    ];
    let Some((name, _)) = hosted.iter().find(|(_, value)| value.is_some()) else { return Ok(()) };
    let message =
        format!("`{name}` has the provider reach others in the place of the agent; ask `/mcp` or `/platform/mcp`");
    Err(Refusal::new(ErrorCode::PolicyDenied, message))
}

/// Lists of tools that are known again, and the bytes of one at most. A runtime offers the same with every request.
const KNOWN: usize = 8;
const KNOWN_BYTES: usize = 256 * 1024;

/// The names that a client may offer, of one document.
#[derive(Debug)]
pub struct Toolbox {
    /// None where the runtime's tools do not stand in the catalogs: then they cannot be told from others.
    names: Option<HashSet<String>>,
    /// The lists that were read last.
    known: Mutex<VecDeque<Arc<List>>>,
}

/// A list of tools, and what of it may be offered.
#[derive(Debug)]
struct List {
    text: Box<str>,
    /// What may be of it, where that is not all.
    kept: Option<Kept>,
}

/// What may be offered of a list: these tools, in a list of their own.
#[derive(Clone, Debug)]
struct Kept {
    list: Arc<str>,
    is_empty: bool,
}

/// What becomes of a body.
#[derive(Debug)]
pub enum Filtered {
    /// It stays as it is.
    Whole,
    /// Its list of tools is this one.
    Tools(Arc<str>),
    /// It is this one: a choice among tools that are gone goes with them.
    Body(String),
}

impl Toolbox {
    /// The tools of a document, by the names that runtimes give them.
    #[must_use]
    pub fn of(document: &RouterDocument) -> Self {
        Self { names: names(document), known: Mutex::default() }
    }

    /// Takes out of a body the tools that the agent does not have. What a provider runs is never offered: it is asked for where
    /// rules decide it. Others can be told apart only where the runtime's tools stand in the catalogs: then a name that stands
    /// nowhere is not offered.
    pub fn filtered(&self, body: &str, question: &Question<'_>) -> Result<Filtered, Refusal> {
        let Some(offered) = question.tools else { return Ok(Filtered::Whole) };
        let list = self.list(offered.get())?;
        let Some(kept) = &list.kept else { return Ok(Filtered::Whole) };
        let chosen = question.tool_choice.is_some_and(|choice| choice.get().starts_with('{'));
        if kept.is_empty || chosen {
            return written(body, kept).map(Filtered::Body);
        }
        Ok(Filtered::Tools(Arc::clone(&kept.list)))
    }

    /// A list, known from before or read.
    fn list(&self, text: &str) -> Result<Arc<List>, Refusal> {
        // What is known stays so when a holder of the lock has panicked.
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(list) = known().iter().find(|list| *list.text == *text) {
            return Ok(Arc::clone(list));
        }
        let list = Arc::new(List { text: text.into(), kept: self.kept(text)? });
        if text.len() <= KNOWN_BYTES {
            let mut known = known();
            known.truncate(KNOWN - 1);
            known.push_front(Arc::clone(&list));
        }
        Ok(list)
    }

    /// What may be offered of a list, where that is not all.
    fn kept(&self, list: &str) -> Result<Option<Kept>, Refusal> {
        let wrong = |problem: &str| Refusal::new(ErrorCode::ArgsWrong, format!("`tools` {problem}"));
        let Ok(items) = serde_json::from_str::<Option<Vec<&RawValue>>>(list) else {
            return Err(wrong("is no list"));
        };
        let items = items.unwrap_or_default();
        let mut kept = Vec::with_capacity(items.len());
        for item in &items {
            let offered: Offered =
                serde_json::from_str(item.get()).map_err(|error| wrong(&format!("holds no tool: {error}")))?;
            if !offered.kind.as_deref().is_none_or(is_run_by_clients) {
                tracing::warn!("a tool that the provider runs is not offered to the model");
                continue;
            }
            let Some(names) = &self.names else {
                kept.push(item.get());
                continue;
            };
            let name = offered.function.and_then(|function| function.name).or(offered.name);
            let Some(name) = name else { continue };
            if !name.is_ascii() {
                return Err(wrong(&format!("holds `{name}`, whose letters can imitate others")));
            }
            if names.contains(&name) {
                kept.push(item.get());
            }
        }
        let list = || format!("[{}]", kept.join(",")).into();
        Ok((kept.len() < items.len()).then(|| Kept { list: list(), is_empty: kept.is_empty() }))
    }
}

/// The names of the tools of a document, where the runtime's own stand in the catalogs.
fn names(document: &RouterDocument) -> Option<HashSet<String>> {
    let kind = document.identity.runtime.kind.as_str();
    if !document.tools.iter().any(|granted| granted.tool.provider() == kind) {
        return None;
    }
    let granted = document.tools.iter().map(|granted| match granted.tool.provider() {
        HOSTED => format!("{HOSTED}_{}", granted.tool.tool()),
        _ => granted.tool.tool().to_owned(),
    });
    let of_servers = document.mcp.iter().flat_map(|(server, declared)| {
        let prefix = format!("{MCP_PROVIDER}_{}_", server.as_str().replace('-', "_"));
        declared.tools.iter().map(move |tool| prefix.clone() + &shortened(tool))
    });
    Some(granted.chain(of_servers).collect())
}

fn is_run_by_clients(kind: &str) -> bool {
    RUN_BY_CLIENTS.contains(&kind) || RUN_BY_CLIENTS_DATED.iter().any(|begin| kind.starts_with(begin))
}

/// A tool's name, as runtimes write it for models, which take no dots and slashes.
fn shortened(tool: &str) -> String {
    tool.replace(['.', '/', '-'], "_")
}

/// The body with these tools. A choice among tools that are gone goes with them.
fn written(body: &str, kept: &Kept) -> Result<String, Refusal> {
    let fields: BTreeMap<String, &RawValue> =
        serde_json::from_str(body).map_err(|error| Refusal::new(ErrorCode::ArgsWrong, error.to_string()))?;
    let mut parts = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        let value = match name.as_str() {
            "tools" | "parallel_tool_calls" if kept.is_empty => continue,
            "tools" => kept.list.to_string(),
            "tool_choice" if kept.is_empty || value.get().starts_with('{') => continue,
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
    use crate::inference::edit::Edits;

    const LEAD: &[u8] = include_bytes!("../../../../tests/golden/exec-brief-hermes/kind/documents/lead.router.json");

    const ANALYST: &[u8] =
        include_bytes!("../../../../tests/golden/exec-brief-hermes/kind/documents/analyst.router.json");
    const TRIAGE: &[u8] = include_bytes!("../../../../tests/golden/openai-agents/kind/documents/triage.router.json");

    fn asked(body: &Value) -> Result<Option<Value>, Refusal> {
        asked_of(LEAD, body)
    }

    fn asked_of(document: &[u8], body: &Value) -> Result<Option<Value>, Refusal> {
        let (body, document) = (body.to_string(), RouterDocument::decode(document).unwrap());
        let question = Question::read(&body).unwrap();
        let body = match Toolbox::of(&document).filtered(&body, &question)? {
            Filtered::Whole => return Ok(None),
            Filtered::Body(body) => body,
            Filtered::Tools(list) => {
                let mut edits = Edits::of(&body);
                edits.set("tools", question.tools, &*list);
                edits.apply()
            }
        };
        Ok(Some(serde_json::from_str(&body).unwrap()))
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
    fn a_list_that_is_known_is_told_from_every_other() {
        let toolbox = Toolbox::of(&RouterDocument::decode(LEAD).unwrap());
        let kept = |name: &str| {
            let body = json!({"tools": [{"name": "todo"}, {"name": name}]}).to_string();
            match toolbox.filtered(&body, &Question::read(&body).unwrap()) {
                Ok(Filtered::Tools(list)) => list.to_string(),
                other => panic!("{other:?}"),
            }
        };
        for round in 0..3 {
            for number in 0..KNOWN + 2 {
                assert_eq!(kept(&format!("not-granted-{number}")), r#"[{"name":"todo"}]"#, "{round}");
            }
        }
        assert_eq!(toolbox.known.lock().unwrap().len(), KNOWN);
        let large = json!({"tools": [{"name": "todo", "x": "x".repeat(KNOWN_BYTES)}]}).to_string();
        for _ in 0..2 {
            let filtered = toolbox.filtered(&large, &Question::read(&large).unwrap());
            assert!(matches!(filtered, Ok(Filtered::Whole)));
        }
        assert!(toolbox.known.lock().unwrap().iter().all(|list| list.text.len() < KNOWN_BYTES));
    }

    #[test]
    fn what_a_provider_runs_is_offered_to_nobody() {
        let body = json!({"model": "m", "tools": [
            {"type": "web_search"},
            {"type": "mcp", "server_label": "x", "server_url": "https://evil.example"},
            {"type": "web_search_20250305", "name": "web_search"},
            {"type": "memory_search_preview", "memory_store_name": "notes", "scope": "other"},
            {"type": "code_interpreter", "container": {"type": "auto"}},
            {"type": "function", "name": "own"},
            {"type": "bash_20250124", "name": "bash"},
            {"name": "plain"},
        ], "tool_choice": {"type": "web_search"}});
        let rest = asked_of(TRIAGE, &body).unwrap().unwrap();
        let names: Vec<&str> =
            rest["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
        assert_eq!((names, &rest["tool_choice"]), (vec!["own", "bash", "plain"], &Value::Null));
        assert_eq!(asked(&body).unwrap(), Some(json!({"model": "m"})));
        for name in ["mcp_servers", "web_search_options", "data_sources", "agent", "agent_reference"] {
            let text = json!({name: {}}).to_string();
            let refusal = refuse_detours(&Question::read(&text).unwrap()).unwrap_err();
            assert_eq!(refusal.code(), ErrorCode::PolicyDenied);
            assert!(refusal.detail.message.contains(name));
            let text = json!({name: null}).to_string();
            refuse_detours(&Question::read(&text).unwrap()).unwrap();
        }
    }

    #[test]
    fn hosted_tools_go_by_their_longer_name() {
        let names = Toolbox::of(&RouterDocument::decode(ANALYST).unwrap()).names.unwrap();
        for (name, meant) in [("foundry_web_search", true), ("web_search", false), ("foundry_code_execute", false)] {
            assert_eq!(names.contains(name), meant, "{name}");
        }
    }

    #[test]
    fn a_name_that_imitates_another_is_refused() {
        for tools in [json!([{"name": "t\u{43e}do"}]), json!({"name": "todo"}), json!([7]), json!("todo")] {
            assert_eq!(asked(&json!({"tools": tools})).unwrap_err().code(), ErrorCode::ArgsWrong, "{tools}");
        }
    }
}
