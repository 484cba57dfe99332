//! A range of addresses. Not here: which ranges are special; the router knows those.

use std::fmt;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::text_form;

/// A range of addresses, written as `10.20.0.0/24`, with no bit set behind the prefix.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(\\.(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])){3}/([12]?[0-9]|3[0-2])|[0-9a-f.]*:[0-9a-f:.]*/([1-9]?[0-9]|1[01][0-9]|12[0-8]))$"))]
pub struct Cidr {
    network: IpAddr,
    prefix: u8,
}

text_form!(Cidr, InvalidCidr);

/// Why a text is no range of addresses.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidCidr {
    /// Not an address and a prefix length.
    #[error("`{0}` is not a range of addresses: write one such as `10.20.0.0/24`")]
    Form(String),
    /// The address has bits behind the prefix. Holds the range that contains it.
    #[error("`{written}` has address bits behind its prefix; the range is `{range}`")]
    HostBits {
        /// The text as written.
        written: String,
        /// The range that it falls in.
        range: Cidr,
    },
}

impl Cidr {
    /// Reads a range.
    pub fn parse(text: &str) -> Result<Self, InvalidCidr> {
        let refused = || InvalidCidr::Form(text.to_owned());
        let (address, digits) = text.split_once('/').ok_or_else(refused)?;
        let network: IpAddr = address.parse().map_err(|_| refused())?;
        let prefix: u8 = digits.parse().map_err(|_| refused())?;
        if prefix > width(network) || prefix.to_string() != digits {
            return Err(refused());
        }
        let range = Self { network: masked(network, prefix), prefix };
        if range.network != network {
            return Err(InvalidCidr::HostBits { written: text.to_owned(), range });
        }
        if range.to_string() != text {
            return Err(refused());
        }
        Ok(range)
    }

    /// The range that holds one address.
    #[must_use]
    pub fn of_address(address: IpAddr) -> Self {
        Self { network: address, prefix: width(address) }
    }

    /// Whether the address lies in the range; an address of the other family never does.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        width(address) == width(self.network) && masked(address, self.prefix) == self.network
    }

    /// The first address of the range.
    #[must_use]
    pub fn network(&self) -> IpAddr {
        self.network
    }

    /// How many leading bits all addresses of the range share.
    #[must_use]
    pub fn prefix(&self) -> u8 {
        self.prefix
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.network, self.prefix)
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(four) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V4((u32::from(four) & mask).into())
        }
        IpAddr::V6(six) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V6((u128::from(six) & mask).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_one_spelling() {
        for text in ["10.20.0.0/24", "0.0.0.0/0", "10.96.0.10/32", "fd00::/8", "::/0", "::1/128"] {
            assert_eq!(Cidr::parse(text).unwrap().to_string(), text);
        }
        for text in ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/+8", "10.0.0/8", "fd00:0::/8", "/8", "a/8"] {
            assert!(matches!(Cidr::parse(text), Err(InvalidCidr::Form(_))), "{text}");
        }
        let message = Cidr::parse("10.20.0.7/24").unwrap_err().to_string();
        assert_eq!(message, "`10.20.0.7/24` has address bits behind its prefix; the range is `10.20.0.0/24`");
    }

    #[test]
    fn contains_exactly_its_addresses() {
        for (range, address, expected) in [
            ("10.20.0.0/24", "10.20.0.255", true),
            ("10.20.0.0/24", "10.20.1.0", false),
            ("0.0.0.0/0", "255.255.255.255", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "10.0.0.1", false),
            ("fd00::/8", "fdff::1", true),
            ("10.96.0.10/32", "10.96.0.11", false),
        ] {
            let found = Cidr::parse(range).unwrap().contains(address.parse().unwrap());
            assert_eq!(found, expected, "{range} {address}");
        }
    }
}
