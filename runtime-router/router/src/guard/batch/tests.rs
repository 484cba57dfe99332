//! The messages, beside those that `nft` sends for the same list, and read back by the reader of the kernel's answers.

use std::collections::VecDeque;

use kars_contract::Port;
use kars_contract::guard::{GuardParams, IpFamily, rules};
use proptest::prelude::*;

use super::*;
use crate::guard::attribute::{Fields, NESTED};
use crate::guard::reading::{self, Values};

fn port(number: u16) -> Port {
    Port::new(number).unwrap()
}

fn dual_stack() -> GuardParams {
    GuardParams {
        loopback_ports: BTreeSet::from([port(18789)]),
        ip_families: BTreeSet::from([IpFamily::V4, IpFamily::V6]),
        ..GuardParams::default()
    }
}

/// `tests/guard/sent.py` makes the file and says how.
#[test]
fn the_kernel_gets_what_nft_sends() {
    let batch = Batch::of(&Table::of(&rules(&dual_stack())), 1);
    let sent: Vec<String> = batch.messages[1..batch.messages.len() - 1].iter().map(told).collect();
    let expected = include_str!("sent-by-nft.txt");
    for (ours, theirs) in sent.join("\n").lines().zip(expected.lines()) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(sent.join("\n") + "\n", expected);
}

#[test]
fn a_list_of_ports_that_is_empty_matches_nothing() {
    let params = GuardParams { api: port(9090), proxy: port(9090), dns: port(9090), ..GuardParams::default() };
    let list = rules(&params);
    assert_eq!(Table::of(&list).rules(), list.redirects.len() + list.passes.len() - 1);
}

#[test]
fn many_ports_are_several_messages() {
    let params = GuardParams { loopback_ports: (10_000..15_000).map(port).collect(), ..GuardParams::default() };
    let batch = Batch::of(&Table::of(&rules(&params)), 1);
    let messages = batch.messages.iter().filter(|message| message.kind == Kind::NewElements).count();
    assert_eq!(messages, 3 + 5, "{messages}");
}

proptest! {
    #[test]
    fn what_is_sent_is_read_back(
        params in any_params(),
        first in any::<u32>(),
    ) {
        let table = Table::of(&rules(&params));
        let batch = Batch::of(&table, first);
        prop_assert_eq!(Message::read(&batch.bytes()).unwrap(), batch.messages.clone());
        prop_assert_eq!(batch.acknowledged().len(), batch.subjects.len());
        prop_assert_eq!(read(&batch), table);
    }
}

prop_compose! {
    fn any_params()(
        users in (1..u32::MAX, 1..u32::MAX),
        ports in prop::array::uniform4(1..=u16::MAX),
        loopback_ports in prop::collection::btree_set(1..=u16::MAX, 0..1_500),
        families in prop::collection::btree_set(prop_oneof![Just(IpFamily::V4), Just(IpFamily::V6)], 0..=2),
    ) -> GuardParams {
        let [api, proxy, dns, admin] = ports.map(port);
        GuardParams {
            agent_uid: users.0,
            router_uid: users.1,
            api,
            proxy,
            dns,
            admin,
            loopback_ports: loopback_ports.into_iter().map(port).collect(),
            ip_families: families,
        }
    }
}

/// The table that the messages make, as the kernel's answers would tell it.
fn read(batch: &Batch) -> Table {
    let (mut table, mut sets) = (Table::default(), VecDeque::<Values>::new());
    for message in &batch.messages[1..batch.messages.len() - 1] {
        let fields = reading::ours(message).unwrap().expect("all of it is about the table");
        match message.kind {
            Kind::NewChain => table.chains.push(reading::chain(&fields).unwrap()),
            Kind::NewSet => sets.push_back(Values::new()),
            Kind::NewElements => sets.back_mut().unwrap().extend(reading::values(&fields).unwrap()),
            Kind::NewRule => {
                let rule = reading::rule(&fields, |_| Ok(sets.pop_front().unwrap())).unwrap();
                let chain = table.chains.iter_mut().find(|chain| fields.text(2) == Some(&chain.name)).unwrap();
                chain.rules.push(rule);
            }
            _ => (),
        }
    }
    assert!(sets.is_empty(), "a set belongs to no rule");
    table
}

/// A message as the file has it.
fn told(message: &Message) -> String {
    let (mut parts, mut below) = (vec![format!("{:?}", message.kind)], Vec::new());
    for (number, nested, value) in marked(message.attributes()) {
        match (message.kind, number) {
            (Kind::NewSet, 13) => (),
            (Kind::NewRule, 4) | (Kind::NewElements, 3) => {
                below = Fields::read(value).unwrap().all().map(|(_, inside)| shown(1, true, inside)).collect();
            }
            _ => parts.push(shown(number, nested, value)),
        }
    }
    [vec![parts.join(" ")], below].concat().join("\n  ")
}

fn shown(number: u16, nested: bool, value: &[u8]) -> String {
    if nested {
        let inside: Vec<String> = marked(value).into_iter().map(|(n, nested, v)| shown(n, nested, v)).collect();
        return format!("{number}{{{}}}", inside.join(" "));
    }
    match value.split_last() {
        Some((0, text)) if text.len() > 1 && text.iter().all(|byte| (32..127).contains(byte)) => {
            format!("{number}=\"{}\"", String::from_utf8_lossy(text))
        }
        _ => format!("{number}={}", value.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
    }
}

/// Attributes with the mark of those that hold others.
fn marked(mut bytes: &[u8]) -> Vec<(u16, bool, &[u8])> {
    let mut found = Vec::new();
    while let [a, b, c, d, ..] = bytes {
        let (length, number) = (usize::from(u16::from_ne_bytes([*a, *b])), u16::from_ne_bytes([*c, *d]));
        found.push((number & !NESTED, number & NESTED != 0, &bytes[4..length]));
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    found
}
