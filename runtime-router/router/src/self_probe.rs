//! Whether the router enforces what it serves: it asks itself for something that the document allows and for something that it
//! refuses. Neither leaves the pod. Not here: when it asks, and what follows (`process`).

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use kars_contract::host_pattern::HostPattern;
use kars_contract::permits::Request;
use kars_contract::router::RouterDocument;
use kars_contract::{Hostname, Instant, Port, settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::policy::Generation;

/// A host that nobody has: its end is reserved for names that do not exist.
const NAME: &str = "kars-probe.invalid";
/// Where a document allows that name, an address, which none can: it is reserved for documentation.
const ADDRESS: &str = "192.0.2.1";
/// The label that stands for the star of a pattern.
const LABEL: &str = "kars-probe";
/// How long the answer of the router's own listener may take.
pub(crate) const TIME: Duration = Duration::from_secs(2);
/// What tells a refusal by the policy from any other answer.
const STATUS: &str = "HTTP/1.1 ";

/// What the router has seen itself do.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Seen {
    /// It refused what the document refuses.
    Enforced,
    /// It gave no answer that says anything, for this reason: it has too much to do, or cannot write its log.
    Nothing(String),
    /// It did not refuse it.
    Broken(String),
}

/// Asks the compiled document for something that it allows and for something that it refuses.
pub(crate) fn decides(generation: &Generation, now: Instant) -> Result<(), String> {
    let (document, policy) = (generation.document(), &generation.policy);
    let refused = refused_by(document);
    if policy.permits_host(refused, settings::HTTPS_PORT, now).allowed {
        return Err(format!("`{refused}` is allowed, which the document refuses"));
    }
    if let Some((host, port)) = allowed_host(document, now) {
        let decision = policy.permits(&Request::Egress { host: &host, port }, now);
        if !decision.allowed {
            let reason = decision.reason.as_str();
            return Err(format!("`{host}:{port}` is refused ({reason}), which the document allows"));
        }
    }
    let mut models = document.inference.iter().flat_map(|inference| &inference.allowed).flat_map(|rule| &rule.names);
    match models.next() {
        Some(name) if !policy.permits(&Request::Model { name }, now).allowed => {
            Err(format!("the model `{name}` is refused, which the document allows"))
        }
        _ => Ok(()),
    }
}

/// Asks the router's own proxy for a tunnel that the document refuses.
pub(crate) async fn refuses(document: &RouterDocument, mut proxy: SocketAddr) -> Seen {
    if proxy.ip().is_unspecified() {
        proxy.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    let target = format!("{}:{}", refused_by(document), settings::HTTPS_PORT);
    match timeout(TIME, status(proxy, &target)).await {
        Ok(Ok(status)) if status == "403" => Seen::Enforced,
        // No room, no document in force, no line of audit, or a document that takes no such request at all.
        Ok(Ok(status)) if status == "503" || status.starts_with('4') => {
            Seen::Nothing(format!("the proxy answers {status} to a request for `{target}`"))
        }
        Ok(Ok(status)) => {
            Seen::Broken(format!("the proxy answers {status} to a request for `{target}`, which the document refuses"))
        }
        Ok(Err(error)) => Seen::Nothing(format!("the proxy does not answer: {error}")),
        Err(_) => Seen::Nothing("the proxy takes too long to answer".to_owned()),
    }
}

/// The status of the answer to a request for a tunnel.
async fn status(proxy: SocketAddr, target: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(proxy).await?;
    stream.write_all(format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n\r\n").as_bytes()).await?;
    let mut start = vec![0; STATUS.len() + "403".len()];
    stream.read_exact(&mut start).await?;
    let start = String::from_utf8_lossy(&start).into_owned();
    Ok(start.strip_prefix(STATUS).unwrap_or(&start).to_owned())
}

/// A host that the document refuses. While it learns it refuses no public name.
fn refused_by(document: &RouterDocument) -> &'static str {
    let probe = Hostname::parse(NAME).expect("it is a name of two labels");
    let allows_it = document.learn.is_some() || document.egress.iter().any(|rule| rule.host.matches(&probe));
    if allows_it { ADDRESS } else { NAME }
}

/// A host and port that the document allows now, if it allows any.
fn allowed_host(document: &RouterDocument, now: Instant) -> Option<(Hostname, Port)> {
    let mut open = document.egress.iter().filter(|rule| rule.until.is_none_or(|until| now < until));
    open.find_map(|rule| Some((one_of(&rule.host)?, *rule.ports.first()?)))
}

/// A host that a pattern means.
fn one_of(pattern: &HostPattern) -> Option<Hostname> {
    match pattern {
        HostPattern::Exact(host) => Some(host.clone()),
        // None fits in front of a base that has the full length of a name.
        HostPattern::OneLabel(base) | HostPattern::AnyDepth(base) => Hostname::parse(&format!("{LABEL}.{base}")).ok(),
    }
}

#[cfg(test)]
mod tests {
    use kars_contract::permits::Policy;
    use kars_contract::router::{EgressRule, Learn};
    use kars_kit::clock::now;
    use tokio::net::TcpListener;

    use super::*;

    fn document(hosts: &[&str]) -> RouterDocument {
        let mut document = Generation::example().document().clone();
        let rule = |(place, host): (usize, &&str)| EgressRule {
            id: format!("egress[{place}]").parse().unwrap(),
            host: host.parse().unwrap(),
            ports: [settings::HTTPS_PORT].into(),
            until: None,
            reason: String::new(),
            ticket: None,
            preset: None,
            channel: None,
            labels: std::collections::BTreeSet::new(),
        };
        document.egress = hosts.iter().enumerate().map(rule).collect();
        document
    }

    #[test]
    fn what_a_document_says_is_what_is_decided() {
        let right = document(&["a.example"]);
        assert!(right.inference.as_ref().is_some_and(|inference| !inference.allowed.is_empty()));
        let mut generation = Generation::of(&right);
        decides(&generation, now()).unwrap();
        generation.policy = Policy::new(&document(&[]));
        let problem = decides(&generation, now()).unwrap_err();
        assert!(problem.contains("(host-not-listed), which the document allows"), "{problem}");
        generation.policy = Policy::new(&RouterDocument { inference: None, ..right });
        let problem = decides(&generation, now()).unwrap_err();
        assert!(problem.starts_with("the model `") && problem.ends_with("which the document allows"), "{problem}");
        generation.policy = Policy::new(&document(&["**.probe.invalid", NAME]));
        let problem = decides(&generation, now()).unwrap_err();
        assert_eq!(problem, "`kars-probe.invalid` is allowed, which the document refuses");
    }

    #[test]
    fn every_document_refuses_something_and_most_allow_something() {
        let learning = Learn { id: "learn".parse().unwrap(), until: Instant::MAX };
        for (hosts, learn, refused, allowed) in [
            (&["a.example"][..], None, NAME, Some("a.example")),
            (&["*.a.example", "b.example"], None, NAME, Some("kars-probe.a.example")),
            (&["**.a.example"], None, NAME, Some("kars-probe.a.example")),
            (&[NAME], None, ADDRESS, Some(NAME)),
            (&["**.b.invalid"], None, NAME, Some("kars-probe.b.invalid")),
            (&[], Some(learning), ADDRESS, None),
        ] {
            let document = RouterDocument { learn, ..document(hosts) };
            assert_eq!(refused_by(&document), refused, "{hosts:?}");
            let found = allowed_host(&document, now()).map(|(host, _)| host.to_string());
            assert_eq!(found.as_deref(), allowed, "{hosts:?}");
            let policy = Policy::new(&document);
            assert!(!policy.permits_host(refused, settings::HTTPS_PORT, now()).allowed, "{hosts:?}");
        }
        let mut ended = document(&["a.example", "b.example"]);
        ended.egress[0].until = Some(now());
        assert_eq!(allowed_host(&ended, now()).unwrap().0.as_str(), "b.example");
        ended.egress[1].ports.clear();
        assert_eq!(allowed_host(&ended, now()), None);
    }

    #[tokio::test]
    async fn only_a_refusal_by_the_policy_proves_anything() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = listener.local_addr().unwrap();
        let document = document(&[]);
        for (answer, seen) in [
            ("HTTP/1.1 403 not allowed\r\n\r\n", "Enforced"),
            ("HTTP/1.1 200 Connection established\r\n\r\n", "Broken"),
            // It was allowed, and the name was looked for.
            ("HTTP/1.1 502 x\r\n\r\n", "Broken"),
            ("HTTP/1.1 504 x\r\n\r\n", "Broken"),
            ("SSH-2.0-OpenSSH\r\n", "Broken"),
            ("HTTP/1.1 503 x\r\n\r\n", "Nothing"),
            ("HTTP/1.1 400 x\r\n\r\n", "Nothing"),
            ("", "Nothing"),
        ] {
            let answered = async {
                let mut client = listener.accept().await.unwrap().0;
                let mut asked = [0; 100];
                let length = client.read(&mut asked).await.unwrap();
                client.write_all(answer.as_bytes()).await.unwrap();
                String::from_utf8(asked[..length].to_vec()).unwrap()
            };
            let (found, asked) = tokio::join!(refuses(&document, proxy), answered);
            assert!(format!("{found:?}").starts_with(seen), "{answer}: {found:?}");
            assert_eq!(asked, "CONNECT kars-probe.invalid:443 HTTP/1.1\r\nhost: kars-probe.invalid:443\r\n\r\n");
        }
        drop(listener);
        assert!(matches!(refuses(&document, proxy).await, Seen::Nothing(_)));
    }
}
