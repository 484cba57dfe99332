//! URLs that an agent wants fetched, read strictly: the host that is decided is the host that is connected to.
//!
//! Not here: base URLs of documents (`kars_contract::Endpoint`).

use hyper::Uri;
use kars_contract::agent_api::ErrorCode;
use kars_contract::{Hostname, Port};

use super::authority;
use crate::refusal::Refusal;

/// A URL in its parts.
#[derive(Clone, Debug)]
pub struct Url {
    /// Whether TLS is spoken.
    pub tls: bool,
    /// The host.
    pub host: Hostname,
    /// The port, written or of the scheme.
    pub port: Port,
    /// Path and query, as they go to the host.
    pub path: Uri,
}

impl Url {
    /// Reads `http://` or `https://`, a host, and what follows. A fragment stays here.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let (tls, rest) = match (after(text, "http://"), after(text, "https://")) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => return Err(wrong("only `http://` and `https://` can be fetched")),
        };
        let (authority, behind) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (host, port) = authority::of_url(authority, tls)?;
        let sent = behind.split('#').next().unwrap_or_default();
        if !sent.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
            return Err(wrong("its path holds characters that must be percent-encoded"));
        }
        let path = if sent.starts_with('/') { sent.to_owned() } else { format!("/{sent}") };
        let path = path.parse().map_err(|_| wrong("its path cannot be sent"))?;
        Ok(Self { tls, host, port, path })
    }
}

fn after<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn wrong(problem: &str) -> Refusal {
    Refusal::new(ErrorCode::ArgsWrong, format!("`url` cannot be fetched: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_what_stands_before_the_first_mark() {
        for (text, host, port, path) in [
            ("https://a.example", "a.example", 443, "/"),
            ("HTTPS://A.Example./x?y=1#z", "a.example", 443, "/x?y=1"),
            ("hTtP://a.example:8080?q", "a.example", 8080, "/?q"),
            ("https://evil.example#.a.example/", "evil.example", 443, "/"),
            ("https://evil.example?.a.example", "evil.example", 443, "/?.a.example"),
            ("https://evil.example/@a.example", "evil.example", 443, "/@a.example"),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!(
                (url.host.as_str(), url.port.get(), url.path.to_string().as_str()),
                (host, port, path),
                "{text}"
            );
        }
        for text in [
            "",
            "//a.example",
            "https:/a.example",
            "https:a.example",
            " https://a.example",
            "https://a.example ",
            "\thttps://a.example",
            "https://a.example/\n",
            "ftp://a.example",
            "file:///etc/passwd",
            "gopher://a.example",
            "ws://a.example",
            "https://",
            "https:///x",
            "https://evil.example\\.a.example/",
            "https://a.example@evil.example/",
            "https://user:pass@a.example/",
            "https://evil.example;.a.example",
            "https://evil.example%23.a.example",
            "https://evil.example%00.a.example",
            "https://evil.example\0.a.example",
            "https://a.example:0443/",
            "https://a.example:/",
            "https://[::1]/",
            "https://2130706433/",
            "https://169.254.169.254/latest",
            "https://a.example/ü",
            "https://a.example/a b",
            "https://a.example/\\..",
            "https://localhost/",
            "https://bücher.example/",
        ] {
            assert!(Url::parse(text).is_err(), "{text:?}");
        }
    }
}
