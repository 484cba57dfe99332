//! The one way a document is written down. Not here: reading, which is `strict`.

use serde_json::Value;

/// JSON with sorted keys and no spaces, closed by one line feed.
pub(super) fn write(value: &Value) -> Vec<u8> {
    let mut text = String::new();
    write_value(value, &mut text);
    text.push('\n');
    text.into_bytes()
}

fn write_value(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            // The map may keep the order of insertion, which depends on the features of other crates.
            sorted.sort_unstable_by_key(|(key, _)| *key);
            write_list('{', '}', sorted, text, |(key, field), text| {
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write_value(field, text);
            });
        }
        Value::Array(items) => write_list('[', ']', items, text, write_value),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => text.push_str(&value.to_string()),
    }
}

fn write_list<I>(
    open: char,
    close: char,
    items: impl IntoIterator<Item = I>,
    text: &mut String,
    write_item: impl Fn(I, &mut String),
) {
    text.push(open);
    for (place, item) in items.into_iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        write_item(item, text);
    }
    text.push(close);
}
