//! Messages of netlink as `nf_tables` takes and gives them. Not here: their attributes, and the socket.

use rustix::io::Errno;

use super::attribute::{Attributes, Malformed};

/// The family of tables that hold for both versions of IP.
pub(super) const INET: u8 = 1;
/// The part of netfilter that `nf_tables` is.
const NF_TABLES: u16 = 10;
/// The header of netlink.
const HEADER: usize = 16;
/// The header of netfilter behind it: family, version, resource.
const OWN_HEADER: usize = 4;

/// Flags of a request.
pub(super) mod flag {
    pub(in super::super) const REQUEST: u16 = 0x1;
    pub(in super::super) const ACK: u16 = 0x4;
    pub(in super::super) const DUMP: u16 = 0x300;
    pub(in super::super) const CREATE: u16 = 0x400;
    pub(in super::super) const APPEND: u16 = 0x800;
    /// In an answer: something changed while it was put together.
    pub(in super::super) const INTERRUPTED: u16 = 0x10;
}

/// What a message asks for or is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Error,
    Done,
    Begin,
    End,
    NewTable,
    GetTable,
    DelTable,
    NewChain,
    GetChain,
    NewRule,
    GetRule,
    NewSet,
    NewElements,
    GetElements,
    Other(u16),
}

const fn of_tables(number: u16) -> u16 {
    (NF_TABLES << 8) + number
}

const NUMBERS: [(Kind, u16); 14] = [
    (Kind::Error, 2),
    (Kind::Done, 3),
    (Kind::Begin, 16),
    (Kind::End, 17),
    (Kind::NewTable, of_tables(0)),
    (Kind::GetTable, of_tables(1)),
    (Kind::DelTable, of_tables(2)),
    (Kind::NewChain, of_tables(3)),
    (Kind::GetChain, of_tables(4)),
    (Kind::NewRule, of_tables(6)),
    (Kind::GetRule, of_tables(7)),
    (Kind::NewSet, of_tables(9)),
    (Kind::NewElements, of_tables(12)),
    (Kind::GetElements, of_tables(13)),
];

impl Kind {
    fn of(number: u16) -> Self {
        NUMBERS.iter().find(|(_, known)| *known == number).map_or(Self::Other(number), |(kind, _)| *kind)
    }

    fn number(self) -> u16 {
        match self {
            Self::Other(number) => number,
            kind => NUMBERS.iter().find(|(known, _)| *known == kind).expect("every kind has a number").1,
        }
    }
}

/// One message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Message {
    pub(super) kind: Kind,
    pub(super) flags: u16,
    pub(super) sequence: u32,
    /// What follows the header of netlink.
    body: Vec<u8>,
}

impl Message {
    /// A message about tables of both versions of IP.
    pub(super) fn new(kind: Kind, flags: u16, sequence: u32, attributes: &Attributes) -> Self {
        let body = [&[INET, 0, 0, 0], attributes.as_bytes()].concat();
        Self { kind, flags: flags | flag::REQUEST, sequence, body }
    }

    /// The first or the last message of a transaction.
    pub(super) fn bound(kind: Kind, sequence: u32) -> Self {
        let [high, low] = NF_TABLES.to_be_bytes();
        Self { kind, flags: flag::REQUEST, sequence, body: vec![0, 0, high, low] }
    }

    /// The family of what it is about.
    pub(super) fn family(&self) -> Option<u8> {
        self.body.first().copied()
    }

    /// Its attributes.
    pub(super) fn attributes(&self) -> &[u8] {
        self.body.get(OWN_HEADER..).unwrap_or_default()
    }

    /// What an acknowledgement or the end of a dump says.
    pub(super) fn outcome(&self) -> Result<(), Errno> {
        let code = self.body.first_chunk().copied().map_or(0, i32::from_ne_bytes);
        if code == 0 { Ok(()) } else { Err(Errno::from_raw_os_error(code.saturating_neg())) }
    }

    /// Messages as they go over the socket in one piece.
    pub(super) fn datagram(messages: &[Self]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for message in messages {
            message.write(&mut bytes);
        }
        bytes
    }

    fn write(&self, to: &mut Vec<u8>) {
        let length = u32::try_from(HEADER + self.body.len()).expect("the attributes of a message are short");
        to.extend(length.to_ne_bytes());
        to.extend(self.kind.number().to_ne_bytes());
        to.extend(self.flags.to_ne_bytes());
        to.extend(self.sequence.to_ne_bytes());
        // The kernel knows the sender.
        to.extend(0_u32.to_ne_bytes());
        to.extend(&self.body);
        to.resize(to.len().next_multiple_of(4), 0);
    }

    /// Reads all messages of one datagram.
    pub(super) fn read(mut bytes: &[u8]) -> Result<Vec<Self>, Malformed> {
        let mut messages = Vec::new();
        while let Some((header, _)) = bytes.split_first_chunk::<HEADER>() {
            let half = |at: usize| u16::from_ne_bytes([header[at], header[at + 1]]);
            let word = |at: usize| u32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
            let length = usize::try_from(word(0)).map_err(|_| Malformed)?;
            messages.push(Self {
                kind: Kind::of(half(4)),
                flags: half(6),
                sequence: word(8),
                body: bytes.get(HEADER..length).ok_or(Malformed)?.to_vec(),
            });
            bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        if bytes.is_empty() { Ok(messages) } else { Err(Malformed) }
    }

    /// An answer of the kernel, for tests that play it.
    #[cfg(test)]
    pub(super) fn answer(kind: Kind, sequence: u32, body: Vec<u8>) -> Self {
        Self { kind, flags: 0, sequence, body }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn messages_are_read_as_they_were_written() {
        let attributes = Attributes::default().text(1, "kars_guard");
        let messages = vec![Message::bound(Kind::Begin, 7), Message::new(Kind::NewTable, flag::CREATE, 8, &attributes)];
        let bytes = Message::datagram(&messages);
        assert_eq!(bytes[..20], [20, 0, 0, 0, 16, 0, 1, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10]);
        assert_eq!(Message::read(&bytes).unwrap(), messages);
        assert_eq!(Message::read(&bytes[..bytes.len() - 1]), Err(Malformed));
    }

    #[test]
    fn an_error_is_the_negative_of_its_number() {
        let answer = |code: i32| Message::answer(Kind::Error, 1, code.to_ne_bytes().to_vec()).outcome();
        assert_eq!(answer(0), Ok(()));
        assert_eq!(answer(-1), Err(Errno::PERM));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(messages) = Message::read(&bytes) {
                prop_assert!(messages.len() <= bytes.len() / HEADER);
            }
        }
    }
}
