//! A look at a scenario on its way through the pipeline, without building it. Not here: what is looked at.

use kars_contract::instant::Instant;
use kars_scenario::diagnostic::Found;

use crate::check::{Checked, check};
use crate::parse::{Input, Parsed, parse};
use crate::resolve::{Resolved, resolve};
use crate::sources::{Files, Sources};

/// What came of a look.
#[derive(Debug)]
pub struct Inspection<T> {
    /// Everything that was noticed on the way, in the order of the files.
    pub found: Found,
    /// The files that were read.
    pub sources: Sources,
    /// What was seen; nothing where the scenario does not get so far.
    pub seen: Option<T>,
}

/// Looks at a scenario that breaks no rule.
pub fn inspect<T>(
    input: &Input,
    as_of: Instant,
    files: &dyn Files,
    look: impl FnOnce(&Checked<'_>) -> T,
) -> Inspection<T> {
    inspect_resolved(input, as_of, files, |resolved, found| check(resolved, found).map(|checked| look(&checked)))
}

/// Looks at a scenario that breaks no rule, and at something that is read beside it: a question, tests, a log. What is wrong
/// with that is no fault of the scenario and hides none of its faults; `names` notes what it names and the scenario lacks.
pub(crate) fn inspect_beside<B, T>(
    (input, as_of, files): (&Input, Instant, &dyn Files),
    read: impl FnOnce(Option<&Parsed>, &mut Sources, &mut Found) -> Option<B>,
    names: impl FnOnce(&Resolved<'_>, &B, &mut Found),
    look: impl FnOnce(&Checked<'_>, B) -> T,
) -> Inspection<T> {
    let (mut found, mut beside, mut sources) = (Found::default(), Found::default(), Sources::default());
    let parsed = parse(input, files, &mut sources, &mut found).filter(|_| !found.lost());
    let read = read(parsed.as_ref(), &mut sources, &mut beside);
    let seen = parsed.and_then(|parsed| {
        let resolved = resolve(&parsed, &sources, as_of, &mut found);
        if found.lost() {
            return None;
        }
        if let Some(read) = &read {
            names(&resolved, read, &mut beside);
        }
        let checked = check(resolved, &mut found)?;
        let read = read.filter(|_| !beside.has_errors())?;
        Some(look(&checked, read))
    });
    found.extend(beside);
    found.sort();
    Inspection { found, sources, seen }
}

/// Looks at a scenario whose names all stand for something.
pub(crate) fn inspect_resolved<T>(
    input: &Input,
    as_of: Instant,
    files: &dyn Files,
    look: impl FnOnce(Resolved<'_>, &mut Found) -> Option<T>,
) -> Inspection<T> {
    inspect_parsed(input, files, |parsed, sources, found| {
        let resolved = resolve(parsed, sources, as_of, found);
        if found.lost() { None } else { look(resolved, found) }
    })
}

/// Looks at a scenario as it was written.
pub(crate) fn inspect_parsed<T>(
    input: &Input,
    files: &dyn Files,
    look: impl FnOnce(&Parsed, &Sources, &mut Found) -> Option<T>,
) -> Inspection<T> {
    let (mut found, mut sources) = (Found::default(), Sources::default());
    let parsed = parse(input, files, &mut sources, &mut found).filter(|_| !found.lost());
    let seen = parsed.and_then(|parsed| look(&parsed, &sources, &mut found));
    found.sort();
    Inspection { found, sources, seen }
}
