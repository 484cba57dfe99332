//! What a call comes to, as an MCP client reads it. Not here: where it comes from.

use serde::Serialize;

/// The result of a call.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Content {
    content: Vec<Part>,
    is_error: bool,
}

/// A part of it.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
enum Part {
    Text { text: String },
    Image { data: String, mime_type: &'static str },
    Resource { resource: Resource },
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    uri: String,
    mime_type: &'static str,
    blob: String,
}

/// The pictures that clients show; by the end of a file's name.
const PICTURES: [(&str, &str); 4] =
    [("png", "image/png"), ("jpg", "image/jpeg"), ("jpeg", "image/jpeg"), ("webp", "image/webp")];

impl Content {
    /// A text.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self { content: vec![Part::Text { text: text.into() }], is_error: false }
    }

    /// Adds a file, whose bytes are told in base64.
    pub(super) fn with_file(mut self, name: &str, data: String) -> Self {
        let end = name.rsplit_once('.').map_or("", |(_, end)| end);
        let picture = PICTURES.iter().find(|(known, _)| end.eq_ignore_ascii_case(known));
        self.content.push(match picture {
            Some((_, mime_type)) => Part::Image { data, mime_type },
            None => Part::Resource {
                resource: Resource {
                    uri: format!("file:///{name}"),
                    mime_type: "application/octet-stream",
                    blob: data,
                },
            },
        });
        self
    }
}
