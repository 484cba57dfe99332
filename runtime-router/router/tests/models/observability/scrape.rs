//! The text of a scrape, read. Not here: which metrics there should be.

use std::collections::{BTreeMap, BTreeSet};

/// What a router's `/metrics` said.
pub(crate) struct Scrape {
    /// Types by the names of families.
    pub(crate) types: BTreeMap<String, String>,
    pub(crate) samples: Vec<Sample>,
}

/// One line.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

impl Scrape {
    pub(crate) fn read(text: &str) -> Self {
        let (mut types, mut samples) = (BTreeMap::new(), Vec::new());
        for line in text.lines() {
            match line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
                Some((name, kind)) => assert_eq!(types.insert(name.to_owned(), kind.to_owned()), None, "{name}"),
                None if line.starts_with('#') => (),
                None => samples.push(Sample::read(line)),
            }
        }
        assert!(text.ends_with("# EOF\n"), "a scrape is complete");
        Self { types, samples }
    }

    /// The sum of the samples of a name that have these labels.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |sample: &&Sample| {
            sample.name == name
                && labels.iter().all(|(label, value)| sample.labels.get(*label).is_some_and(|found| found == value))
        };
        self.samples.iter().filter(has).map(|sample| sample.value).sum()
    }

    /// The labels of a name; none where nothing bears the name.
    pub(crate) fn labels(&self, name: &str) -> Option<BTreeSet<&str>> {
        let mut of = self.samples.iter().filter(|sample| sample.name == name).peekable();
        of.peek()?;
        Some(of.flat_map(|sample| sample.labels.keys().map(String::as_str)).collect())
    }
}

impl Sample {
    fn read(line: &str) -> Self {
        let (series, value) = line.rsplit_once(' ').expect("a sample has a value");
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix('}').expect("labels are closed")),
            None => (series, ""),
        };
        let pairs = labels.split_terminator(',').map(|pair| {
            let (label, value) = pair.split_once('=').expect("a label has a value");
            (label.to_owned(), value.trim_matches('"').to_owned())
        });
        Self { name: name.to_owned(), labels: pairs.collect(), value: value.parse().expect("a value is a number") }
    }
}
