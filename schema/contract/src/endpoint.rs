//! A URL that the router connects to. Not here: whether it may; that is the matcher's and the document's to say.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Hostname, InvalidHostname, dns_name};
use crate::name::Port;
use crate::text::text_newtype;

/// The base URL of a service: scheme, host, optional port and path; no user, query or fragment.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^([Hh][Tt][Tt][Pp]|[Ww][Ss])[Ss]?://[^@?#/]+(/[^?#]*)?$"))]
pub struct Endpoint(String);

text_newtype!(Endpoint, InvalidEndpoint);

/// How to speak to an endpoint.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scheme {
    /// HTTP in the clear.
    Http,
    /// HTTP over TLS.
    Https,
    /// WebSocket in the clear.
    Ws,
    /// WebSocket over TLS.
    Wss,
}

/// Why a text is no endpoint.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidEndpoint {
    /// Not one of the four schemes.
    #[error("`{0}` is not an endpoint: start with `https://`")]
    Scheme(String),
    /// The host is neither a DNS name nor an address.
    #[error("the host of `{url}` is wrong: {source}")]
    Host {
        /// The text as written.
        url: String,
        /// What is wrong with the host.
        source: InvalidHostname,
    },
    /// The port is no number from 1 to 65535.
    #[error("the port of `{0}` is not a number from 1 to 65535")]
    Port(String),
    /// A user, a query, a fragment, or a path with doubtful parts.
    #[error("`{0}` has more than scheme, host, port and a plain path; remove user, query, fragment and `..`")]
    Rest(String),
}

impl Scheme {
    const ALL: [Self; 4] = [Self::Http, Self::Https, Self::Ws, Self::Wss];

    /// The scheme as written, with its separator.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Http => "http://",
            Self::Https => "https://",
            Self::Ws => "ws://",
            Self::Wss => "wss://",
        }
    }

    /// Whether TLS protects the connection.
    #[must_use]
    pub fn is_tls(self) -> bool {
        matches!(self, Self::Https | Self::Wss)
    }

    fn default_port(self) -> Port {
        if self.is_tls() { crate::settings::HTTPS_PORT } else { crate::settings::HTTP_PORT }
    }
}

impl Endpoint {
    /// Reads a URL: the scheme and host are lower-cased, a default port and a final slash are dropped.
    pub fn parse(text: &str) -> Result<Self, InvalidEndpoint> {
        let refused = || InvalidEndpoint::Scheme(text.to_owned());
        let scheme = Scheme::ALL.into_iter().find(|scheme| starts_with(text, scheme.prefix())).ok_or_else(refused)?;
        let rest = text.get(scheme.prefix().len()..).unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains(['@', '?', '#', '\\']) || !is_plain_path(path) {
            return Err(InvalidEndpoint::Rest(text.to_owned()));
        }
        let (host, port) = split_port(authority);
        let host = host_part(host).map_err(|source| InvalidEndpoint::Host { url: text.to_owned(), source })?;
        let port = match port {
            None => String::new(),
            Some(digits) => port_part(digits, scheme).ok_or_else(|| InvalidEndpoint::Port(text.to_owned()))?,
        };
        Ok(Self(format!("{}{host}{port}{}", scheme.prefix(), path.trim_end_matches('/'))))
    }

    /// How to speak to it.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        Scheme::ALL.into_iter().find(|scheme| self.0.starts_with(scheme.prefix())).unwrap_or(Scheme::Https)
    }

    /// The host as written: a DNS name, or an address (version 6 in brackets).
    #[must_use]
    pub fn host(&self) -> &str {
        split_port(self.parts().0).0
    }

    /// The host, if it is a public DNS name.
    #[must_use]
    pub fn public_host(&self) -> Option<Hostname> {
        Hostname::parse(self.host()).ok()
    }

    /// The port, written or of the scheme.
    #[must_use]
    pub fn port(&self) -> Port {
        let written = split_port(self.parts().0).1;
        written.and_then(|digits| digits.parse().ok()).unwrap_or_else(|| self.scheme().default_port())
    }

    /// Host and port as a request names them: without the port that its scheme implies.
    #[must_use]
    pub fn authority(&self) -> String {
        self.parts().0.to_owned()
    }

    /// The path without a final slash; empty for the root.
    #[must_use]
    pub fn path(&self) -> &str {
        self.parts().1
    }

    fn parts(&self) -> (&str, &str) {
        let rest = self.0.get(self.scheme().prefix().len()..).unwrap_or_default();
        rest.split_at(rest.find('/').unwrap_or(rest.len()))
    }
}

fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        // A colon inside brackets belongs to an address of version 6.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn host_part(host: &str) -> Result<String, InvalidHostname> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match bare.unwrap_or(host).parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) if bare.is_some() => Ok(format!("[{address}]")),
        Ok(IpAddr::V4(address)) if bare.is_none() => Ok(address.to_string()),
        _ => dns_name(host),
    }
}

fn port_part(digits: &str, scheme: Scheme) -> Option<String> {
    let port: Port = digits.parse().ok()?;
    if port.to_string() != digits {
        return None;
    }
    Some(if port == scheme.default_port() { String::new() } else { format!(":{port}") })
}

/// Only bytes that every server reads alike: no escapes, no empty or dotted parts.
fn is_plain_path(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'~' | b':' | b'@');
    let inner = path.strip_prefix('/').unwrap_or(path);
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    inner.is_empty() || inner.split('/').all(|part| !matches!(part, "" | "." | "..") && part.bytes().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_parts_and_keeps_one_spelling() {
        for (written, meant, host, port, path) in [
            (
                "HTTPS://Contoso.Services.ai.azure.com/api/projects/Brief/",
                "https://contoso.services.ai.azure.com/api/projects/Brief",
                "contoso.services.ai.azure.com",
                443,
                "/api/projects/Brief",
            ),
            ("https://a.example:443", "https://a.example", "a.example", 443, ""),
            ("http://127.0.0.1:9000/v1", "http://127.0.0.1:9000/v1", "127.0.0.1", 9000, "/v1"),
            ("http://[::1]:80/", "http://[::1]", "[::1]", 80, ""),
            (
                "ws://relay.kars-x--mesh.svc.cluster.local:8083/ws",
                "ws://relay.kars-x--mesh.svc.cluster.local:8083/ws",
                "relay.kars-x--mesh.svc.cluster.local",
                8083,
                "/ws",
            ),
        ] {
            let endpoint = Endpoint::parse(written).unwrap();
            assert_eq!((endpoint.as_str(), endpoint.host(), endpoint.path()), (meant, host, path));
            assert_eq!(endpoint.port().get(), port);
            assert_eq!(Endpoint::parse(meant).unwrap(), endpoint);
        }
    }

    #[test]
    fn refuses_what_two_readers_could_read_differently() {
        for text in [
            "",
            "a.example",
            "ftp://a.example",
            "//a.example",
            "https:/a.example",
            " https://a.example",
            "https://",
            "https://a@b.example",
            "https://evil.example#.a.example",
            "https://evil.example\\.a.example",
            "https://a.example?x=1",
            "https://a.example/x?y",
            "https://a.example/%2e%2e",
            "https://a.example/../b",
            "https://a.example//b",
            "https://a.example:0",
            "https://a.example:65536",
            "https://a.example:+443",
            "https://a.example:0443",
            "https://a.example:",
            "https://2130706433",
            "https://0x7f.1",
            "https://::1",
            "https://[1.2.3.4]",
            "https://evil.example;.a.example",
            "https://a.example/b c",
        ] {
            assert!(Endpoint::parse(text).is_err(), "{text}");
        }
    }
}
