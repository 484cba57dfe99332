//! A TLS ClientHello: the name that a client asks for. Not here: TLS itself, which passes unopened.

use kars_contract::host::Hostname;

/// Bytes of a record's header.
const RECORD_HEADER: usize = 5;
/// The most that a record may hold.
const LARGEST_RECORD: usize = 16_384;
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const HOST_NAME: u8 = 0;

/// What a ClientHello says that matters here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Hello {
    /// The name of the server; absent where none is named.
    pub(super) name: Option<String>,
}

/// Bytes that are no ClientHello.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub(super) struct NoHello(&'static str);

impl Hello {
    /// The name, as any other host name is read.
    pub(super) fn host(&self) -> Option<Hostname> {
        Hostname::parse(self.name.as_deref()?).ok()
    }
}

/// Reads a ClientHello from the start of a stream; `None` where more must come.
pub(super) fn read(stream: &[u8]) -> Result<Option<Hello>, NoHello> {
    let (mut message, mut rest) = (Vec::new(), stream);
    loop {
        if let Some(hello) = complete(&message)? {
            return client_hello(hello).map(Some);
        }
        let Some((header, behind)) = rest.split_at_checked(RECORD_HEADER) else {
            return check_header(rest).map(|()| None);
        };
        check_header(header)?;
        let length = number(header.get(3..).unwrap_or_default());
        if length == 0 || length > LARGEST_RECORD {
            return Err(NoHello("a record of the handshake is empty or too long"));
        }
        let Some((fragment, next)) = behind.split_at_checked(length) else { return Ok(None) };
        message.extend_from_slice(fragment);
        rest = next;
    }
}

/// As much of a record's header as is there.
fn check_header(header: &[u8]) -> Result<(), NoHello> {
    if header.first().is_some_and(|kind| *kind != HANDSHAKE) || header.get(1).is_some_and(|major| *major != 3) {
        return Err(NoHello("the handshake is not made of TLS records"));
    }
    Ok(())
}

/// The body of the message, once all of it is there.
fn complete(message: &[u8]) -> Result<Option<&[u8]>, NoHello> {
    let Some((header, body)) = message.split_at_checked(4) else { return Ok(None) };
    if header.first() != Some(&CLIENT_HELLO) {
        return Err(NoHello("the handshake does not begin with a ClientHello"));
    }
    Ok(body.get(..number(header.get(1..).unwrap_or_default())))
}

fn client_hello(body: &[u8]) -> Result<Hello, NoHello> {
    let mut reader = Reader(body);
    // Version and random.
    reader.take(2 + 32)?;
    // Session, cipher suites, compression methods.
    reader.vector(1)?;
    reader.vector(2)?;
    reader.vector(1)?;
    if reader.0.is_empty() {
        return Ok(Hello { name: None });
    }
    let mut extensions = Reader(reader.vector(2)?);
    if !reader.0.is_empty() {
        return Err(NoHello("bytes follow the extensions of the ClientHello"));
    }
    let mut name = None;
    while !extensions.0.is_empty() {
        let kind = number(extensions.take(2)?);
        let content = extensions.vector(2)?;
        if kind == usize::from(SERVER_NAME) && name.replace(server_name(content)?).is_some() {
            return Err(NoHello("the ClientHello names its server twice"));
        }
    }
    Ok(Hello { name })
}

fn server_name(content: &[u8]) -> Result<String, NoHello> {
    let mut reader = Reader(content);
    let mut list = Reader(reader.vector(2)?);
    let kind = list.take(1)?;
    let name = list.vector(2)?;
    if !reader.0.is_empty() || !list.0.is_empty() || kind != [HOST_NAME] {
        return Err(NoHello("the ClientHello does not name exactly one server"));
    }
    String::from_utf8(name.to_vec()).map_err(|_| NoHello("the name of the server is not text"))
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
}

/// Takes bytes from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], NoHello> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(NoHello("the ClientHello ends early"))?;
        self.0 = rest;
        Ok(taken)
    }

    /// Bytes behind their length, which has so many bytes.
    fn vector(&mut self, width: usize) -> Result<&'a [u8], NoHello> {
        let length = number(self.take(width)?);
        self.take(length)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, ClientConnection, RootCertStore};

    use super::*;

    /// The bytes that a real client begins with.
    fn real(name: &str) -> Vec<u8> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        bytes
    }

    fn record(content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[HANDSHAKE, 3, 1], length.as_slice(), content].concat()
    }

    fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [kind.to_be_bytes().as_slice(), &length, content].concat()
    }

    fn names(names: &[&str]) -> Vec<u8> {
        let list: Vec<u8> = names
            .iter()
            .flat_map(|name| [&[HOST_NAME, 0, u8::try_from(name.len()).unwrap()], name.as_bytes()].concat())
            .collect();
        [&u16::try_from(list.len()).unwrap().to_be_bytes(), list.as_slice()].concat()
    }

    fn message(extensions: &[Vec<u8>]) -> Vec<u8> {
        let extensions = extensions.concat();
        let length = u16::try_from(extensions.len()).unwrap().to_be_bytes();
        let body = [[3; 34].as_slice(), &[0, 0, 2, 19, 1, 1, 0], &length, &extensions].concat();
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[CLIENT_HELLO], &length[1..], body.as_slice()].concat()
    }

    fn named(name: &str) -> Hello {
        Hello { name: Some(name.to_owned()) }
    }

    #[test]
    fn a_real_hello_is_read_however_it_is_cut() {
        let bytes = real("a.example");
        for cut in 0..bytes.len() {
            assert_eq!(read(&bytes[..cut]), Ok(None), "{cut}");
        }
        let expected = Ok(Some(named("a.example")));
        assert_eq!(read(&bytes), expected);
        assert_eq!(read(&[bytes.as_slice(), b"behind"].concat()), expected);
        let message = &bytes[RECORD_HEADER..];
        for cut in 1..message.len() {
            let split = [record(&message[..cut]), record(&message[cut..])].concat();
            assert_eq!(read(&split), expected, "{cut}");
            assert_eq!(read(&split[..split.len() - 1]), Ok(None), "{cut}");
        }
        let single: Vec<u8> = message.iter().flat_map(|byte| record(&[*byte])).collect();
        assert_eq!(read(&single), expected);
    }

    #[test]
    fn unknown_extensions_are_passed_over() {
        for kind in [0x0a0a_u16, 0xfafa, 0xfe0d, 0xffce, 43] {
            let bytes = record(&message(&[extension(kind, b"anything"), extension(0, &names(&["a.example"]))]));
            assert_eq!(read(&bytes), Ok(Some(named("a.example"))), "{kind:x}");
        }
        assert_eq!(read(&record(&message(&[extension(0x0a0a, b"")]))), Ok(Some(Hello { name: None })));
    }

    #[test]
    fn what_is_no_hello_is_refused() {
        let twice = [extension(0, &names(&["a.example"])), extension(0, &names(&["b.example"]))];
        for bytes in [
            record(&message(&twice)),
            record(&message(&[extension(0, &names(&["a.example", "b.example"]))])),
            record(&message(&[extension(0, &names(&[]))])),
            record(&message(&[extension(0, b"")])),
            record(&message(&[extension(0, &[0, 4, 1, 0, 1, b'a'])])),
            record(&message(&[extension(0, &[0, 4, 0, 0, 1, 0xff])])),
            record(&[message(&[]), vec![0]].concat().split_off(1)),
            record(b""),
            record(&[2, 0, 0, 0]),
            [HANDSHAKE, 3, 1, 0x40, 1].to_vec(),
            [HANDSHAKE, 2].to_vec(),
            [0x80, 0x2e, 1, 3, 1].to_vec(),
            [record(&[1, 0, 0, 9, 0]), vec![23, 3, 3, 0, 1, 0]].concat(),
        ] {
            assert!(read(&bytes).is_err(), "{bytes:?}");
        }
        let name = |text: &str| Hello { name: Some(text.to_owned()) }.host().map(String::from);
        assert_eq!(name("A.Example."), Some("a.example".to_owned()));
        assert_eq!(name("127.0.0.1"), None);
        assert_eq!(name("a\0.example"), None);
    }

    #[test]
    fn garbage_never_panics() {
        let good = real("a.example");
        for place in 0..good.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut bytes = good.clone();
                bytes[place] = value;
                drop(read(&bytes));
            }
        }
    }
}
