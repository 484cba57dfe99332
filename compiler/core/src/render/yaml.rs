//! Objects and documents as files. Words that some YAML reader takes for something else than text are quoted.

use serde::Serialize;
use serde_saphyr::SerializerOptions;

/// One document, with fields in the order of the type.
pub(crate) fn to_yaml(value: &impl Serialize) -> String {
    serde_saphyr::to_string_with_options(value, options()).expect("objects hold text, numbers, lists and maps")
}

fn options() -> SerializerOptions {
    serde_saphyr::ser_options! {
        compact_list_indent: true,
        // Long lines stay lines: folding would hide where a text breaks.
        folded_wrap_chars: usize::MAX,
    }
}

/// JSON for people to read: two spaces, sorted as the type says, a line end at the end.
pub(crate) fn to_json(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).expect("text, numbers, lists and maps");
    text.push(b'\n');
    text
}
