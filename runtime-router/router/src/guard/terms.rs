//! Which steps of the kernel make each property that the guard's list asks for. Not here: their bytes.

use std::collections::BTreeSet;

use kars_contract::Port;
use kars_contract::guard::{IpFamily, Match};

use super::expression::{INTERFACE_LENGTH, Property, Step};

const ESTABLISHED: u32 = 1 << 1;
const RELATED: u32 = 1 << 2;
/// The direction of answers.
const REPLY: u8 = 1;
const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP6: u8 = 58;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const ROUTER_SOLICITATION: u8 = 133;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;

/// The steps that hold where all of `matches` do; `None` where no packet can match, because a list of ports is empty.
pub(super) fn steps(matches: &[Match]) -> Option<Vec<Step>> {
    let steps: Option<Vec<Vec<Step>>> = matches.iter().map(of).collect();
    Some(steps?.concat())
}

fn of(found: &Match) -> Option<Vec<Step>> {
    Some(match found {
        Match::Reply => [state(ESTABLISHED), is(Property::Direction, &[REPLY])].concat(),
        Match::OpenedTcp => {
            let opens = [Step::Load(Property::TcpFlags), Step::Mask(vec![SYN | ACK]), Step::Differs(vec![SYN])];
            [state(ESTABLISHED), is(Property::Protocol, &[TCP]), opens.to_vec()].concat()
        }
        Match::RelatedError => [state(RELATED), among(Property::Protocol, &[ICMP, ICMP6])].concat(),
        Match::NeighbourDiscovery => {
            let types = [ROUTER_SOLICITATION, NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT];
            [family(IpFamily::V6), is(Property::Protocol, &[ICMP6]), among(Property::Icmp6Type, &types)].concat()
        }
        Match::User(user) => is(Property::User, &user.to_ne_bytes()),
        Match::Family(version) => family(*version),
        Match::OverLoopback => is(Property::Interface, &interface("lo")),
        Match::ToLoopback => [family(IpFamily::V4), is(Property::Address, &[127, 0, 0, 1])].concat(),
        Match::NotToLoopback => {
            [family(IpFamily::V4), vec![Step::Load(Property::Network), Step::Differs(vec![127])]].concat()
        }
        Match::Tcp(numbers) => [is(Property::Protocol, &[TCP]), ports(numbers)?].concat(),
        Match::Udp(numbers) => [is(Property::Protocol, &[UDP]), ports(numbers)?].concat(),
    })
}

fn is(property: Property, value: &[u8]) -> Vec<Step> {
    vec![Step::Load(property), Step::Equal(value.to_vec())]
}

fn among(property: Property, values: &[u8]) -> Vec<Step> {
    vec![Step::Load(property), Step::Among(values.iter().map(|value| vec![*value]).collect())]
}

/// A connection is in one of several states, so a bit is asked for.
fn state(bit: u32) -> Vec<Step> {
    vec![Step::Load(Property::State), Step::Mask(bit.to_ne_bytes().to_vec()), Step::Differs(vec![0; size_of::<u32>()])]
}

fn family(version: IpFamily) -> Vec<Step> {
    let number = match version {
        IpFamily::V4 => 2,
        IpFamily::V6 => 10,
    };
    is(Property::Family, &[number])
}

fn interface(name: &str) -> Vec<u8> {
    let mut value = name.as_bytes().to_vec();
    value.resize(INTERFACE_LENGTH, 0);
    value
}

/// One port is compared, several are a set, as `nft` does it.
fn ports(numbers: &BTreeSet<Port>) -> Option<Vec<Step>> {
    let values: BTreeSet<Vec<u8>> = numbers.iter().map(|port| port.get().to_be_bytes().to_vec()).collect();
    let only = values.first()?.clone();
    let compared = if values.len() == 1 { Step::Equal(only) } else { Step::Among(values) };
    Some(vec![Step::Load(Property::Port), compared])
}
