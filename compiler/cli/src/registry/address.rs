//! Where an artifact lies: `oci://HOST/REPOSITORY`, with a tag or a digest. Not here: what lies there.

use std::fmt;
use std::str::FromStr;

use kars_contract::digest::Digest;
use oci_client::Reference;

/// A repository, and perhaps what of it is meant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Address {
    /// The host, with its port where one is written.
    pub(crate) host: String,
    pub(crate) repository: String,
    pub(crate) tag: Option<String>,
    pub(crate) digest: Option<Digest>,
}

/// Why a text is no address.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum InvalidAddress {
    #[error("`{0}` does not start with `oci://`")]
    Scheme(String),
    #[error("`{0}` names no host: write `oci://HOST/REPOSITORY:TAG`")]
    Host(String),
    #[error("`{0}` is not a reference: {1}")]
    Reference(String, String),
    #[error("`{0}` names another digest than SHA-256")]
    Digest(String),
}

impl Address {
    /// Reads the name of an image as container tools do: without a host it lies in Docker Hub.
    pub(crate) fn of_image(text: &str) -> Result<Self, InvalidAddress> {
        let reference: Reference =
            text.parse().map_err(|error| InvalidAddress::Reference(text.to_owned(), format!("{error}")))?;
        let digest = reference.digest().map(Digest::parse).transpose();
        let digest = digest.map_err(|_| InvalidAddress::Digest(text.to_owned()))?;
        let name = text.split('@').next().unwrap_or_default();
        let tagged = name.rsplit('/').next().is_some_and(|last| last.contains(':'));
        Ok(Self {
            host: reference.registry().to_owned(),
            repository: reference.repository().to_owned(),
            tag: reference.tag().filter(|_| tagged).map(str::to_owned),
            digest,
        })
    }

    /// The host that answers for it.
    pub(super) fn server(&self) -> &str {
        if self.host == "docker.io" { "index.docker.io" } else { &self.host }
    }

    /// Whether the host is this machine.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.host.split(':').next().unwrap_or_default();
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// What is meant of the repository: its digest, else its tag, else `latest`.
    pub(crate) fn selector(&self) -> &str {
        self.digest.as_ref().map(Digest::as_str).or(self.tag.as_deref()).unwrap_or("latest")
    }

    /// The repository with a digest, as container tools write it.
    pub(crate) fn pinned(&self, digest: &Digest) -> String {
        format!("{}/{}@{digest}", self.host, self.repository)
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let rest = text.strip_prefix("oci://").ok_or_else(|| InvalidAddress::Scheme(text.to_owned()))?;
        let host = rest.split_once('/').map_or("", |(host, _)| host);
        if host != "localhost" && !host.contains(['.', ':']) {
            return Err(InvalidAddress::Host(text.to_owned()));
        }
        Self::of_image(rest)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "oci://{}/{}", self.host, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        self.digest.as_ref().map_or(Ok(()), |digest| write!(formatter, "@{digest}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        let digest = Digest::of(b"");
        for text in [
            "oci://ghcr.io/acme/brief",
            "oci://ghcr.io/acme/brief:prod",
            "oci://127.0.0.1:5000/brief:prod",
            &format!("oci://localhost:5000/brief@{digest}"),
            &format!("oci://ghcr.io/acme/brief:prod@{digest}"),
        ] {
            assert_eq!(text.parse::<Address>().map(|address| address.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "ghcr.io/acme/brief",
            "oci://brief",
            "oci://acme/brief",
            "oci://ghcr.io/Acme",
            "oci://ghcr.io/a:b c",
            "oci://[::1]:5000/brief",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
        for digest in ["sha512:00", "sha256:00", &Digest::of(b"").as_str().to_uppercase()] {
            assert!(format!("oci://ghcr.io/a@{digest}").parse::<Address>().is_err(), "{digest}");
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for (host, is_loopback) in
            [("localhost:5000", true), ("127.1.2.3", true), ("localhost.example.org", false), ("10.0.0.1:80", false)]
        {
            let address = Address { host: host.to_owned(), repository: "a".to_owned(), tag: None, digest: None };
            assert_eq!(address.is_loopback(), is_loopback, "{host}");
        }
    }
}
