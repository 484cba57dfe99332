//! Addresses that no agent may reach, whatever name leads to them. Not here: names, and ranges that a document grants.
//!
//! IPv4 is listed by what is special, after IANA's special-purpose registry. IPv6 is listed by what is handed out, less what is
//! special in it: so every form that embeds an IPv4 address (mapped, compatible, NAT64, 6to4, Teredo) is special.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// First address and prefix length of each range.
const SPECIAL_V4: [([u8; 4], u32); 16] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    // Azure's wire server, which hands out certificates and extensions, has a public address.
    ([168, 63, 129, 16], 32),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

/// The only IPv6 addresses that are handed out.
const GLOBAL_V6: (u128, u32) = (0x2000 << 112, 3);
/// Ranges among them that are special: IETF's own with Teredo, documentation, 6to4, documentation.
const SPECIAL_V6: [(u128, u32); 4] =
    [(0x2001 << 112, 23), (0x2001_0db8 << 96, 32), (0x2002 << 112, 16), (0x3fff << 112, 20)];

/// Ranges of private networks, which names inside a cluster lead to.
const PRIVATE_V4: [([u8; 4], u32); 4] =
    [([10, 0, 0, 0], 8), ([100, 64, 0, 0], 10), ([172, 16, 0, 0], 12), ([192, 168, 0, 0], 16)];
/// The same for IPv6, and what in it is none of them: the metadata service of a cloud.
const PRIVATE_V6: (u128, u32) = (0xfc00 << 112, 7);
const METADATA_V6: u128 = 0xfd00_0ec2_0000_0000_0000_0000_0000_0254;

/// Whether an address is anything but a host of the public internet.
#[must_use]
pub fn is_special(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => in_any(address, &SPECIAL_V4),
        IpAddr::V6(address) => !within(address, GLOBAL_V6) || SPECIAL_V6.iter().any(|range| within(address, *range)),
    }
}

/// Whether an address is one of a private network, where a cluster's own services are.
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => in_any(address, &PRIVATE_V4),
        IpAddr::V6(address) => within(address, PRIVATE_V6) && u128::from(address) != METADATA_V6,
    }
}

fn in_any(address: Ipv4Addr, ranges: &[([u8; 4], u32)]) -> bool {
    let number = u32::from(address);
    ranges.iter().any(|(first, prefix)| (number ^ u32::from_be_bytes(*first)) >> (32 - prefix) == 0)
}

fn within(address: Ipv6Addr, (first, prefix): (u128, u32)) -> bool {
    (u128::from(address) ^ first) >> (128 - prefix) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn special(text: &str) -> bool {
        is_special(text.parse().unwrap())
    }

    /// What the standard library knows by itself, of the ranges that both name.
    fn known_elsewhere(address: Ipv4Addr) -> bool {
        address.is_private()
            || address.is_loopback()
            || address.is_link_local()
            || address.is_broadcast()
            || address.is_documentation()
            || address.is_multicast()
            || address.is_unspecified()
    }

    #[test]
    fn every_v4_block_of_256_agrees_with_ranges_counted_another_way() {
        let by_octets = |[a, b, c, d]: [u8; 4]| {
            matches!(a, 0 | 10 | 127 | 224..=255)
                || matches!((a, b), (100, 64..=127) | (169, 254) | (172, 16..=31) | (192, 168) | (198, 18 | 19))
                || matches!((a, b, c), (192, 0, 0 | 2) | (192, 88, 99) | (198, 51, 100) | (203, 0, 113))
                || [a, b, c, d] == [168, 63, 129, 16]
        };
        for block in 0..1_u32 << 24 {
            for last in [16, 255] {
                let address = Ipv4Addr::from(block << 8 | last);
                let found = is_special(address.into());
                assert_eq!(found, by_octets(address.octets()), "{address}");
                assert!(found || !known_elsewhere(address), "{address}");
            }
        }
    }

    #[test]
    fn every_v6_form_of_a_v4_address_is_special() {
        for block in 0..1_u32 << 16 {
            let four = block << 16 | 0x0102;
            let (low, four) = (u128::from(four), Ipv4Addr::from(four));
            for six in [
                four.to_ipv6_mapped(),
                Ipv6Addr::from(low),
                Ipv6Addr::from(0x0064_ff9b << 96 | low),
                Ipv6Addr::from(0x0064_ff9b_0001 << 80 | low),
                Ipv6Addr::from(0x2002 << 112 | low << 80),
                Ipv6Addr::from(0x2001_0000 << 96 | !low & 0xffff_ffff),
            ] {
                assert!(is_special(six.into()), "{six}");
            }
        }
    }

    #[test]
    fn every_v6_block_outside_of_what_is_handed_out_is_special() {
        for block in 0..=u16::MAX {
            let address = Ipv6Addr::from(u128::from(block) << 112 | 1);
            let handed_out = (0x2000..0x4000).contains(&block) && !matches!(block, 0x2001 | 0x2002 | 0x3fff);
            assert_eq!(is_special(address.into()), !handed_out, "{address}");
        }
    }

    #[test]
    fn edges_are_exact() {
        for text in [
            "168.63.129.16",
            "192.0.0.192",
            "100.64.0.0",
            "100.127.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "198.19.255.255",
            "::",
            "::1",
            "::ffff:8.8.8.8",
            "fe80::1",
            "fc00::",
            "fdff::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::7",
            "2001::1",
            "2001:1ff:ffff::",
            "2002:808:808::",
            "3fff::1",
            "3fff:fff::1",
            "100::1",
            "64:ff9b::808:808",
            "64:ff9b:1::1",
            "fd00:ec2::254",
            "5f00::1",
            "4000::1",
        ] {
            assert!(special(text), "{text}");
        }
        for text in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "168.63.129.17",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2001:db7::1",
            "2001:db9::1",
            "2003::1",
            "2600::1",
            "3fff:1000::1",
            "3ffe::1",
        ] {
            assert!(!special(text), "{text}");
        }
    }

    #[test]
    fn a_private_network_holds_no_metadata_service() {
        for (text, expected) in [
            ("10.0.0.1", true),
            ("100.64.0.1", true),
            ("172.31.0.1", true),
            ("192.168.0.1", true),
            ("fd12::1", true),
            ("169.254.169.254", false),
            ("127.0.0.1", false),
            ("fd00:ec2::254", false),
            ("::ffff:10.0.0.1", false),
            ("8.8.8.8", false),
        ] {
            assert_eq!(is_private(text.parse().unwrap()), expected, "{text}");
        }
    }
}
