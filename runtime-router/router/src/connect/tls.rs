//! TLS as a client: which authorities count. Not here: TLS that agents speak themselves, which passes the proxy unopened.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use kars_contract::host::Hostname;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Speaks TLS to hosts that show a certificate for their name. Cloning is cheap.
#[derive(Clone)]
pub struct Tls(TlsConnector);

/// Why no authority counts.
#[derive(Debug, thiserror::Error)]
pub enum NoAuthorities {
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file is no list of certificates.
    #[error("it is no PEM file of certificates: {0}")]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// A certificate is none of an authority.
    #[error("one of its certificates is none of an authority: {0}")]
    Certificate(#[from] rustls::Error),
    /// The file holds none.
    #[error("it holds no certificate")]
    Empty,
}

impl Tls {
    /// Trusts the authorities of this file, or Mozilla's as they are built in.
    pub fn new(file: Option<&Path>) -> Result<Self, NoAuthorities> {
        let mut roots = RootCertStore::empty();
        match file {
            Some(path) => {
                for certificate in CertificateDer::pem_slice_iter(&fs::read(path)?) {
                    roots.add(certificate?)?;
                }
            }
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        }
        if roots.is_empty() {
            return Err(NoAuthorities::Empty);
        }
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Shakes hands with a host, which must prove its name.
    pub async fn connect(&self, host: &Hostname, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.as_str().to_owned()).map_err(io::Error::other)?;
        self.0.connect(name, stream).await
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Tls")
    }
}
