//! The order in which an artifact appears: its bytes, its manifest by digest, its signatures, and the tag at last. Whoever
//! looks at any moment finds the tag as it was, or something signed; doing it again completes what was broken off.

use kars_contract::digest::Digest;
use oci_client::manifest::{OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageIndex};

use super::pull::{fallback_tag, index_of, manifest_of};
use super::{Fault, Registry};
use crate::package::artifact::Artifact;
use crate::package::legacy::{self, Legacy};
use crate::package::referrer::{EMPTY, Referrer};

/// How often the list of signatures is written, and read back, at most.
const LISTINGS: usize = 4;

/// An artifact with all that vouches for it.
#[derive(Debug)]
pub(crate) struct Publication {
    pub(crate) artifact: Artifact,
    /// Signatures before attestations.
    pub(crate) referrers: Vec<Referrer>,
    pub(crate) legacy: Vec<Legacy>,
    pub(crate) tag: String,
}

impl Registry {
    /// Publishes. `step` is told what comes next.
    pub(crate) fn publish(&self, publication: &Publication, step: &dyn Fn(&str)) -> Result<(), Fault> {
        let Publication { artifact, referrers, legacy, tag } = publication;
        step("the layer");
        self.push_blob(&artifact.layer.bytes, &artifact.layer.digest)?;
        step("the manifest");
        self.push_blob(&artifact.config, &Digest::of(&artifact.config))?;
        self.push_manifest(&artifact.manifest, OCI_IMAGE_MEDIA_TYPE, artifact.digest.as_str())?;
        step("signatures");
        self.push_blob(EMPTY, &Digest::of(EMPTY))?;
        for referrer in referrers {
            self.push_blob(&referrer.bundle, &Digest::of(&referrer.bundle))?;
            self.push_manifest(&referrer.manifest, OCI_IMAGE_MEDIA_TYPE, referrer.digest.as_str())?;
        }
        self.list(&artifact.digest, referrers)?;
        if !legacy.is_empty() {
            self.claim(&artifact.digest, legacy)?;
        }
        step("the tag");
        self.push_manifest(&artifact.manifest, OCI_IMAGE_MEDIA_TYPE, tag)
    }

    /// Lists referrers under the tag that stands in for a registry's own index, beside those that are there. It is read back,
    /// since whoever signs the same artifact at the same moment may have replaced it.
    fn list(&self, subject: &Digest, referrers: &[Referrer]) -> Result<(), Fault> {
        let tag = fallback_tag(subject);
        for _ in 0..LISTINGS {
            let mut index = match self.manifest(&tag) {
                Ok(there) => index_of(&there.bytes, &tag)?,
                Err(Fault::NotFound(_)) => OciImageIndex {
                    schema_version: 2,
                    media_type: Some(OCI_IMAGE_INDEX_MEDIA_TYPE.to_owned()),
                    manifests: Vec::new(),
                    artifact_type: None,
                    annotations: None,
                },
                Err(fault) => return Err(fault),
            };
            let new = referrers.iter().map(Referrer::entry);
            let missing: Vec<_> =
                new.filter(|entry| index.manifests.iter().all(|there| there.digest != entry.digest)).collect();
            if missing.is_empty() {
                return Ok(());
            }
            index.manifests.extend(missing);
            let bytes = serde_json::to_vec(&index).expect("its keys are text");
            self.push_manifest(&bytes, OCI_IMAGE_INDEX_MEDIA_TYPE, &tag)?;
        }
        Err(Fault::Malformed { place: tag, reason: "others keep replacing the list of signatures".to_owned() })
    }

    /// Puts claims under the older tag, beside those that are there.
    fn claim(&self, subject: &Digest, claims: &[Legacy]) -> Result<(), Fault> {
        let tag = legacy::tag(subject);
        let mut layers: Vec<OciDescriptor> = match self.manifest(&tag) {
            Ok(there) => manifest_of(&there)?.layers,
            Err(Fault::NotFound(_)) => Vec::new(),
            Err(fault) => return Err(fault),
        };
        for Legacy { payload, layer } in claims {
            self.push_blob(payload, &Digest::of(payload))?;
            if layers.iter().all(|there| there.annotations != layer.annotations) {
                layers.push(layer.clone());
            }
        }
        let (manifest, config) = legacy::manifest(layers);
        self.push_blob(config, &Digest::of(config))?;
        self.push_manifest(&manifest, OCI_IMAGE_MEDIA_TYPE, &tag)
    }
}
