//! Tools that the agent's model calls where it is hosted: one request to the model with one tool, over the pipeline that every
//! request to a model takes. Not here: what the agent itself offers a model (`inference::toolbox`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kars_contract::router::Route;
use serde::{Deserialize, Serialize};

use super::catalog::HostedTool;
use super::content::Content;
use super::service::Service;
use super::wanted::Asked;
use super::{failure, hosts};
use crate::dial::Dial;
use crate::inference::api::Api;
use crate::inference::forward::{Forward, Whole};
use crate::policy::Generation;
use crate::refusal::Refusal;

/// Files of one run that are brought along.
const FILES: usize = 8;

/// A request to the model. Nothing of it is kept at the provider.
#[derive(Serialize)]
struct Request<'a> {
    input: &'a str,
    tools: [Tool<'a>; 1],
    tool_choice: &'static str,
    include: &'static [&'static str],
    store: bool,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Tool<'a> {
    WebSearch,
    FileSearch { vector_store_ids: [&'a str; 1] },
    CodeInterpreter { container: Container },
}

#[derive(Serialize)]
struct Container {
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Deserialize)]
struct Answer {
    status: Option<String>,
    #[serde(default)]
    output: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Item {
    Message {
        content: Vec<Part>,
    },
    CodeInterpreterCall {
        outputs: Option<Vec<Output>>,
    },
    FileSearchCall {
        results: Option<Vec<Passage>>,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part {
    OutputText {
        text: String,
        #[serde(default)]
        annotations: Vec<Annotation>,
    },
    Refusal {
        refusal: String,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Annotation {
    UrlCitation {
        url: String,
        #[serde(default)]
        title: String,
    },
    ContainerFileCitation(File),
    #[serde(other)]
    Other,
}

/// A file that was made.
#[derive(Deserialize, Eq, PartialEq)]
struct File {
    #[serde(rename = "container_id")]
    container: String,
    #[serde(rename = "file_id")]
    id: String,
    #[serde(rename = "filename")]
    name: String,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Output {
    Logs {
        logs: String,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Passage {
    filename: Option<String>,
    text: Option<String>,
}

/// What an answer says.
#[derive(Default)]
struct Said {
    paragraphs: Vec<String>,
    sources: Vec<String>,
    files: Vec<File>,
}

/// Asks the model, and brings what it says, what it says it from, and the files that it made.
pub(super) async fn ask<D: Dial>(
    forward: &Forward<D>,
    generation: &Generation,
    tool: HostedTool,
    asked: &Asked,
) -> Result<Content, Refusal> {
    let body = serde_json::to_string(&request(tool, asked)).expect("its keys are text");
    let answered = forward.ask_own_model(Api::Responses, &body, |route| hosts(route, tool)).await?;
    let Whole { status, headers, body: bytes, route } = &answered;
    let status = *status;
    if !status.is_success() {
        return Err(failure::of(route, status, headers, bytes));
    }
    let answer: Answer = serde_json::from_slice(bytes).map_err(|_| failure::unreadable(route, "something"))?;
    if let Some(how) = answer.status.as_deref().filter(|how| *how != "completed") {
        return Err(failure::ended(route, how, bytes));
    }
    let said = read(answer.output);
    let mut content = Content::text(said.text());
    let service = Service { attempts: forward.attempts(), generation, route };
    for file in said.files.iter().take(FILES) {
        content = content.with_file(plain(&file.name), fetch(&service, file).await?);
    }
    Ok(content)
}

fn request(tool: HostedTool, asked: &Asked) -> Request<'_> {
    let (tool, include): (_, &[&str]) = match (tool, &asked.vector_store) {
        (_, Some(store)) => (Tool::FileSearch { vector_store_ids: [store] }, &["file_search_call.results"]),
        (HostedTool::CodeExecute, None) => {
            (Tool::CodeInterpreter { container: Container { kind: "auto" } }, &["code_interpreter_call.outputs"])
        }
        _ => (Tool::WebSearch, &[]),
    };
    Request { input: &asked.input, tools: [tool], tool_choice: "required", include, store: false }
}

fn read(output: Vec<Item>) -> Said {
    let mut said = Said::default();
    for item in output {
        match item {
            Item::Message { content } => content.into_iter().for_each(|part| said.take(part)),
            Item::CodeInterpreterCall { outputs } => {
                for output in outputs.into_iter().flatten() {
                    if let Output::Logs { logs } = output {
                        said.paragraphs.push(logs);
                    }
                }
            }
            Item::FileSearchCall { results } => {
                let passages = results.into_iter().flatten().filter_map(|passage| {
                    Some(format!("{}:\n{}", passage.filename.unwrap_or_default(), passage.text?))
                });
                said.paragraphs.extend(passages);
            }
            Item::Other => (),
        }
    }
    said
}

impl Said {
    fn take(&mut self, part: Part) {
        let (text, annotations) = match part {
            Part::OutputText { text, annotations } => (text, annotations),
            Part::Refusal { refusal } => (refusal, Vec::new()),
            Part::Other => return,
        };
        self.paragraphs.push(text);
        for annotation in annotations {
            match annotation {
                Annotation::UrlCitation { url, title } => {
                    let source = if title.is_empty() { url } else { format!("{title}: {url}") };
                    if !self.sources.contains(&source) {
                        self.sources.push(source);
                    }
                }
                Annotation::ContainerFileCitation(file) if !self.files.contains(&file) => self.files.push(file),
                Annotation::ContainerFileCitation(_) | Annotation::Other => (),
            }
        }
    }

    fn text(&self) -> String {
        let mut text = self.paragraphs.join("\n\n");
        if !self.sources.is_empty() {
            text.push_str("\n\nSources:");
            for source in &self.sources {
                text.push_str("\n- ");
                text.push_str(source);
            }
        }
        text
    }
}

/// A file of a container, in base64.
async fn fetch<D: Dial>(service: &Service<'_, D>, file: &File) -> Result<String, Refusal> {
    let route: &Route = service.route;
    let is_id = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    let File { container, id, name: _ } = file;
    if !is_id(container) || !is_id(id) {
        return Err(failure::unreadable(route, "a file"));
    }
    let reply = service.get(&format!("/openai/v1/containers/{container}/files/{id}/content")).await?;
    if !reply.status.is_success() {
        return Err(reply.failure(route));
    }
    Ok(STANDARD.encode(&reply.body))
}

/// The last part of a name, whatever path it claims.
fn plain(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or_default()
}
