//! What an answer, or one event of it, says about itself, found in one pass over its fields. Not here: what it means, which
//! `usage` and `safety` know.

use super::fields::fields;

/// The fields that the router looks at, as they are written.
#[derive(Debug, Default)]
pub struct Said<'a> {
    /// What kind of event it is.
    pub kind: Option<&'a [u8]>,
    /// What it cost.
    pub usage: Option<&'a [u8]>,
    /// An answer within an event of responses.
    pub response: Option<&'a [u8]>,
    /// An answer within an event of messages.
    pub message: Option<&'a [u8]>,
    /// What was answered, and what the provider's filter found in it.
    pub choices: Option<&'a [u8]>,
    /// What the filter found in the prompt.
    pub prompt_filter_results: Option<&'a [u8]>,
    /// What the filter found in either.
    pub content_filters: Option<&'a [u8]>,
    /// Why there is no answer.
    pub error: Option<&'a [u8]>,
    /// Whether another reader may find other values: a field stands twice, or a name is written with escapes.
    pub is_ambiguous: bool,
}

impl<'a> Said<'a> {
    /// Looks through an object; what is none says nothing.
    #[must_use]
    pub fn of(text: &'a [u8]) -> Self {
        let mut said = Self::default();
        for (name, value) in fields(text) {
            let place = match name {
                b"type" => &mut said.kind,
                b"usage" => &mut said.usage,
                b"response" => &mut said.response,
                b"message" => &mut said.message,
                b"choices" => &mut said.choices,
                b"prompt_filter_results" => &mut said.prompt_filter_results,
                b"content_filters" => &mut said.content_filters,
                b"error" => &mut said.error,
                _ => {
                    said.is_ambiguous |= name.contains(&b'\\');
                    continue;
                }
            };
            said.is_ambiguous |= place.replace(value).is_some();
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_once_is_found() {
        let said = Said::of(br#" {"type":"x","id":"usage","choices":[{"usage":1}],"usage" : {"a":1} }"#);
        assert_eq!((said.kind, said.usage, said.error), (Some(&br#""x""#[..]), Some(&br#"{"a":1}"#[..]), None));
        assert_eq!((said.choices, said.is_ambiguous), (Some(&br#"[{"usage":1}]"#[..]), false));
    }

    #[test]
    fn what_others_may_read_otherwise_is_ambiguous() {
        for text in [r#"{"usage":1,"usage":1}"#, r#"{"\u0075sage":1}"#, r#"{"usage":1,"a\"":2}"#] {
            assert!(Said::of(text.as_bytes()).is_ambiguous, "{text}");
        }
        for text in [r#"{"a":"\u0075","a":2}"#, "[]", "", r#""usage""#] {
            assert!(!Said::of(text.as_bytes()).is_ambiguous, "{text}");
        }
    }
}
