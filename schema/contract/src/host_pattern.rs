//! Which hosts a rule means: one name, or all names below one. Not here: ports and dates, which the rule holds.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Hostname, InvalidHostname, MAX_NAME};
use crate::text::text_form;

/// The hosts of a rule: `api.example.org`, `*.example.org` (exactly one label more) or `**.example.org` (one or more).
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("maxLength" = 254, "pattern" = "^(?!.*\\.([0-9]+|localhost|local|internal|svc)\\.?$)([*]{1,2}\\.)?([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)+[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.?$"))]
pub enum HostPattern {
    /// This host alone.
    Exact(Hostname),
    /// Every host with exactly one label before this name; not the name itself.
    OneLabel(Hostname),
    /// Every host with one label or more before this name; not the name itself.
    AnyDepth(Hostname),
}

text_form!(HostPattern, InvalidHostPattern);

/// Why a text is no host pattern.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidHostPattern {
    /// The name, or the name behind the wildcard, is no public host name.
    #[error(transparent)]
    Host(#[from] InvalidHostname),
    /// A star that is not the whole first label.
    #[error("`*` stands only as the whole first label: `*.example.org` for one label, `**.example.org` for any depth")]
    Wildcard,
    /// Everybody can have a name below this one.
    #[error("`{0}` is a public suffix: anybody can register a name below it; name the hosts")]
    PublicSuffix(String),
}

impl HostPattern {
    /// Reads a pattern; the name in it is normalised like any host name.
    pub fn parse(text: &str) -> Result<Self, InvalidHostPattern> {
        let (make, rest): (fn(Hostname) -> Self, _) = match (text.strip_prefix("**."), text.strip_prefix("*.")) {
            (Some(rest), _) => (Self::AnyDepth, rest),
            (None, Some(rest)) => (Self::OneLabel, rest),
            (None, None) => (Self::Exact, text),
        };
        if rest.contains('*') {
            return Err(InvalidHostPattern::Wildcard);
        }
        let pattern = make(wildcard_base(rest, rest.len() < text.len())?);
        if pattern.to_string().len() > MAX_NAME {
            return Err(InvalidHostname::TooLong.into());
        }
        Ok(pattern)
    }

    /// Whether the rule means this host.
    #[must_use]
    pub fn matches(&self, host: &Hostname) -> bool {
        match self {
            Self::Exact(name) => name == host,
            Self::OneLabel(base) => host.parent() == Some(base.as_str()),
            Self::AnyDepth(base) => is_below(host, base),
        }
    }

    /// Whether this pattern means every host that `other` means.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Exact(host)) => self.matches(host),
            (Self::OneLabel(base), Self::OneLabel(narrow)) => base == narrow,
            (Self::AnyDepth(base), Self::OneLabel(narrow) | Self::AnyDepth(narrow)) => {
                base == narrow || is_below(narrow, base)
            }
            (Self::Exact(_), Self::OneLabel(_) | Self::AnyDepth(_)) | (Self::OneLabel(_), Self::AnyDepth(_)) => false,
        }
    }

    /// The name in the pattern, without its wildcard.
    #[must_use]
    pub fn base(&self) -> &Hostname {
        match self {
            Self::Exact(name) | Self::OneLabel(name) | Self::AnyDepth(name) => name,
        }
    }
}

impl From<Hostname> for HostPattern {
    fn from(host: Hostname) -> Self {
        Self::Exact(host)
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => write!(formatter, "{name}"),
            Self::OneLabel(base) => write!(formatter, "*.{base}"),
            Self::AnyDepth(base) => write!(formatter, "**.{base}"),
        }
    }
}

fn is_below(host: &Hostname, base: &Hostname) -> bool {
    host.as_str().strip_suffix(base.as_str()).is_some_and(|front| front.ends_with('.'))
}

fn wildcard_base(text: &str, wildcard: bool) -> Result<Hostname, InvalidHostPattern> {
    let parsed = Hostname::parse(text);
    if !wildcard {
        return Ok(parsed?);
    }
    match parsed {
        // `*.com` is better explained as what it opens than as a short name.
        Err(InvalidHostname::SingleLabel(name)) => Err(InvalidHostPattern::PublicSuffix(name)),
        Ok(base) if opens_a_suffix(base.as_str()) => Err(InvalidHostPattern::PublicSuffix(base.into())),
        other => Ok(other?),
    }
}

/// Whether the name, or every name one label below it, is on the public suffix list, ICANN's part or the private one.
fn opens_a_suffix(name: &str) -> bool {
    let below = format!("a.{name}");
    psl::suffix_str(name) == Some(name) || psl::suffix_str(&below) == Some(&below)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> HostPattern {
        HostPattern::parse(text).unwrap()
    }

    #[test]
    fn one_star_is_one_label_and_two_are_any_depth() {
        for (written, host, expected) in [
            ("example.com", "example.com", true),
            ("example.com", "a.example.com", false),
            ("*.example.com", "example.com", false),
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "a.b.example.com", false),
            ("*.example.com", "xexample.com", false),
            ("*.example.com", "a.example.com.evil.org", false),
            ("**.example.com", "example.com", false),
            ("**.example.com", "a.example.com", true),
            ("**.example.com", "a.b.example.com", true),
            ("**.example.com", "xexample.com", false),
            ("*.Example.COM.", "A.example.com", true),
        ] {
            assert_eq!(pattern(written).matches(&host.parse().unwrap()), expected, "{written} {host}");
        }
    }

    #[test]
    fn refuses_what_opens_too_much() {
        for text in ["*.com", "**.com", "*.co.uk", "*.github.io", "**.github.io", "*.blob.core.windows.net", "*.ck"] {
            assert!(matches!(HostPattern::parse(text), Err(InvalidHostPattern::PublicSuffix(_))), "{text}");
        }
        for text in ["*.*.example.com", "a.*.example.com", "*-x.example.com", "***.example.com", "x*.example.com"] {
            assert_eq!(HostPattern::parse(text), Err(InvalidHostPattern::Wildcard), "{text}");
        }
        for text in ["*", "", "*.", "*.127.0.0.1", "*.svc.cluster.local", "com"] {
            assert!(HostPattern::parse(text).is_err(), "{text}");
        }
        for text in ["github.io", "*.services.ai.azure.com", "*.openai.azure.com", "*.wikipedia.org"] {
            assert!(HostPattern::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn covering_agrees_with_matching() {
        let names =
            ["example.com", "*.example.com", "**.example.com", "a.example.com", "*.a.example.com", "**.a.example.com"];
        let hosts = [
            "example.com",
            "a.example.com",
            "b.example.com",
            "x.a.example.com",
            "x.y.a.example.com",
            "x.b.example.com",
        ];
        for wide in names.map(pattern) {
            for narrow in names.map(pattern) {
                let all = hosts
                    .iter()
                    .map(|host| host.parse().unwrap())
                    .all(|host| !narrow.matches(&host) || wide.matches(&host));
                assert_eq!(wide.covers(&narrow), all, "{wide} {narrow}");
            }
        }
    }
}
