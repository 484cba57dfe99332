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

/// The value of a field, if it stands there once.
#[must_use]
pub fn field<'a>(text: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut named = fields(text).filter(|(key, _)| *key == name.as_bytes());
    let (_, value) = named.next()?;
    named.next().is_none().then_some(value)
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

/// Bytes that steer.
static STEERS: [bool; 256] = {
    let (marks, mut steers, mut index) = (b"\"[]{},", [false; 256], 0);
    while index < marks.len() {
        steers[marks[index] as usize] = true;
        index += 1;
    }
    steers
};
/// Texts up to this length are looked through faster byte by byte.
const SHORT: usize = 16;

/// Bytes until the comma or brace that ends a value.
fn length_of_value(text: &[u8]) -> Option<usize> {
    let (mut depth, mut rest) = (0_usize, text);
    loop {
        let place = rest.iter().position(|byte| STEERS[usize::from(*byte)])?;
        let (steer, more) = rest[place..].split_first()?;
        rest = match steer {
            b',' | b'}' if depth == 0 => return Some(text.len() - more.len() - 1),
            b'"' => after_text(more),
            _ => more,
        };
        match steer {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.checked_sub(1)?,
            _ => (),
        }
    }
}

/// What comes after the quotation mark that ends a text of JSON; nothing, where none does.
#[must_use]
pub fn after_text(mut rest: &[u8]) -> &[u8] {
    let find = |text: &[u8]| {
        let short = text.iter().take(SHORT).position(|byte| matches!(byte, b'"' | b'\\'));
        short.or_else(|| Some(SHORT + memchr::memchr2(b'"', b'\\', text.get(SHORT..)?)?))
    };
    while let Some(place) = find(rest) {
        let is_end = rest[place] == b'"';
        rest = rest.get(place + if is_end { 1 } else { 2 }..).unwrap_or_default();
        if is_end {
            return rest;
        }
    }
    &[]
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
        assert_eq!(field(text.as_bytes(), "e"), Some(&b"{}"[..]));
        assert_eq!((field(text.as_bytes(), "d"), field(b"{\"a\":1,\"a\":2}", "a")), (None, None));
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
    fn no_cut_makes_it_panic() {
        let text = r#"{"é":"\u00e9\\","b":[{"c":"\""}],"d":1}"#.as_bytes();
        for end in 0..=text.len() {
            for (name, value) in fields(&text[..end]) {
                assert!(!name.is_empty() && !value.is_empty());
            }
        }
    }
}
