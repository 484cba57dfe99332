//! Image references and the digests that the lock holds for them. Not here: whether a digest is needed (`check`).

use std::collections::BTreeMap;

use kars_contract::name::Name;
use kars_scenario::environment::Environment;
use kars_scenario::lock::Lock;
use kars_scenario::span::{Span, Spanned};

use super::Resolved;

/// A container image as it is pulled.
#[derive(Clone, Debug)]
pub struct Image {
    /// What is written: `repository:tag` or `repository@sha256:…`.
    pub reference: String,
    /// What the lock, or the reference itself, pins it to.
    pub digest: Option<String>,
    /// Where it is written.
    pub span: Span,
}

impl Image {
    fn of(reference: &Spanned<String>, lock: Option<&Lock>) -> Self {
        let written = reference.split_once('@').map(|(_, digest)| digest.to_owned());
        let locked =
            || lock.and_then(|lock| lock.images.get(&reference.value)).map(|digest| digest.as_str().to_owned());
        Self { reference: reference.value.clone(), digest: written.or_else(locked), span: reference.span }
    }

    /// The image by digest where there is one: `repository@sha256:…`.
    pub fn pinned(&self) -> String {
        match &self.digest {
            Some(digest) => format!("{}@{digest}", self.repository()),
            None => self.reference.clone(),
        }
    }

    /// The reference without tag and digest.
    pub fn repository(&self) -> &str {
        let name = self.reference.split('@').next().unwrap_or_default();
        match name.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => repository,
            _ => name,
        }
    }

    /// The tag, where one is written.
    pub fn tag(&self) -> Option<&str> {
        let name = self.reference.split('@').next().unwrap_or_default();
        name.rsplit_once(':').map(|(_, tag)| tag).filter(|tag| !tag.contains('/'))
    }
}

/// The images of an environment.
#[derive(Debug, Default)]
pub struct Images {
    pub router: Option<Image>,
    pub relay: Option<Image>,
    /// By the image name of the runtime's descriptor.
    pub runtimes: BTreeMap<String, Image>,
    lock: BTreeMap<String, String>,
}

impl Images {
    pub(super) fn of(environment: &Environment, lock: Option<&Lock>) -> Self {
        let Some(images) = &environment.images else { return Self::default() };
        let pin = |reference: &Spanned<String>| Image::of(reference, lock);
        Self {
            router: images.router.as_ref().map(pin),
            relay: images.relay.as_ref().map(pin),
            runtimes: images.runtimes.iter().map(|(name, reference)| (name.clone(), pin(reference))).collect(),
            lock: lock
                .iter()
                .flat_map(|lock| &lock.images)
                .map(|(name, digest)| (name.clone(), digest.as_str().to_owned()))
                .collect(),
        }
    }

    /// An image that a scenario names itself.
    pub(super) fn own(&self, reference: &Spanned<String>) -> Image {
        let mut image = Image::of(reference, None);
        if image.digest.is_none() {
            image.digest = self.lock.get(&image.reference).cloned();
        }
        image
    }

    /// The image of a runtime: its own name, else one with the version as `name:version`.
    pub(super) fn runtime(&self, image: &str, kind: &Name, version: Option<&str>) -> Option<Image> {
        if image == "router" {
            return self.router.clone();
        }
        let versioned = version.and_then(|version| self.runtimes.get(&format!("{kind}-{version}")));
        versioned.or_else(|| self.runtimes.get(image)).cloned()
    }
}

impl Resolved<'_> {
    /// Every image that this build deploys, by its reference.
    pub fn images_in_use(&self) -> BTreeMap<&str, &Image> {
        let images = &self.target.images;
        let relay = images.relay.as_ref().filter(|_| !self.edges.all.is_empty());
        let runtimes = self.agents().filter_map(|agent| agent.runtime.as_ref()?.image.as_ref());
        let used = images.router.iter().chain(relay).chain(runtimes);
        used.map(|image| (image.reference.as_str(), image)).collect()
    }
}
