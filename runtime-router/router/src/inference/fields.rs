//! The fields of a JSON object, found without reading their values. Not here: whether the object is well formed; what a client
//! sends is read by `question`, which sees to that.

/// Names and values, as they are written. It ends where the text is not written as an object.
#[derive(Debug)]
pub struct Fields<'a>(&'a [u8]);

/// The fields of an object; of anything else, none.
#[must_use]
pub fn fields(text: &[u8]) -> Fields<'_> {
    Fields(text.trim_ascii_start().strip_prefix(b"{").unwrap_or_default())
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.0.trim_ascii_start();
        let text = text.strip_prefix(b",").unwrap_or(text).trim_ascii_start().strip_prefix(b"\"")?;
        let rest = after_text(text);
        let name = text.get(..(text.len() - rest.len()).checked_sub(1)?)?;
        let text = rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
        let end = length_of_value(text)?;
        let (value, rest) = text.split_at_checked(end)?;
        self.0 = rest;
        Some((name, value.trim_ascii_end()))
    }
}

/// Bytes until the comma or brace that ends a value.
fn length_of_value(text: &[u8]) -> Option<usize> {
    let (mut depth, mut rest) = (0_usize, text);
    loop {
        let (byte, more) = rest.split_first()?;
        rest = more;
        match byte {
            b'"' => rest = after_text(rest),
            b',' | b'}' if depth == 0 => return Some(text.len() - rest.len() - 1),
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.checked_sub(1)?,
            _ => (),
        }
    }
}

/// Bytes of a text that are looked at together.
const WORD: usize = 8;
/// A text that is not over after so many words is long enough for the search that is made for long ones.
const WORDS: usize = 4;

/// What comes after the quotation mark that ends a text of JSON; nothing, where none does.
#[must_use]
pub fn after_text(mut rest: &[u8]) -> &[u8] {
    while let Some(place) = mark(rest) {
        let is_end = rest[place] == b'"';
        rest = rest.get(place + if is_end { 1 } else { 2 }..).unwrap_or_default();
        if is_end {
            return rest;
        }
    }
    &[]
}

/// Where the first quotation mark or backslash stands.
fn mark(text: &[u8]) -> Option<usize> {
    let mut passed = 0;
    while let Some(word) = text[passed..].first_chunk::<WORD>() {
        if passed == WORD * WORDS {
            return Some(passed + memchr::memchr2(b'"', b'\\', &text[passed..])?);
        }
        let word = u64::from_le_bytes(*word);
        let marks = equal(word, b'"') | equal(word, b'\\');
        if marks != 0 {
            return Some(passed + (marks.trailing_zeros() / 8) as usize);
        }
        passed += WORD;
    }
    let is_mark = |byte: &u8| matches!(byte, b'"' | b'\\');
    Some(passed + text[passed..].iter().position(is_mark)?)
}

/// The highest bit of each byte that is this one; of what stands above the lowest of them, more may be set.
fn equal(word: u64, byte: u8) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; WORD]);
    let zeros = word ^ (ONES * u64::from(byte));
    zeros.wrapping_sub(ONES) & !zeros & (ONES << 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(&str, &str)> {
        let utf8 = |bytes| std::str::from_utf8(bytes).unwrap();
        fields(text.as_bytes()).map(|(name, value)| (utf8(name), utf8(value))).collect()
    }

    #[test]
    fn fields_are_found_as_they_are_written() {
        let text = r#" { "a" : 1 , "b":"x,}\"\\" ,"c":[{"d":[1,"]"]},2],"e":{} , "f\"g":null}  "#;
        let meant =
            [("a", "1"), ("b", r#""x,}\"\\""#), ("c", r#"[{"d":[1,"]"]},2]"#), ("e", "{}"), (r#"f\"g"#, "null")];
        assert_eq!(found(text), meant);
    }

    #[test]
    fn what_is_no_object_has_none_and_a_broken_one_those_before_the_fault() {
        for text in [
            "",
            "[]",
            "\"x\"",
            "7",
            "{",
            "{}",
            "{\"a",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":1",
            "{a:1}",
            "{\"a\" 1}",
            "{\"a\":]}",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
        assert_eq!(found(r#"{"a":1,"b":"x}"#), [("a", "1")]);
    }

    #[test]
    fn a_text_ends_at_its_quotation_mark_however_long_it_is() {
        for before in 0..100 {
            for (inside, after) in [("", "x"), ("\\\"", "\"y\""), ("\\\\", ""), ("\u{e9}\u{2022}\u{a2}\\n", "\\\"")] {
                let text = format!("{}{inside}{}\"{after}", "a".repeat(before), "b".repeat(before % 11));
                assert_eq!(after_text(text.as_bytes()), after.as_bytes(), "{text}");
            }
        }
        for unended in ["", "a", "\\", "\\\"", "12345678", "1234567\\"] {
            assert_eq!(after_text(unended.as_bytes()), b"", "{unended}");
        }
    }

    #[test]
    fn no_cut_makes_it_panic() {
        let text = r#"{"é":"\u00e9\\","b":[{"c":"\""}],"d":1}"#.as_bytes();
        for end in 0..=text.len() {
            for (name, value) in fields(&text[..end]) {
                assert!(!name.is_empty() && !value.is_empty());
            }
        }
    }
}
