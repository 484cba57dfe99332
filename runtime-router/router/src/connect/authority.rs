//! Host and port as clients write them: one reading, so that what is decided is what is connected to. Not here: deciding.

use std::net::IpAddr;

use kars_contract::agent_api::ErrorCode;
use kars_contract::host::{Hostname, InvalidHostname};
use kars_contract::{Port, settings};

use super::special_use::is_special;
use crate::refusal::{Refusal, shown};

/// Reads `host:port`, where the port must be written.
pub fn with_port(text: &str) -> Result<(Hostname, Port), Refusal> {
    match parts(text)? {
        (host, Some(port)) => Ok((hostname(host)?, port)),
        (_, None) => Err(malformed(text, "it names no port")),
    }
}

/// Reads `host` or `host:port`.
pub fn parse(text: &str) -> Result<(Hostname, Option<Port>), Refusal> {
    let (host, port) = parts(text)?;
    Ok((hostname(host)?, port))
}

/// Reads the authority of a URL: without a port, that of its scheme is meant.
pub fn of_url(text: &str, tls: bool) -> Result<(Hostname, Port), Refusal> {
    let (host, port) = parse(text)?;
    Ok((host, port.unwrap_or(if tls { settings::HTTPS_PORT } else { settings::HTTP_PORT })))
}

/// Reads a host name. An address is none, and a special one is told apart.
pub fn hostname(text: &str) -> Result<Hostname, Refusal> {
    let shown = shown(text);
    Hostname::parse(text).map_err(|error| match error {
        InvalidHostname::IpAddress if literal(text).is_some_and(is_special) => {
            Refusal::new(ErrorCode::EgressSpecialUse, format!("`{shown}` is an address that no agent may reach"))
        }
        InvalidHostname::IpAddress | InvalidHostname::SingleLabel(_) | InvalidHostname::Local(_) => {
            Refusal::new(ErrorCode::EgressDenied, format!("`{shown}` is refused: {error}"))
        }
        InvalidHostname::Empty
        | InvalidHostname::NotAscii(_)
        | InvalidHostname::Punycode(_)
        | InvalidHostname::NotDns
        | InvalidHostname::TooLong => malformed(text, &error.to_string()),
    })
}

fn literal(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok()
}

fn parts(text: &str) -> Result<(&str, Option<Port>), Refusal> {
    if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']')) {
        return Err(malformed(text, "it is no host and port"));
    }
    let (host, digits) = match text.rsplit_once(':') {
        Some((host, digits)) if !digits.ends_with(']') => (host, digits),
        _ => return Ok((text, None)),
    };
    // A colon left in a name belongs to an address of version 6, which stands in brackets.
    if host.contains([':', '[', ']']) && (literal(host).is_none() || !host.starts_with('[')) {
        return Err(malformed(text, "it is no host and port"));
    }
    match digits.parse::<u16>().ok().filter(|number| number.to_string() == digits).and_then(Port::new) {
        Some(port) => Ok((host, Some(port))),
        None => Err(malformed(text, "its port is no number from 1 to 65535")),
    }
}

fn malformed(text: &str, problem: &str) -> Refusal {
    let shown = shown(text);
    Refusal::new(ErrorCode::ArgsWrong, format!("`{shown}` cannot be connected to: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_has_one_spelling() {
        for (text, host, port) in [
            ("a.example:443", "a.example", 443),
            ("A.Example.:1", "a.example", 1),
            ("a.example:65535", "a.example", 65535),
        ] {
            let (found, number) = with_port(text).unwrap();
            assert_eq!((found.as_str(), number.get()), (host, port));
        }
        for text in [
            "a.example",
            "a.example:",
            "a.example:0",
            "a.example:65536",
            "a.example:-1",
            "a.example:https",
            "a.example:+443",
            "a.example:0443",
            "a.example: 443",
            "a.example:443 ",
            "a@b.example:443",
            "a.example/x:443",
            "a.example:443/",
            "a.example?:443",
            "http://a.example:443",
            "a.example:1:2",
            "a,b.example:443",
            "a.example:443,b.example:443",
            ":443",
            "",
            "[[::1]]:443",
            "::1:443",
            "a%2e.example:443",
            "a\\b.example:443",
            "a;b.example:443",
            "🔐.example:443",
        ] {
            assert_eq!(with_port(text).unwrap_err().code(), ErrorCode::ArgsWrong, "{text}");
        }
    }

    #[test]
    fn an_address_is_no_name_in_any_spelling() {
        for (text, code) in [
            ("169.254.169.254", ErrorCode::EgressSpecialUse),
            ("127.0.0.1", ErrorCode::EgressSpecialUse),
            ("[::1]", ErrorCode::EgressSpecialUse),
            ("[::ffff:169.254.169.254]", ErrorCode::EgressSpecialUse),
            ("8.8.8.8", ErrorCode::EgressDenied),
            ("[2600::1]", ErrorCode::EgressDenied),
            ("2130706433", ErrorCode::EgressDenied),
            ("0177.0.0.1", ErrorCode::EgressDenied),
            ("0x7f.1", ErrorCode::EgressDenied),
            ("127.1", ErrorCode::EgressDenied),
            ("localhost", ErrorCode::EgressDenied),
            ("kubernetes.default.svc", ErrorCode::EgressDenied),
            ("host.docker.internal", ErrorCode::EgressDenied),
            ("a..b", ErrorCode::ArgsWrong),
            ("a_b.example", ErrorCode::ArgsWrong),
        ] {
            assert_eq!(parse(&format!("{text}:443")).unwrap_err().code(), code, "{text}");
        }
    }
}
