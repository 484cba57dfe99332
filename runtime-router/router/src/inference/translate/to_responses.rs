//! A request for chat completions, told as one for responses. Not here: answers.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::chat::{File, Schema};
use super::fields::{Fields, TextOr};
use super::responses::{
    Choice, Content, Format, Input, Nothing, Parameters, Part, Reasoning, Request, Strict, Text, Tool,
};
use crate::refusal::Refusal;

/// Fields that mean the same in both.
pub(super) const SAME: [&str; 11] = [
    "model",
    "stream",
    "temperature",
    "top_p",
    "metadata",
    "user",
    "parallel_tool_calls",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
];

/// Tells a request. Fields at the value that they have anyway are passed over.
pub(super) fn request(body: &str) -> Result<String, Refusal> {
    let mut fields = Fields::read("", body)?;
    let mut input = Vec::new();
    for message in fields.objects("messages")?.unwrap_or_default() {
        self::message(message, &mut input)?;
    }
    let same = same(&mut fields);
    let (at_most, before) = (fields.raw("max_completion_tokens"), fields.raw("max_tokens"));
    let request = Request {
        input,
        store: fields.take("store")?.unwrap_or(false),
        max_output_tokens: at_most.or(before),
        tools: tools(&mut fields)?,
        tool_choice: choice(&mut fields)?,
        text: Text { format: format(&mut fields)?, verbosity: fields.raw("verbosity") },
        reasoning: fields.raw("reasoning_effort").map(|effort| Reasoning { effort }),
        same,
    };
    fields.skip(&["stream_options"]);
    fields.skip_if("n", &["1"]);
    fields.skip_if("logprobs", &["false"]);
    fields.skip_if("modalities", &["[\"text\"]"]);
    fields.skip_if("stop", &["[]"]);
    fields.skip_if("logit_bias", &["{}"]);
    for penalty in ["frequency_penalty", "presence_penalty", "top_logprobs"] {
        fields.skip_if(penalty, &["0", "0.0"]);
    }
    fields.end()?;
    Ok(serde_json::to_string(&request).expect("its keys are text"))
}

/// Takes the fields that mean the same in both.
pub(super) fn same<'a>(fields: &mut Fields<'a>) -> BTreeMap<&'static str, &'a RawValue> {
    SAME.iter().filter_map(|name| Some((*name, fields.raw(name)?))).collect()
}

fn message<'a>(mut fields: Fields<'a>, input: &mut Vec<Input<'a>>) -> Result<(), Refusal> {
    let role: String = fields.need("role")?;
    match role.as_str() {
        "system" | "developer" | "user" => {
            let role = if role == "user" { "user" } else { "developer" };
            let content = content(&mut fields, Said::ToModel)?.ok_or_else(|| fields.untold("content"))?;
            input.push(Input::Message { role, content });
        }
        "assistant" => {
            let said = content(&mut fields, Said::ByModel)?;
            let refusal = fields.take("refusal")?.map(|refusal| Content::Parts(vec![Part::Refusal { refusal }]));
            let messages = said.into_iter().chain(refusal);
            input.extend(messages.map(|content| Input::Message { role: "assistant", content }));
            for call in fields.objects("tool_calls")?.unwrap_or_default() {
                input.push(self::call(call)?);
            }
            fields.skip_if("annotations", &["[]"]);
        }
        "tool" => {
            let call_id = fields.need("tool_call_id")?;
            let output = content(&mut fields, Said::ToModel)?.unwrap_or(Content::Text(String::new()));
            input.push(Input::FunctionCallOutput { call_id, output });
        }
        _ => return Err(fields.untold("role")),
    }
    fields.end()
}

/// Who says a content.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Said {
    ToModel,
    ByModel,
}

fn content<'a>(fields: &mut Fields<'a>, said: Said) -> Result<Option<Content<'a>>, Refusal> {
    Ok(match fields.text_or_objects("content")? {
        None => None,
        Some(TextOr::Text(text)) => Some(Content::Text(text)),
        Some(TextOr::Objects(parts)) => {
            let parts = parts.into_iter().map(|part| self::part(part, said)).collect::<Result<_, _>>()?;
            Some(Content::Parts(parts))
        }
    })
}

fn part(mut fields: Fields<'_>, said: Said) -> Result<Part<'_>, Refusal> {
    let kind: String = fields.need("type")?;
    let part = match (kind.as_str(), said) {
        ("text", Said::ToModel) => Part::InputText { text: fields.need("text")? },
        ("text", Said::ByModel) => Part::OutputText { text: fields.need("text")? },
        ("refusal", Said::ByModel) => Part::Refusal { refusal: fields.need("refusal")? },
        ("image_url", Said::ToModel) => {
            let mut image = fields.object("image_url")?.ok_or_else(|| fields.untold("image_url"))?;
            let image_url = image.raw("url").ok_or_else(|| image.untold("url"))?;
            let detail = image.raw("detail");
            image.end()?;
            Part::InputImage { image_url, detail }
        }
        ("file", Said::ToModel) => {
            let mut file = fields.object("file")?.ok_or_else(|| fields.untold("file"))?;
            let told = self::file(&mut file);
            file.end()?;
            Part::InputFile(told)
        }
        _ => return Err(fields.untold(&kind)),
    };
    fields.end()?;
    Ok(part)
}

/// The fields of a file, which have the same names in both.
pub(super) fn file<'a>(fields: &mut Fields<'a>) -> File<'a> {
    File { data: fields.raw("file_data"), id: fields.raw("file_id"), name: fields.raw("filename") }
}

fn call(mut fields: Fields<'_>) -> Result<Input<'_>, Refusal> {
    fields.skip_if("type", &["\"function\""]);
    fields.skip(&["index"]);
    let call_id = fields.need("id")?;
    let mut function = fields.object("function")?.ok_or_else(|| fields.untold("function"))?;
    let told = Input::FunctionCall { call_id, name: function.need("name")?, arguments: function.need("arguments")? };
    function.end()?;
    fields.end()?;
    Ok(told)
}

fn tools<'a>(fields: &mut Fields<'a>) -> Result<Vec<Tool<'a>>, Refusal> {
    fields.objects("tools")?.unwrap_or_default().into_iter().map(tool).collect()
}

fn tool(mut fields: Fields<'_>) -> Result<Tool<'_>, Refusal> {
    fields.skip_if("type", &["\"function\""]);
    let mut function = fields.object("function")?.ok_or_else(|| fields.untold("type"))?;
    let none = Parameters::None { r#type: "object", properties: Nothing {} };
    let tool = Tool::Function {
        name: function.need("name")?,
        description: function.raw("description"),
        parameters: function.raw("parameters").map_or(none, Parameters::Given),
        strict: function.raw("strict").map_or(Strict::Not(false), Strict::Given),
    };
    function.end()?;
    fields.end()?;
    Ok(tool)
}

fn choice<'a>(fields: &mut Fields<'a>) -> Result<Option<Choice<'a>>, Refusal> {
    let Some(raw) = fields.raw("tool_choice") else { return Ok(None) };
    if raw.get().starts_with('"') {
        return Ok(Some(Choice::Word(raw)));
    }
    let mut choice = Fields::read("tool_choice", raw.get())?;
    choice.skip_if("type", &["\"function\""]);
    let mut function = choice.object("function")?.ok_or_else(|| choice.untold("type"))?;
    let name = function.need("name")?;
    function.end()?;
    choice.end()?;
    Ok(Some(Choice::Named { r#type: "function", name }))
}

fn format<'a>(fields: &mut Fields<'a>) -> Result<Option<Format<'a>>, Refusal> {
    let Some(mut format) = fields.object("response_format")? else { return Ok(None) };
    let kind: String = format.need("type")?;
    let told = match kind.as_str() {
        "text" => Format::Text,
        "json_object" => Format::JsonObject,
        "json_schema" => {
            let mut schema = format.object("json_schema")?.ok_or_else(|| format.untold("json_schema"))?;
            let told = self::schema(&mut schema)?;
            schema.end()?;
            Format::JsonSchema(told)
        }
        _ => return Err(format.untold("type")),
    };
    format.end()?;
    Ok(Some(told))
}

/// A form for answers, whose fields have the same names in both.
pub(super) fn schema<'a>(fields: &mut Fields<'a>) -> Result<Schema<'a>, Refusal> {
    Ok(Schema {
        name: fields.raw("name").ok_or_else(|| fields.untold("name"))?,
        description: fields.raw("description"),
        form: fields.raw("schema").ok_or_else(|| fields.untold("schema"))?,
        strict: fields.raw("strict"),
    })
}
