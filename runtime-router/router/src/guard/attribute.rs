//! Attributes of netlink: numbered values with a length, some of which hold others. Not here: what any of them means.

/// Marks an attribute that holds others.
pub(super) const NESTED: u16 = 1 << 15;
/// The bits of a number that are none of it: [`NESTED`] and the mark of network byte order.
const MARKS: u16 = 3 << 14;
const HEADER: usize = 4;

/// Bytes of the kernel that are no attributes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an answer of the kernel cannot be read")]
pub struct Malformed;

/// Attributes that are being written.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Attributes(Vec<u8>);

impl Attributes {
    /// Appends a value as it is.
    pub(super) fn bytes(mut self, number: u16, value: &[u8]) -> Self {
        let length = u16::try_from(HEADER + value.len()).expect("whoever writes many values writes several messages");
        self.0.extend(length.to_ne_bytes());
        self.0.extend(number.to_ne_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(HEADER), 0);
        self
    }

    /// Appends text with the zero that ends it.
    pub(super) fn text(self, number: u16, value: &str) -> Self {
        self.bytes(number, &[value.as_bytes(), &[0]].concat())
    }

    /// Appends a number, in network byte order.
    pub(super) fn number(self, number: u16, value: u32) -> Self {
        self.bytes(number, &value.to_be_bytes())
    }

    /// Appends attributes as one.
    pub(super) fn nested(self, number: u16, inside: &Self) -> Self {
        self.bytes(number | NESTED, &inside.0)
    }

    /// All of them.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Attributes that were read, in their order.
pub(super) struct Fields<'a>(Vec<(u16, &'a [u8])>);

impl<'a> Fields<'a> {
    /// Reads all attributes of one level.
    pub(super) fn read(mut bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut fields = Vec::new();
        while let Some(([a, b, c, d], _)) = bytes.split_first_chunk::<HEADER>() {
            let length = usize::from(u16::from_ne_bytes([*a, *b]));
            let value = bytes.get(HEADER..length).ok_or(Malformed)?;
            fields.push((u16::from_ne_bytes([*c, *d]) & !MARKS, value));
            bytes = bytes.get(length.next_multiple_of(HEADER)..).unwrap_or_default();
        }
        if bytes.is_empty() { Ok(Self(fields)) } else { Err(Malformed) }
    }

    /// Every value with its number.
    pub(super) fn all(&self) -> impl Iterator<Item = (u16, &'a [u8])> {
        self.0.iter().copied()
    }

    /// The value with a number.
    pub(super) fn bytes(&self, number: u16) -> Option<&'a [u8]> {
        self.all().find(|(found, _)| *found == number).map(|(_, value)| value)
    }

    /// The number with a number.
    pub(super) fn number(&self, number: u16) -> Option<u32> {
        self.bytes(number)?.try_into().ok().map(u32::from_be_bytes)
    }

    /// The text with a number, without the zero that ends it.
    pub(super) fn text(&self, number: u16) -> Option<&'a str> {
        std::str::from_utf8(self.bytes(number)?.strip_suffix(&[0])?).ok()
    }

    /// The attributes inside of one.
    pub(super) fn nested(&self, number: u16) -> Result<Self, Malformed> {
        Self::read(self.bytes(number).ok_or(Malformed)?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let inside = Attributes::default().text(1, "out").bytes(2, &[7]);
        let written = Attributes::default().number(3, 0x0102_0304).nested(4, &inside);
        assert_eq!(written.as_bytes().len() % HEADER, 0);
        let fields = Fields::read(written.as_bytes()).unwrap();
        assert_eq!(fields.number(3), Some(0x0102_0304));
        let inside = fields.nested(4).unwrap();
        assert_eq!((inside.text(1), inside.bytes(2), inside.bytes(5)), (Some("out"), Some([7].as_slice()), None));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(fields) = Fields::read(&bytes) {
                prop_assert!(fields.all().map(|(_, value)| HEADER + value.len()).sum::<usize>() <= bytes.len());
            }
        }
    }
}
