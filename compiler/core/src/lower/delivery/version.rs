//! Versions of delivery engines, and what changed between them. Not here: the objects that depend on it.

use kars_scenario::environment::{Delivery, Engine};

/// A minor version of an engine.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct EngineVersion(u16, u16);

impl EngineVersion {
    /// The first Flux whose `OCIRepository` has the version that is written.
    const FLUX_OLDEST: Self = Self(2, 6);
    /// The first Flux that reads signatures as bundles; older ones read the `.sig` tag alone.
    pub(crate) const FLUX_BUNDLES: Self = Self(2, 8);
    /// The first Argo CD of the major version that is written for.
    const ARGOCD_OLDEST: Self = Self(3, 0);
    /// The first Argo CD that takes sources from OCI registries.
    pub(crate) const ARGOCD_OCI: Self = Self(3, 1);
    /// The first Argo CD that looks for a newer revision before it tries again.
    pub(crate) const ARGOCD_REFRESH: Self = Self(3, 2);
    /// The first Argo CD that grants cluster-scoped objects by name.
    pub(crate) const ARGOCD_NAMES: Self = Self(3, 3);
    /// The first Argo CD with `sourceIntegrity`; older ones have `signatureKeys`.
    pub(crate) const ARGOCD_INTEGRITY: Self = Self(3, 5);

    /// Reads `2.9`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten();
        let (major, minor) = text.split_once('.')?;
        Some(Self(number(major)?, number(minor)?))
    }

    /// The version that an environment names, where it is one.
    pub(crate) fn of(delivery: &Delivery) -> Option<Self> {
        Self::parse(delivery.engine_version.as_ref()?)
    }

    /// Whether objects are written for it: the oldest version that has them, and later ones of its major version.
    pub(crate) fn is_known(self, engine: Engine) -> bool {
        let oldest = Self::oldest(engine);
        self >= oldest && self.0 == oldest.0
    }

    /// The oldest version of an engine that objects are written for.
    pub(crate) fn oldest(engine: Engine) -> Self {
        match engine {
            Engine::Flux => Self::FLUX_OLDEST,
            Engine::Argocd => Self::ARGOCD_OLDEST,
            Engine::None => Self(0, 0),
        }
    }
}

impl std::fmt::Display for EngineVersion {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_two_numbers() {
        let read = |text| EngineVersion::parse(text).map(|version| version.to_string());
        assert_eq!(read("2.9").as_deref(), Some("2.9"));
        assert_eq!(read("3.10").as_deref(), Some("3.10"));
        for wrong in ["3", "v3.2", "3.2.1", "3.", ".2", "3.+2", "70000.1", ""] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn ten_is_later_than_nine_and_another_major_is_unknown() {
        let known = |engine, text: &str| EngineVersion::parse(text).unwrap().is_known(engine);
        assert!(known(Engine::Flux, "2.10") && known(Engine::Argocd, "3.10"));
        assert!(!known(Engine::Flux, "2.5") && !known(Engine::Flux, "3.0"));
        assert!(!known(Engine::Argocd, "2.14") && !known(Engine::Argocd, "4.0"));
    }
}
