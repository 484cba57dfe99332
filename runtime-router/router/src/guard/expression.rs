//! What a rule is made of in the kernel: steps that load a property of the packet, compare it, and decide. Not here: which
//! steps a rule has (`terms`), and reading them back (`reading`).

use std::collections::BTreeSet;

use kars_contract::Port;

use super::attribute::Attributes;

/// The register that every value passes through.
pub(super) const REGISTER: u32 = 1;
/// The register of verdicts.
pub(super) const VERDICT: u32 = 0;
/// The verdict that lets a packet pass.
pub(super) const ACCEPT: u32 = 1;
/// A redirect names the port.
pub(super) const PORT_IS_NAMED: u32 = 2;
/// The longest name of an interface, with the zero that ends it.
pub(super) const INTERFACE_LENGTH: usize = 16;
/// The kernel numbers sets without a name of their own.
pub(super) const UNNAMED_SET: &str = "__set%d";

/// One step. The first that does not hold ends the rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// Loads a property.
    Load(Property),
    /// Keeps these bits of it.
    Mask(Vec<u8>),
    /// It must be this.
    Equal(Vec<u8>),
    /// It must not be this.
    Differs(Vec<u8>),
    /// It must be one of these.
    Among(BTreeSet<Vec<u8>>),
    /// Counts the packet.
    Count,
    /// Loads a port.
    Put(Port),
    /// Sends the connection to the loaded port of this machine.
    Redirect,
    /// Lets the packet pass.
    Accept,
}

/// A property of a packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Property {
    /// The user of the socket, in the byte order of the machine.
    User,
    /// The version of IP.
    Family,
    /// The protocol above IP.
    Protocol,
    /// The name of the interface it leaves over.
    Interface,
    /// What its connection is known as, in the byte order of the machine.
    State,
    /// Whether it answers.
    Direction,
    /// The IPv4 address it goes to.
    Address,
    /// The first byte of that address.
    Network,
    /// The port it goes to.
    Port,
    /// The flags of TCP.
    TcpFlags,
    /// The type of `ICMPv6`.
    Icmp6Type,
}

/// Where the kernel finds a property.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// It knows it by this number.
    Meta(u32),
    /// Its connection tracking knows it by this number.
    Tracked(u32),
    /// Behind the start of a header of the packet.
    Header { base: u32, offset: u32, length: u32 },
}

pub(super) const PLACES: [(Property, Place); 11] = [
    (Property::User, Place::Meta(10)),
    (Property::Family, Place::Meta(15)),
    (Property::Protocol, Place::Meta(16)),
    (Property::Interface, Place::Meta(7)),
    (Property::State, Place::Tracked(0)),
    (Property::Direction, Place::Tracked(1)),
    (Property::Address, Place::Header { base: 1, offset: 16, length: 4 }),
    (Property::Network, Place::Header { base: 1, offset: 16, length: 1 }),
    (Property::Port, Place::Header { base: 2, offset: 2, length: 2 }),
    (Property::TcpFlags, Place::Header { base: 2, offset: 13, length: 1 }),
    (Property::Icmp6Type, Place::Header { base: 2, offset: 0, length: 1 }),
];

impl Property {
    fn place(self) -> Place {
        PLACES.iter().find(|(property, _)| *property == self).expect("every property has a place").1
    }

    /// How `nft` calls the values of a set of it; the kernel only keeps the number.
    pub(super) fn type_for_nft(self) -> u32 {
        match self {
            Self::Protocol => 12,
            Self::Port => 13,
            Self::Icmp6Type => 29,
            Self::User
            | Self::Family
            | Self::Interface
            | Self::State
            | Self::Direction
            | Self::Address
            | Self::Network
            | Self::TcpFlags => 0,
        }
    }
}

/// The attributes of a step. `set` is the number of its set within the transaction.
pub(super) fn encoded(step: &Step, set: u32) -> Attributes {
    let one = |value: &[u8]| Attributes::default().bytes(1, value);
    let compare = |how: u32, value: &[u8]| {
        ("cmp", Attributes::default().number(1, REGISTER).number(2, how).nested(3, &one(value)))
    };
    let (name, data) = match step {
        Step::Load(property) => load(property.place()),
        Step::Mask(mask) => {
            let length = u32::try_from(mask.len()).expect("a mask is as long as a property");
            let registers = Attributes::default().number(1, REGISTER).number(2, REGISTER).number(3, length);
            ("bitwise", registers.nested(4, &one(mask)).nested(5, &one(&vec![0; mask.len()])))
        }
        Step::Equal(value) => compare(0, value),
        Step::Differs(value) => compare(1, value),
        Step::Among(_) => ("lookup", Attributes::default().number(2, REGISTER).text(1, UNNAMED_SET).number(4, set)),
        Step::Count => ("counter", Attributes::default()),
        Step::Put(port) => {
            ("immediate", Attributes::default().number(1, REGISTER).nested(2, &one(&port.get().to_be_bytes())))
        }
        Step::Redirect => ("redir", Attributes::default().number(1, REGISTER).number(3, PORT_IS_NAMED)),
        Step::Accept => {
            let verdict = Attributes::default().nested(2, &Attributes::default().number(1, ACCEPT));
            ("immediate", Attributes::default().number(1, VERDICT).nested(2, &verdict))
        }
    };
    Attributes::default().text(1, name).nested(2, &data)
}

fn load(place: Place) -> (&'static str, Attributes) {
    match place {
        Place::Meta(key) => ("meta", Attributes::default().number(2, key).number(1, REGISTER)),
        Place::Tracked(key) => ("ct", Attributes::default().number(2, key).number(1, REGISTER)),
        Place::Header { base, offset, length } => {
            let register = Attributes::default().number(1, REGISTER);
            ("payload", register.number(2, base).number(3, offset).number(4, length))
        }
    }
}
