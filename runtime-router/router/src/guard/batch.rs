//! A table as one transaction, which replaces whatever bore its name. Not here: sending it.

use std::collections::BTreeSet;

use super::attribute::Attributes;
use super::expression::{Property, Step, UNNAMED_SET, encoded};
use super::message::{Kind, Message, flag};
use super::table::{Chain, NAME, Rule, Table};

/// One element of a list of attributes.
const ELEMENT: u16 = 1;
/// As many as surely fit the 64 KiB of one attribute.
const ELEMENTS_A_MESSAGE: usize = 1_000;
/// A set that belongs to one rule, and that nobody changes.
const BELONGS_TO_RULE: u32 = 0b11;

/// The messages of a transaction.
pub(super) struct Batch {
    messages: Vec<Message>,
    /// What each message but the first and the last is about.
    subjects: Vec<String>,
    sets: u32,
}

impl Batch {
    /// Declaring the table first makes deleting it work on the first run as on every other.
    pub(super) fn of(table: &Table, first: u32) -> Self {
        let mut batch = Self { messages: vec![Message::bound(Kind::Begin, first)], subjects: Vec::new(), sets: 0 };
        let named = || Attributes::default().text(1, NAME);
        let declared = named().number(2, table.flags);
        batch.push("the table", Kind::NewTable, flag::CREATE, &declared);
        batch.push("the removal of the table that was there", Kind::DelTable, 0, &named());
        batch.push("the table", Kind::NewTable, flag::CREATE, &declared);
        for chain in &table.chains {
            batch.chain(chain);
        }
        for chain in &table.chains {
            for rule in &chain.rules {
                batch.rule(&chain.name, rule);
            }
        }
        let last = batch.next();
        batch.messages.push(Message::bound(Kind::End, last));
        batch
    }

    /// The number of its first message, by which the kernel answers about all of it.
    pub(super) fn first(&self) -> u32 {
        self.messages[0].sequence
    }

    /// The number that comes after its last message.
    pub(super) fn next(&self) -> u32 {
        let count = u32::try_from(self.messages.len()).expect("a transaction is sent whole, so it is short");
        self.first().wrapping_add(count)
    }

    /// The numbers of the messages that the kernel acknowledges.
    pub(super) fn acknowledged(&self) -> BTreeSet<u32> {
        self.messages.iter().filter(|message| message.flags & flag::ACK != 0).map(|message| message.sequence).collect()
    }

    /// What a message is about.
    pub(super) fn subject(&self, sequence: u32) -> Option<&str> {
        let index = self.messages.iter().position(|message| message.sequence == sequence)?;
        Some(self.subjects.get(index.checked_sub(1)?)?.as_str())
    }

    /// As it is sent.
    pub(super) fn bytes(&self) -> Vec<u8> {
        Message::datagram(&self.messages)
    }

    fn push(&mut self, subject: &str, kind: Kind, flags: u16, attributes: &Attributes) {
        self.subjects.push(subject.to_owned());
        self.messages.push(Message::new(kind, flags | flag::ACK, self.next(), attributes));
    }

    fn chain(&mut self, chain: &Chain) {
        let Chain { name, kind, hook, priority, policy, rules: _ } = chain;
        let place = Attributes::default().number(1, *hook).bytes(2, &priority.to_be_bytes());
        let attributes =
            Attributes::default().text(1, NAME).text(3, name).text(7, kind).number(5, *policy).nested(4, &place);
        self.push(&format!("the chain `{name}`"), Kind::NewChain, flag::CREATE, &attributes);
    }

    fn rule(&mut self, chain: &str, rule: &Rule) {
        let Rule { why, steps } = rule;
        let mut expressions = Attributes::default();
        let mut loaded = None;
        for step in steps {
            match step {
                Step::Load(property) => loaded = Some(*property),
                Step::Among(values) => {
                    let property = loaded.expect("a rule loads what it compares");
                    self.set(property, values, why);
                }
                _ => (),
            }
            expressions = expressions.nested(ELEMENT, &encoded(step, self.sets));
        }
        let attributes =
            Attributes::default().text(1, NAME).text(2, chain).nested(4, &expressions).bytes(7, &comment(why));
        self.push(&format!("the rule `{why}`"), Kind::NewRule, flag::CREATE | flag::APPEND, &attributes);
    }

    fn set(&mut self, property: Property, values: &BTreeSet<Vec<u8>>, why: &str) {
        self.sets += 1;
        let subject = format!("the set of the rule `{why}`");
        let number = |length: usize| u32::try_from(length).expect("there are fewer ports than that");
        let size = Attributes::default().number(1, number(values.len()));
        let attributes = Attributes::default()
            .text(1, NAME)
            .text(2, UNNAMED_SET)
            .number(3, BELONGS_TO_RULE)
            .number(4, property.type_for_nft())
            .number(5, number(values.first().map_or(0, Vec::len)))
            .number(10, self.sets)
            .nested(9, &size)
            .bytes(13, &in_network_order());
        self.push(&subject, Kind::NewSet, flag::CREATE, &attributes);
        let values: Vec<&Vec<u8>> = values.iter().collect();
        for values in values.chunks(ELEMENTS_A_MESSAGE) {
            let elements = values.iter().fold(Attributes::default(), |elements, value| {
                let key = Attributes::default().nested(1, &Attributes::default().bytes(1, value));
                elements.nested(ELEMENT, &key)
            });
            let attributes =
                Attributes::default().text(1, NAME).text(2, UNNAMED_SET).number(4, self.sets).nested(3, &elements);
            self.push(&subject, Kind::NewElements, flag::CREATE, &attributes);
        }
    }
}

/// User data that `nft` shows as the comment of a rule.
fn comment(why: &str) -> Vec<u8> {
    const COMMENT: u8 = 0;
    let text = [why.as_bytes(), &[0]].concat();
    let length = u8::try_from(text.len()).expect("a reason is a short sentence");
    [&[COMMENT, length], text.as_slice()].concat()
}

/// User data that tells `nft` how to print the values of a set.
fn in_network_order() -> Vec<u8> {
    const KEY_BYTE_ORDER: u8 = 0;
    const BIG_ENDIAN: u32 = 2;
    [&[KEY_BYTE_ORDER, 4], BIG_ENDIAN.to_ne_bytes().as_slice()].concat()
}

#[cfg(test)]
mod tests;
