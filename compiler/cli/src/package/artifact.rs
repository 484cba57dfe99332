//! A layer as an OCI artifact: an image configuration, and a manifest that names both and says what it is. Flux and Argo CD
//! accept it alike. Not here: signatures, which refer to the manifest.

use kars_contract::digest::Digest;
use kars_contract::instant::Instant;
use kars_contract::name::Name;
use oci_client::manifest::{
    IMAGE_CONFIG_MEDIA_TYPE, IMAGE_LAYER_GZIP_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageManifest,
};
use serde::Serialize;

use super::Layer;
use crate::verification::Report;

/// The annotation that holds the digest of what is applied.
pub(crate) const CONTENT_DIGEST: &str = "dev.karsc.content-digest";

/// What is published under one digest.
#[derive(Debug)]
pub(crate) struct Artifact {
    pub(crate) layer: Layer,
    pub(crate) config: Vec<u8>,
    pub(crate) manifest: Vec<u8>,
    /// Of the manifest: what a reference by digest names.
    pub(crate) digest: Digest,
}

/// An image configuration: which archives make the file system. Registries look into it.
#[derive(Serialize)]
struct Image<'a> {
    architecture: &'static str,
    config: Nothing,
    created: &'a str,
    os: &'static str,
    rootfs: RootFs<'a>,
}

/// An object without fields: nothing is ever run.
#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
struct RootFs<'a> {
    diff_ids: [&'a Digest; 1],
    #[serde(rename = "type")]
    kind: &'static str,
}

impl Artifact {
    /// Makes the artifact of a bundle. It depends on nothing but the bundle and its serial.
    pub(crate) fn of(layer: Layer, report: &Report) -> Self {
        let created = moment(report.serial);
        let config = serde_json::to_vec(&Image {
            architecture: "unknown",
            config: Nothing {},
            created: &created,
            os: "unknown",
            rootfs: RootFs { diff_ids: [&layer.archive], kind: "layers" },
        });
        let config = config.expect("its keys are text");
        let title = report.scenario.as_ref().map_or("platform", Name::as_str);
        let annotations = [
            ("org.opencontainers.image.created", created.clone()),
            ("org.opencontainers.image.revision", format!("{}@{}", report.environment, report.content_digest)),
            ("org.opencontainers.image.title", title.to_owned()),
            ("org.opencontainers.image.version", report.serial.to_string()),
            (CONTENT_DIGEST, report.content_digest.to_string()),
        ];
        let manifest = OciImageManifest {
            media_type: Some(OCI_IMAGE_MEDIA_TYPE.to_owned()),
            config: descriptor(IMAGE_CONFIG_MEDIA_TYPE, &config),
            layers: vec![descriptor(IMAGE_LAYER_GZIP_MEDIA_TYPE, &layer.bytes)],
            annotations: Some(annotations.map(|(key, value)| (key.to_owned(), value)).into()),
            ..OciImageManifest::default()
        };
        let manifest = serde_json::to_vec(&manifest).expect("its keys are text");
        Self { digest: Digest::of(&manifest), layer, config, manifest }
    }

    /// The manifest, as what refers to it names it.
    pub(crate) fn subject(&self) -> OciDescriptor {
        descriptor(OCI_IMAGE_MEDIA_TYPE, &self.manifest)
    }
}

/// The moment of a serial as annotations hold it.
pub(super) fn moment(serial: u64) -> String {
    let seconds = i64::try_from(serial).ok().and_then(Instant::from_unix_seconds);
    seconds.unwrap_or(Instant::MAX).to_string()
}

/// Names bytes.
pub(super) fn descriptor(media_type: &str, bytes: &[u8]) -> OciDescriptor {
    OciDescriptor {
        media_type: media_type.to_owned(),
        digest: Digest::of(bytes).to_string(),
        size: i64::try_from(bytes.len()).expect("a file is smaller than 2^63 bytes"),
        ..OciDescriptor::default()
    }
}
