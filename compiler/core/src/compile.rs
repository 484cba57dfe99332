//! The pipeline as one function. Not here: any stage.

use kars_contract::instant::Instant;
use kars_scenario::diagnostic::Found;

use crate::bundle::{Bundle, Cache, Output, Unwritable, bundle};
use crate::check::{apart, check};
use crate::lower::lower;
use crate::parse::{Input, parse};
use crate::policy_tests::Read;
use crate::render::render;
use crate::resolve::resolve;
use crate::sources::{Files, Sources};
use crate::summary::Summary;

/// What came of a compilation.
#[derive(Debug, Default)]
pub struct Compilation {
    /// Everything that was noticed, in the order of the files.
    pub found: Found,
    /// The files that were read.
    pub sources: Sources,
    /// What was built; nothing where an error was found.
    pub bundle: Option<Bundle>,
    /// What a reviewer wants to know first; nothing where a rule was broken.
    pub summary: Option<Summary>,
}

/// Compiles a scenario. Files leave through `output` as they are made; where no bundle comes back they are waste.
pub fn compile(
    input: &Input,
    as_of: Instant,
    files: &dyn Files,
    output: &dyn Output,
) -> Result<Compilation, Unwritable> {
    compile_with(input, as_of, files, (output, None), |_, _| None)
}

/// Compiles a scenario and reads its policy tests, too. What is wrong with them is noticed; no bundle depends on them.
pub fn compile_with_tests(
    input: &Input,
    as_of: Instant,
    files: &dyn Files,
    output: &dyn Output,
) -> Result<Compilation, Unwritable> {
    compile_with(input, as_of, files, (output, None), |sources, found| Some(Read::of(files, sources, found)))
}

/// Compiles a scenario that has been compiled before. What the cache knows is not made again where `output` can keep it.
/// Once the output is in its place, [`Cache::commit`] tells the cache so.
pub fn compile_again(
    input: &Input,
    as_of: Instant,
    files: &dyn Files,
    output: &dyn Output,
    cache: &mut Cache,
) -> Result<Compilation, Unwritable> {
    cache.begin();
    compile_with(input, as_of, files, (output, Some(cache)), |_, _| None)
}

fn compile_with(
    input: &Input,
    as_of: Instant,
    files: &dyn Files,
    output: (&dyn Output, Option<&Cache>),
    tests: impl FnOnce(&mut Sources, &mut Found) -> Option<Read>,
) -> Result<Compilation, Unwritable> {
    let mut compilation = Compilation::default();
    let Compilation { found, sources, .. } = &mut compilation;
    let parsed = parse(input, files, sources, found);
    let mut of_tests = Found::default();
    let tests = tests(sources, &mut of_tests);
    let outcome = match parsed {
        Some(parsed) if found.lost() => {
            // What names and other rules would say of values that could not be read is noise.
            apart(&resolve(&parsed, sources, as_of, &mut Found::default()), found);
            None
        }
        Some(parsed) => build(&parsed, sources, as_of, output, (tests.as_ref(), &mut of_tests), found)?,
        None => None,
    };
    found.extend(of_tests);
    found.sort();
    (compilation.bundle, compilation.summary) = outcome.unzip();
    Ok(compilation)
}

fn build(
    parsed: &crate::parse::Parsed,
    sources: &Sources,
    as_of: Instant,
    (output, cache): (&dyn Output, Option<&Cache>),
    (tests, of_tests): (Option<&Read>, &mut Found),
    found: &mut Found,
) -> Result<Option<(Bundle, Summary)>, Unwritable> {
    let resolved = resolve(parsed, sources, as_of, found);
    if found.lost() {
        return Ok(None);
    }
    if let Some(tests) = tests {
        tests.check_names(&resolved, of_tests);
    }
    let Some(checked) = check(resolved, found) else { return Ok(None) };
    let plan = lower(&checked);
    let renderer = render(plan, found);
    if found.has_errors() {
        return Ok(None);
    }
    let built = bundle(&renderer, output, cache, found)?;
    Ok(built.map(|built| (built, Summary::of(checked.resolved()))))
}
