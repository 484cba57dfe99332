//! What is wrong with a rendered object, as data. Not here: where in the files it comes from (`verdict`).

use kars_scenario::diagnostic::Code;

pub(super) const POD_POSTURE: Code = Code(801);
pub(super) const NAMESPACE_LEVEL: Code = Code(802);
pub(super) const EXPOSED: Code = Code(803);
pub(super) const UNFENCED_FLOW: Code = Code(804);
pub(super) const BLOCKED_FLOW: Code = Code(805);
pub(super) const TOO_LARGE: Code = Code(806);
pub(super) const VOLUME_WIRING: Code = Code(807);
pub(super) const IMAGE_NOT_ALLOWED: Code = Code(808);
pub(super) const MISNAMED_OBJECT: Code = Code(812);
pub(super) const NOT_ADMITTED: Code = Code(813);

/// One fault of an object, or of what objects are together.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    /// The object, as `Kind/name`.
    pub(crate) subject: String,
    pub(crate) message: String,
    pub(crate) help: String,
}

/// The faults of one object, as they are found.
#[derive(Debug)]
pub(super) struct Faults {
    subject: String,
    list: Vec<Fault>,
}

impl Faults {
    pub(super) fn of(kind: &str, name: &str) -> Self {
        Self { subject: format!("{kind}/{name}"), list: Vec::new() }
    }

    pub(super) fn note(&mut self, code: Code, message: impl Into<String>, help: impl Into<String>) {
        self.list.push(Fault { code, subject: self.subject.clone(), message: message.into(), help: help.into() });
    }

    /// Notes the fault unless the object is as it must be.
    pub(super) fn require(&mut self, fit: bool, code: Code, message: &str, help: &str) {
        if !fit {
            self.note(code, message, help);
        }
    }

    pub(super) fn into_list(self) -> Vec<Fault> {
        self.list
    }
}
