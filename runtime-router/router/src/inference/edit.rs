//! Changes single values of a body and leaves every other byte as it came. Not here: which values.

use std::borrow::Cow;
use std::ops::Range;
use std::ptr;

use serde_json::value::RawValue;

/// Values to change in one body.
#[derive(Debug)]
pub struct Edits<'a> {
    body: &'a str,
    /// In the order of the body, none over another.
    changes: Vec<(Range<usize>, Cow<'a, str>)>,
    /// Fields that the body lacks.
    new: Vec<String>,
}

impl<'a> Edits<'a> {
    /// No change yet. The body is a JSON object.
    #[must_use]
    pub fn of(body: &'a str) -> Self {
        Self { body, changes: Vec::new(), new: Vec::new() }
    }

    /// Gives a field another value, which is JSON. `raw` is the field's value in the body, if it has one.
    pub fn set(&mut self, name: &str, raw: Option<&'a RawValue>, value: impl Into<Cow<'a, str>>) {
        let value = value.into();
        match raw.and_then(|raw| place(self.body, raw.get())) {
            Some(place) => self.changes.push((place, value)),
            None => self.new.push(format!("\"{name}\":{value}")),
        }
    }

    /// Gives a field the value that counts as none.
    pub fn clear(&mut self, raw: Option<&'a RawValue>) {
        if let Some(place) = raw.and_then(|raw| place(self.body, raw.get())) {
            self.changes.push((place, "null".into()));
        }
    }

    /// The changed body.
    #[must_use]
    pub fn apply(mut self) -> String {
        self.changes.sort_by_key(|(place, _)| place.start);
        let grown: usize =
            self.changes.iter().map(|(_, value)| value.len()).chain(self.new.iter().map(|field| field.len() + 1)).sum();
        let mut text = String::with_capacity(self.body.len() + grown);
        let open = self.body.find('{').map_or(0, |brace| brace + 1);
        text.push_str(self.body.get(..open).unwrap_or_default());
        let empty = self.body.get(open..).is_some_and(|rest| rest.trim_start().starts_with('}'));
        text.push_str(&self.new.join(","));
        if !self.new.is_empty() && !empty {
            text.push(',');
        }
        let mut done = open;
        for (place, value) in self.changes {
            text.push_str(self.body.get(done..place.start).unwrap_or_default());
            text.push_str(&value);
            done = place.end;
        }
        text.push_str(self.body.get(done..).unwrap_or_default());
        text
    }
}

/// Where a part of a text lies in it.
fn place(body: &str, part: &str) -> Option<Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(body.as_ptr() as usize)?;
    let range = start..start + part.len();
    body.get(range.clone()).is_some_and(|same| ptr::eq(same, part)).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::question::Question;

    #[test]
    fn one_value_changes_and_no_other_byte() {
        let body = "{ \"messages\": [ {\"content\":\"\\\"model\\\": \u{1F980}\"} ],\n \"model\" :\"a\" , \"x\":1.50 }";
        let question = Question::read(body).unwrap();
        let mut edits = Edits::of(body);
        edits.set("model", question.model, "\"gpt\"".to_owned());
        assert_eq!(edits.apply(), body.replace("\"a\"", "\"gpt\""));
    }

    #[test]
    fn a_field_that_is_missing_is_added() {
        for (body, meant) in [
            ("{}", r#"{"model":"b"}"#),
            (" { } ", r#" {"model":"b" } "#),
            (r#"{"stream":true}"#, r#"{"model":"b","stream":true}"#),
        ] {
            let question = Question::read(body).unwrap();
            let mut edits = Edits::of(body);
            edits.set("model", question.model, "\"b\"".to_owned());
            assert_eq!(edits.apply(), meant);
            Question::read(meant).unwrap();
        }
    }

    #[test]
    fn several_changes_in_any_order() {
        let body = r#"{"tools":[1],"model":"a","tool_choice":{"x":1}}"#;
        let question = Question::read(body).unwrap();
        let mut edits = Edits::of(body);
        edits.clear(question.tool_choice);
        edits.set("model", question.model, "\"b\"".to_owned());
        edits.set("tools", question.tools, "[]".to_owned());
        edits.clear(None);
        assert_eq!(edits.apply(), r#"{"tools":[],"model":"b","tool_choice":null}"#);
    }
}
