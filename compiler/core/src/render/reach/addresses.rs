//! Sets of addresses of both families, exact to the address. Not here: who has which address.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use kars_contract::cidr::Cidr;
use kars_scenario::environment::IpFamily;

/// First and last IPv4 addresses that are not the public internet: the blocks of IANA's special-purpose registry, and
/// multicast. Written as addresses, and apart from the ranges that policies are made of, so that each list checks the other.
const SPECIAL_V4: [([u8; 4], [u8; 4]); 15] = [
    ([0, 0, 0, 0], [0, 255, 255, 255]),
    ([10, 0, 0, 0], [10, 255, 255, 255]),
    ([100, 64, 0, 0], [100, 127, 255, 255]),
    ([127, 0, 0, 0], [127, 255, 255, 255]),
    ([169, 254, 0, 0], [169, 254, 255, 255]),
    ([172, 16, 0, 0], [172, 31, 255, 255]),
    ([192, 0, 0, 0], [192, 0, 0, 255]),
    ([192, 0, 2, 0], [192, 0, 2, 255]),
    ([192, 88, 99, 0], [192, 88, 99, 255]),
    ([192, 168, 0, 0], [192, 168, 255, 255]),
    ([198, 18, 0, 0], [198, 19, 255, 255]),
    ([198, 51, 100, 0], [198, 51, 100, 255]),
    ([203, 0, 113, 0], [203, 0, 113, 255]),
    ([224, 0, 0, 0], [239, 255, 255, 255]),
    ([240, 0, 0, 0], [255, 255, 255, 255]),
];
/// The IPv6 addresses that are handed out: the first and last of `2000::/3`.
const GLOBAL_V6: (u128, u128) = (0x2000 << 112, (0x4000 << 112) - 1);
/// First and last IPv6 addresses among them that are not the public internet.
const SPECIAL_V6: [(u128, u128); 4] = [
    (0x2001_0000 << 96, (0x2001_0200 << 96) - 1),
    (0x2001_0db8 << 96, (0x2001_0db9 << 96) - 1),
    (0x2002 << 112, (0x2003 << 112) - 1),
    (0x3fff_0000 << 96, (0x3fff_1000 << 96) - 1),
];

/// Addresses as sorted ranges that do not touch. Where IPv4 ends IPv6 begins, so both are one line of numbers.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Addresses {
    v4: Vec<(u128, u128)>,
    v6: Vec<(u128, u128)>,
}

impl Addresses {
    pub(super) fn all() -> Self {
        Self { v4: vec![(0, u128::from(u32::MAX))], v6: vec![(0, u128::MAX)] }
    }

    /// Everything that is the public internet, in these families.
    pub(super) fn public(families: &[IpFamily]) -> Self {
        let v4 = families.contains(&IpFamily::V4);
        let v6 = families.contains(&IpFamily::V6);
        let special = SPECIAL_V4
            .iter()
            .map(|(first, last)| (u128::from(u32::from_be_bytes(*first)), u128::from(u32::from_be_bytes(*last))));
        Self {
            v4: if v4 { without(vec![(0, u128::from(u32::MAX))], special) } else { Vec::new() },
            v6: if v6 { without(vec![GLOBAL_V6], SPECIAL_V6.into_iter()) } else { Vec::new() },
        }
    }

    /// The addresses of a block but for its exceptions; none where it cannot be read.
    pub(super) fn block(range: &str, except: &[String]) -> Self {
        let mut addresses = Self::range(range);
        for range in except {
            let excepted = Self::range(range);
            addresses.v4 = without(addresses.v4, excepted.v4.into_iter());
            addresses.v6 = without(addresses.v6, excepted.v6.into_iter());
        }
        addresses
    }

    pub(super) fn range(range: &str) -> Self {
        match Cidr::parse(range) {
            Ok(range) => Self::of(&range),
            Err(_) => Self::default(),
        }
    }

    fn of(range: &Cidr) -> Self {
        let (width, first) = match range.network() {
            IpAddr::V4(address) => (32, u128::from(u32::from(address))),
            IpAddr::V6(address) => (128, u128::from(address)),
        };
        let host = u128::MAX.checked_shr(128 - (width - u32::from(range.prefix()))).unwrap_or(0);
        let ranges = vec![(first, first | host)];
        if width == 32 { Self { v4: ranges, v6: Vec::new() } } else { Self { v4: Vec::new(), v6: ranges } }
    }

    pub(super) fn union<'a>(sets: impl Iterator<Item = &'a Self>) -> Self {
        let mut all = Self::default();
        for set in sets {
            all.v4.extend(&set.v4);
            all.v6.extend(&set.v6);
        }
        Self { v4: merged(all.v4), v6: merged(all.v6) }
    }

    /// An address of this set that is not in the other.
    pub(super) fn beyond(&self, other: &Self) -> Option<IpAddr> {
        let first = |mine: &[(u128, u128)], theirs: &[(u128, u128)]| {
            without(mine.to_vec(), theirs.iter().copied()).first().map(|(first, _)| *first)
        };
        let v4 = first(&self.v4, &other.v4).and_then(|number| u32::try_from(number).ok());
        let v6 = || first(&self.v6, &other.v6).map(|number| IpAddr::V6(Ipv6Addr::from(number)));
        v4.map(|number| IpAddr::V4(Ipv4Addr::from(number))).or_else(v6)
    }
}

fn merged(mut ranges: Vec<(u128, u128)>) -> Vec<(u128, u128)> {
    ranges.sort_unstable();
    let mut merged: Vec<(u128, u128)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match merged.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => merged.push((first, last)),
        }
    }
    merged
}

/// Sorted ranges with other ranges taken out.
fn without(mut ranges: Vec<(u128, u128)>, holes: impl Iterator<Item = (u128, u128)>) -> Vec<(u128, u128)> {
    for (from, to) in holes {
        let Some(at) = ranges.iter().position(|(first, last)| *first <= to && from <= *last) else { continue };
        let end = ranges.iter().rposition(|(first, last)| *first <= to && from <= *last).expect("one was just found");
        let before = (ranges[at].0 < from).then(|| (ranges[at].0, from - 1));
        let after = (to < ranges[end].1).then(|| (to + 1, ranges[end].1));
        ranges.splice(at..=end, before.into_iter().chain(after));
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lower::objects::{SPECIAL_V4 as WRITTEN_V4, SPECIAL_V6 as WRITTEN_V6};

    fn block(range: &str, except: &[&str]) -> Addresses {
        Addresses::block(range, &except.iter().map(|range| (*range).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn both_lists_of_special_ranges_agree() {
        assert_eq!(block("0.0.0.0/0", &WRITTEN_V4), Addresses::public(&[IpFamily::V4]));
        assert_eq!(block("2000::/3", &WRITTEN_V6), Addresses::public(&[IpFamily::V6]));
    }

    #[test]
    fn one_address_more_or_less_is_seen() {
        let declared = Addresses::public(&[IpFamily::V4]);
        for range in WRITTEN_V4 {
            let open = block("0.0.0.0/0", &WRITTEN_V4.into_iter().filter(|kept| *kept != range).collect::<Vec<_>>());
            assert!(Cidr::parse(range).unwrap().contains(open.beyond(&declared).unwrap()), "{range}");
            assert_eq!(declared.beyond(&open), None, "{range}");
        }
        let closed = block("0.0.0.0/0", &[WRITTEN_V4.as_slice(), &["1.2.3.4/32"]].concat());
        assert_eq!(declared.beyond(&closed), Some("1.2.3.4".parse().unwrap()));
        assert_eq!(block("::/0", &[]).beyond(&declared), Some("::".parse().unwrap()));
        assert_eq!(block("::/0", &[]), block("::/1", &[]).plus(&block("8000::/1", &[])));
        assert_eq!(block("255.255.255.255/32", &["255.255.255.255/32"]), Addresses::default());
    }

    impl Addresses {
        fn plus(&self, other: &Self) -> Self {
            Self::union([self, other].into_iter())
        }
    }
}
