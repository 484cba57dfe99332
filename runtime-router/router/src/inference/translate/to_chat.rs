//! A request for responses, told as one for chat completions. Not here: answers.

use super::chat::{Call, Choice, Content, Described, Format, Function, Image, Message, Named, Part, Request, Tool};
use super::fields::{Fields, TextOr};
use super::to_responses::{file, same, schema};
use crate::refusal::Refusal;

/// Tells a request. Fields at the value that they have anyway are passed over.
pub(super) fn request(body: &str) -> Result<String, Refusal> {
    let mut fields = Fields::read("", body)?;
    let same = same(&mut fields);
    let mut messages = Vec::new();
    if let Some(instructions) = fields.take("instructions")? {
        messages.push(Message::says("system", Content::Text(instructions)));
    }
    match fields.text_or_objects("input")? {
        None => (),
        Some(TextOr::Text(text)) => messages.push(Message::says("user", Content::Text(text))),
        Some(TextOr::Objects(items)) => {
            for item in items {
                self::item(item, &mut messages)?;
            }
        }
    }
    let mut text = fields.object("text")?;
    let mut reasoning = fields.object("reasoning")?;
    let request = Request {
        messages,
        max_tokens: fields.raw("max_output_tokens"),
        tools: fields.objects("tools")?.unwrap_or_default().into_iter().map(tool).collect::<Result<_, _>>()?,
        tool_choice: choice(&mut fields)?,
        response_format: text.as_mut().map(format).transpose()?.flatten(),
        reasoning_effort: reasoning.as_mut().and_then(|reasoning| reasoning.raw("effort")),
        verbosity: text.as_mut().and_then(|text| text.raw("verbosity")),
        same,
    };
    if let Some(mut reasoning) = reasoning {
        // A summary is given where there is one; here there is none.
        reasoning.skip_if("summary", &["\"auto\""]);
        reasoning.end()?;
    }
    text.map_or(Ok(()), Fields::end)?;
    fields.skip(&["stream_options"]);
    for (name, values) in [
        ("store", ["false"]),
        ("background", ["false"]),
        ("truncation", ["\"disabled\""]),
        ("top_logprobs", ["0"]),
        // There is no reasoning to show, encrypted or not.
        ("include", ["[\"reasoning.encrypted_content\"]"]),
    ] {
        fields.skip_if(name, &values);
    }
    fields.skip_if("include", &["[]"]);
    fields.end()?;
    Ok(serde_json::to_string(&request).expect("its keys are text"))
}

impl<'a> Message<'a> {
    fn says(role: &'static str, content: Content<'a>) -> Self {
        Self { role, content: Some(content), ..Self::default() }
    }
}

fn item<'a>(mut fields: Fields<'a>, messages: &mut Vec<Message<'a>>) -> Result<(), Refusal> {
    let kind: Option<String> = fields.take("type")?;
    match kind.as_deref() {
        None | Some("message") => message(&mut fields, messages)?,
        Some("function_call") => {
            let function = Function { name: Some(fields.need("name")?), arguments: Some(fields.need("arguments")?) };
            let call =
                Call { index: None, id: Some(fields.need("call_id")?), kind: Some("function".to_owned()), function };
            // Calls of one turn stand in one message, beside what was said with them.
            match messages.last_mut() {
                Some(last) if last.role == "assistant" => last.tool_calls.push(call),
                _ => messages.push(Message { role: "assistant", tool_calls: vec![call], ..Message::default() }),
            }
        }
        Some("function_call_output") => {
            let id = fields.need("call_id")?;
            let content = match fields.text_or_objects("output")? {
                None => return Err(fields.untold("output")),
                Some(TextOr::Text(text)) => Content::Text(text),
                Some(TextOr::Objects(parts)) => {
                    let texts = parts.into_iter().map(|part| match self::part(part)? {
                        Told::Part(part @ Part::Text { .. }) => Ok(part),
                        Told::Part(_) | Told::Refusal(_) => Err(fields.untold("output")),
                    });
                    Content::Parts(texts.collect::<Result<_, _>>()?)
                }
            };
            messages.push(Message { tool_call_id: Some(id), ..Message::says("tool", content) });
        }
        // The model's notes to itself mean nothing to another.
        Some("reasoning") => return Ok(()),
        Some(kind) => return Err(fields.untold(kind)),
    }
    fields.skip(&["id", "status"]);
    fields.end()
}

fn message<'a>(fields: &mut Fields<'a>, messages: &mut Vec<Message<'a>>) -> Result<(), Refusal> {
    let role: String = fields.need("role")?;
    let role = match role.as_str() {
        "system" | "developer" => "system",
        "user" => "user",
        "assistant" => "assistant",
        _ => return Err(fields.untold("role")),
    };
    let mut message = Message { role, ..Message::default() };
    match fields.text_or_objects("content")? {
        None => return Err(fields.untold("content")),
        Some(TextOr::Text(text)) => message.content = Some(Content::Text(text)),
        Some(TextOr::Objects(parts)) => {
            let mut told = Vec::new();
            for part in parts {
                match self::part(part)? {
                    Told::Part(part) => told.push(part),
                    Told::Refusal(text) => message.refusal = Some(text),
                }
            }
            message.content = (!told.is_empty()).then_some(Content::Parts(told));
        }
    }
    messages.push(message);
    Ok(())
}

/// What a part of a message comes to.
enum Told<'a> {
    Part(Part<'a>),
    Refusal(String),
}

fn part(mut fields: Fields<'_>) -> Result<Told<'_>, Refusal> {
    let kind: String = fields.need("type")?;
    let told = match kind.as_str() {
        "input_text" => Told::Part(Part::Text { text: fields.need("text")? }),
        "output_text" => {
            // Where a text was taken from, and how likely it was, is nothing that a model is told.
            fields.skip(&["annotations", "logprobs"]);
            Told::Part(Part::Text { text: fields.need("text")? })
        }
        "refusal" => Told::Refusal(fields.need("refusal")?),
        "input_image" => {
            let image_url = Image { url: fields.need("image_url")?, detail: fields.raw("detail") };
            Told::Part(Part::ImageUrl { image_url })
        }
        "input_file" => Told::Part(Part::File { file: file(&mut fields) }),
        _ => return Err(fields.untold(&kind)),
    };
    fields.end()?;
    Ok(told)
}

fn tool(mut fields: Fields<'_>) -> Result<Tool<'_>, Refusal> {
    let kind: String = fields.need("type")?;
    if kind != "function" {
        return Err(fields.untold(&kind));
    }
    let function = Described {
        name: fields.need("name")?,
        description: fields.raw("description"),
        parameters: fields.raw("parameters"),
        strict: fields.raw("strict"),
    };
    fields.end()?;
    Ok(Tool::Function { function })
}

fn choice<'a>(fields: &mut Fields<'a>) -> Result<Option<Choice<'a>>, Refusal> {
    let Some(raw) = fields.raw("tool_choice") else { return Ok(None) };
    if raw.get().starts_with('"') {
        return Ok(Some(Choice::Word(raw)));
    }
    let mut choice = Fields::read("tool_choice", raw.get())?;
    let kind: String = choice.need("type")?;
    if kind != "function" {
        return Err(choice.untold(&kind));
    }
    let name = choice.need("name")?;
    choice.end()?;
    Ok(Some(Choice::Named { kind: "function", function: Named { name } }))
}

fn format<'a>(text: &mut Fields<'a>) -> Result<Option<Format<'a>>, Refusal> {
    let Some(mut format) = text.object("format")? else { return Ok(None) };
    let kind: String = format.need("type")?;
    let told = match kind.as_str() {
        "text" => Format::Text,
        "json_object" => Format::JsonObject,
        "json_schema" => Format::JsonSchema { json_schema: schema(&mut format)? },
        _ => return Err(format.untold("type")),
    };
    format.end()?;
    Ok(Some(told))
}
