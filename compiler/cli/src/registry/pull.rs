//! Reading from a repository: a tag once, everything else by digest. Not here: what the bytes mean.

use std::collections::BTreeMap;

use kars_contract::digest::Digest;
use oci_client::manifest::{
    IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, ImageIndexEntry, OCI_IMAGE_INDEX_MEDIA_TYPE,
    OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageIndex, OciImageManifest,
};
use reqwest::Method;

use super::http::{Ask, Reply, place};
use super::{Fault, Registry};

/// How many layers an artifact may have.
const MOST_LAYERS: usize = 64;
/// How many entries of an index are looked at.
const MOST_ENTRIES: usize = 1000;

/// A manifest as the registry holds it.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) bytes: Vec<u8>,
    /// Of the bytes.
    pub(crate) digest: Digest,
}

/// What refers to an artifact, and where it was found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Referrers {
    pub(crate) entries: Vec<ImageIndexEntry>,
    /// What was looked at, for whom nothing is found.
    pub(crate) looked_at: Vec<String>,
}

impl Registry {
    /// The manifest of a tag or a digest.
    pub(crate) fn manifest(&self, selector: &str) -> Result<Content, Fault> {
        let accept = [
            OCI_IMAGE_MEDIA_TYPE,
            OCI_IMAGE_INDEX_MEDIA_TYPE,
            IMAGE_MANIFEST_MEDIA_TYPE,
            IMAGE_MANIFEST_LIST_MEDIA_TYPE,
        ]
        .join(", ");
        let most = self.http.limits.manifest;
        let (reply, place) = self.get(&format!("manifests/{selector}"), &accept, most)?;
        let digest = Digest::of(&reply.body);
        let claimed = reply.headers.get("docker-content-digest").and_then(|value| value.to_str().ok());
        let claimed = claimed.and_then(|text| Digest::parse(text).ok());
        let asked = Digest::parse(selector).ok();
        for expected in [claimed, asked].into_iter().flatten() {
            if expected != digest {
                return Err(Fault::OtherDigest { place, found: digest, asked: expected });
            }
        }
        Ok(Content { digest, bytes: reply.body })
    }

    /// A blob, by the descriptor of a manifest.
    pub(crate) fn blob(&self, descriptor: &OciDescriptor) -> Result<Vec<u8>, Fault> {
        self.blob_within(descriptor, self.http.limits.blob)
    }

    /// A blob of so many bytes at most.
    pub(super) fn blob_within(&self, descriptor: &OciDescriptor, most: u64) -> Result<Vec<u8>, Fault> {
        let named = &descriptor.digest;
        let malformed = |reason| Fault::Malformed { place: named.clone(), reason };
        let asked = Digest::parse(named).map_err(|_| malformed("its digest is not a SHA-256".to_owned()))?;
        let size = u64::try_from(descriptor.size).map_err(|_| malformed("its size is negative".to_owned()))?;
        if size > most {
            return Err(Fault::TooLarge { place: named.clone(), limit: most });
        }
        let (reply, place) = self.get(&format!("blobs/{asked}"), "*/*", size)?;
        let found = Digest::of(&reply.body);
        if found != asked {
            return Err(Fault::OtherDigest { place, found, asked });
        }
        Ok(reply.body)
    }

    /// What refers to a manifest: by the registry's own index, and under the tag that stands in for it.
    pub(crate) fn referrers(&self, subject: &Digest) -> Result<Referrers, Fault> {
        let mut found: BTreeMap<String, ImageIndexEntry> = BTreeMap::new();
        let mut looked_at = Vec::new();
        let most = self.http.limits.manifest;
        for path in [format!("referrers/{subject}"), format!("manifests/{}", fallback_tag(subject))] {
            looked_at.push(path.clone());
            let index = self.get(&path, OCI_IMAGE_INDEX_MEDIA_TYPE, most);
            let index = match index.and_then(|(reply, place)| index_of(&reply.body, &place)) {
                Ok(index) => index,
                // A registry without this interface says so in several ways, and one list may be broken where another is not.
                Err(
                    Fault::NotFound(_)
                    | Fault::Status { status: 400..=499, .. }
                    | Fault::Malformed { .. }
                    | Fault::TooLarge { .. },
                ) => continue,
                Err(fault) => return Err(fault),
            };
            found.extend(index.manifests.into_iter().map(|entry| (entry.digest.clone(), entry)));
        }
        Ok(Referrers { entries: found.into_values().collect(), looked_at })
    }

    fn get(&self, path: &str, accept: &str, most: u64) -> Result<(Reply, String), Fault> {
        let url = self.http.url(path);
        let place = place(&url);
        let ask = Ask { method: Method::GET, url, accept, body: None, most };
        Ok((self.runtime.block_on(self.http.ask(&ask))?, place))
    }
}

/// The tag under which referrers are listed where a registry does not list them itself.
pub(crate) fn fallback_tag(subject: &Digest) -> String {
    format!("sha256-{}", subject.hex())
}

/// Reads the manifest of an artifact.
pub(crate) fn manifest_of(content: &Content) -> Result<OciImageManifest, Fault> {
    let malformed = |reason| Fault::Malformed { place: content.digest.to_string(), reason };
    let manifest: OciImageManifest =
        serde_json::from_slice(&content.bytes).map_err(|error| malformed(error.to_string()))?;
    if manifest.layers.len() > MOST_LAYERS {
        return Err(malformed(format!("it has {} layers, more than {MOST_LAYERS}", manifest.layers.len())));
    }
    Ok(manifest)
}

/// Reads an index.
pub(crate) fn index_of(bytes: &[u8], place: &str) -> Result<OciImageIndex, Fault> {
    let malformed = |reason| Fault::Malformed { place: place.to_owned(), reason };
    let index: OciImageIndex = serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
    if index.manifests.len() > MOST_ENTRIES {
        return Err(malformed(format!("it has {} entries, more than {MOST_ENTRIES}", index.manifests.len())));
    }
    Ok(index)
}
