//! `examples/scenarios/rejected`: whole scenarios with one fault each, named after the code that must be reported.
//! Not here: the smallest example of every code; those stand in the codes' pages.

use std::collections::BTreeSet;

use karsc_core::compile;
use karsc_core::parse::Input;
use karsc_core::report::{Style, human};

use crate::support::{Collected, Disk, as_of, root};

/// A first line that picks the environment; without it the scenario is for `kind`.
const ENVIRONMENT: &str = "# environment: ";

#[test]
fn each_is_rejected_with_the_code_in_its_name() {
    let folder = root().join("examples/scenarios/rejected");
    let mut names: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    for name in &names {
        let code = name.split_once('-').expect("a folder is called CODE-what").0;
        let text = std::fs::read_to_string(folder.join(name).join("scenario.yaml")).unwrap();
        let environment = text.lines().next().and_then(|line| line.strip_prefix(ENVIRONMENT)).unwrap_or("kind");
        let input =
            Input { scenario: "scenario.yaml".to_owned(), evaluated: None, environment: environment.to_owned() };
        let output = Collected::default();
        let compilation = compile(&input, as_of(), &Disk(folder.join(name)), &output).unwrap();
        let printed = human(&compilation.found, &compilation.sources, Style::Plain, "");
        let codes: BTreeSet<_> = compilation.found.diagnostics().iter().map(|found| found.code.to_string()).collect();
        assert_eq!(codes, BTreeSet::from([code.to_owned()]), "{name} for {environment}:\n{printed}");
        assert!(compilation.bundle.is_none() && compilation.found.has_errors(), "{name} is built:\n{printed}");
        assert!(printed.contains("= help: "), "{name} does not say what to do:\n{printed}");
    }
    assert!(names.len() >= 12, "only {} scenarios are rejected", names.len());
}
