//! The one normaliser of host names. Not here: wildcards (`host_pattern`) and addresses (`cidr`).

use std::net::Ipv6Addr;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::text_newtype;

/// The longest DNS name in its text form, without the final dot.
pub const MAX_NAME: usize = 253;
/// The longest label of a DNS name.
pub const MAX_LABEL: usize = 63;

/// Ends of names that only resolve inside a machine, a site or a cluster.
const LOCAL_ENDS: [&str; 4] = ["localhost", "local", "internal", "svc"];

/// A public DNS name: lower case, ASCII or punycode, two labels or more, no wildcard, never an IP address.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("maxLength" = 254, "pattern" = "^(?!.*\\.([0-9]+|localhost|local|internal|svc)\\.?$)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)+[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.?$"))]
pub struct Hostname(String);

text_newtype!(Hostname, InvalidHostname);

/// Why a text is no public host name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidHostname {
    /// Nothing is written.
    #[error("the host name is empty; write a DNS name such as `api.example.org`")]
    Empty,
    /// An address in any spelling: dotted, decimal, octal, hexadecimal, version 6.
    #[error("an IP address is not a host name; write the DNS name that the certificate is for")]
    IpAddress,
    /// Letters outside ASCII, which may look like others. Holds the name in punycode.
    #[error("letters outside ASCII can imitate others; if this host is meant, write it as `{0}`")]
    NotAscii(String),
    /// A label that claims to be punycode and is not what encoding its own decoding gives.
    #[error("label `{0}` is not valid punycode")]
    Punycode(String),
    /// A character, a dash or an empty label where DNS allows none.
    #[error("not a DNS name: use letters, digits, single dots, and dashes inside labels")]
    NotDns,
    /// A name or a label is too long.
    #[error("too long for DNS: a name has at most 253 characters, a label at most 63")]
    TooLong,
    /// One label, as `localhost` or `intranet`.
    #[error("`{0}` has one label; a public host has at least two, such as `api.example.org`")]
    SingleLabel(String),
    /// A name that only resolves inside a machine, a site or a cluster.
    #[error("`{0}` names something inside the machine or the cluster; agents reach peers over links")]
    Local(String),
}

impl Hostname {
    /// Normalises a host name; what it gives, it gives back unchanged.
    pub fn parse(text: &str) -> Result<Self, InvalidHostname> {
        let name = dns_name(text)?;
        let Some((_, last)) = name.rsplit_once('.') else {
            return Err(InvalidHostname::SingleLabel(name));
        };
        if LOCAL_ENDS.contains(&last) {
            return Err(InvalidHostname::Local(name));
        }
        Ok(Self(name))
    }

    /// The name without its first label; the last label has none.
    #[must_use]
    pub fn parent(&self) -> Option<&str> {
        self.0.split_once('.').map(|(_, parent)| parent)
    }
}

/// Any DNS name in canonical form, single labels and cluster names included.
pub(crate) fn dns_name(text: &str) -> Result<String, InvalidHostname> {
    if !text.is_ascii() {
        return Err(not_ascii(text));
    }
    let lower = text.to_ascii_lowercase();
    let name = lower.strip_suffix('.').unwrap_or(&lower);
    if name.is_empty() {
        return Err(InvalidHostname::Empty);
    }
    if is_address(name) {
        return Err(InvalidHostname::IpAddress);
    }
    if name.len() > MAX_NAME {
        return Err(InvalidHostname::TooLong);
    }
    for label in name.split('.') {
        check_label(label)?;
    }
    Ok(name.to_owned())
}

/// Whether any resolver would read this as an address: its last label is a number, or it has the form of version 6.
fn is_address(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    let digits = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    let hexadecimal = last.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let inside = name.trim_start_matches('[').trim_end_matches(']');
    let version6 = inside.split('%').next().is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    digits || hexadecimal || version6
}

fn check_label(label: &str) -> Result<(), InvalidHostname> {
    if label.len() > MAX_LABEL {
        return Err(InvalidHostname::TooLong);
    }
    let plain = label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if label.is_empty() || !plain || label.starts_with('-') || label.ends_with('-') {
        return Err(InvalidHostname::NotDns);
    }
    if label.starts_with("xn--") {
        return check_punycode(label);
    }
    // Dashes in third and fourth place announce an encoding, and `xn--` is the only one there is.
    if label.get(2..4) == Some("--") {
        return Err(InvalidHostname::NotDns);
    }
    Ok(())
}

fn check_punycode(label: &str) -> Result<(), InvalidHostname> {
    let refused = || InvalidHostname::Punycode(label.to_owned());
    let (unicode, outcome) = Uts46::new().to_unicode(label.as_bytes(), AsciiDenyList::STD3, Hyphens::Check);
    outcome.map_err(|_| refused())?;
    let again = to_ascii(&unicode).ok_or_else(refused)?;
    if unicode.is_ascii() || again != label {
        return Err(refused());
    }
    Ok(())
}

fn not_ascii(text: &str) -> InvalidHostname {
    // A spelling of an address in other digits is not offered as a name.
    match to_ascii(text) {
        Some(ascii) if is_address(&ascii) => InvalidHostname::IpAddress,
        Some(ascii) => InvalidHostname::NotAscii(ascii),
        None => InvalidHostname::NotDns,
    }
}

fn to_ascii(text: &str) -> Option<String> {
    let ascii = Uts46::new().to_ascii(text.as_bytes(), AsciiDenyList::STD3, Hyphens::Check, DnsLength::Verify);
    ascii.ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accepts_and_normalises() {
        for (written, meant) in [
            ("api.github.com", "api.github.com"),
            ("API.GitHub.COM.", "api.github.com"),
            ("a-b.example", "a-b.example"),
            ("1.example", "1.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(Hostname::parse(written).unwrap().as_str(), meant, "{written}");
        }
    }

    #[test]
    fn refuses_addresses_in_every_spelling() {
        for text in [
            "127.0.0.1",
            "2130706433",
            "0177.0.0.1",
            "0x7f.1",
            "127.1",
            "0x7f000001",
            "1.2.3.4.",
            "::1",
            "[::1]",
            "fe80::1%lo",
            "::ffff:1.2.3.4",
            "a.b.0x",
            "example.1",
            "①⑥⑨.254.169.254",
        ] {
            assert_eq!(Hostname::parse(text), Err(InvalidHostname::IpAddress), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_public_dns() {
        use InvalidHostname::{Empty, Local, NotAscii, NotDns, Punycode, SingleLabel, TooLong};
        let long_label = format!("{}.example", "a".repeat(64));
        let long_name = format!("{}example", "a23456789.".repeat(25));
        let local = |name: &str| Local(name.to_owned());
        for (text, why) in [
            ("", Empty),
            (".", Empty),
            ("a..b", NotDns),
            (".a.b", NotDns),
            ("a.b..", NotDns),
            ("a_b.example", NotDns),
            ("-a.example", NotDns),
            ("a-.example", NotDns),
            ("ab--c.example", NotDns),
            ("*.example.org", NotDns),
            (" a.example", NotDns),
            ("a.example:443", NotDns),
            ("a@b.example", NotDns),
            ("a%2e.example", NotDns),
            ("a\0.example", NotDns),
            ("com", SingleLabel("com".to_owned())),
            ("localhost", SingleLabel("localhost".to_owned())),
            ("a.localhost", local("a.localhost")),
            ("printer.local", local("printer.local")),
            ("host.docker.internal", local("host.docker.internal")),
            ("kubernetes.default.svc", local("kubernetes.default.svc")),
            ("x.svc.cluster.local", local("x.svc.cluster.local")),
            (&long_label, TooLong),
            (&long_name, TooLong),
            ("bücher.example", NotAscii("xn--bcher-kva.example".to_owned())),
            ("\u{430}pi.github.com", NotAscii("xn--pi-6kc.github.com".to_owned())),
            ("xn--a.example", Punycode("xn--a".to_owned())),
            ("xn--abc-.example", NotDns),
            ("a\u{200d}b.example", NotDns),
        ] {
            assert_eq!(Hostname::parse(text), Err(why), "{text}");
        }
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(text in "[a-zA-Z0-9.xn-]{1,40}|\\PC{0,20}") {
            if let Ok(host) = Hostname::parse(&text) {
                prop_assert_eq!(Hostname::parse(host.as_str()), Ok(host.clone()));
                prop_assert_eq!(Hostname::parse(&host.as_str().to_uppercase()), Ok(host.clone()));
                prop_assert_eq!(Hostname::parse(&format!("{host}.")), Ok(host));
            }
        }
    }
}
