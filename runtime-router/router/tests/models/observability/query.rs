//! What a query asks for: metrics, labels, and the function that each metric is given to. Not here: the grammar, which Prometheus' own
//! code reads (`tests/prometheus`).

use std::collections::BTreeSet;

/// How every name begins.
const PREFIX: &str = "kars_router_";

/// One metric in a query, and what is done with it.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Asked<'q> {
    pub(crate) name: &'q str,
    /// The labels that it is picked by, and those that the query groups by.
    pub(crate) labels: BTreeSet<&'q str>,
    /// Labels that must have a value, with it.
    pub(crate) equal: Vec<(&'q str, &'q str)>,
    /// The function that it is given to, if there is one.
    pub(crate) function: Option<&'q str>,
}

/// Every metric that a query asks for.
pub(crate) fn asked(query: &str) -> Vec<Asked<'_>> {
    let grouped = ["by (", "without ("].map(|word| query.split(word).skip(1)).into_iter().flatten();
    let grouped = grouped.filter_map(|rest| rest.split_once(')')).flat_map(|(list, _)| list.split(','));
    let grouped: BTreeSet<&str> = grouped.map(str::trim).filter(|label| !label.is_empty()).collect();
    query.match_indices(PREFIX).map(|(place, _)| of(&query[..place], &query[place..], &grouped)).collect()
}

fn of<'q>(before: &'q str, rest: &'q str, grouped: &BTreeSet<&'q str>) -> Asked<'q> {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let name = &rest[..rest.find(|letter| !is_word(letter)).unwrap_or(rest.len())];
    let picked =
        rest[name.len()..].strip_prefix('{').and_then(|rest| rest.split_once('}')).map_or("", |(list, _)| list);
    let (mut labels, mut equal) = (grouped.clone(), Vec::new());
    for matcher in picked.split_terminator(',') {
        let end = matcher.find(|letter| !is_word(letter)).expect("a label is compared");
        let (label, compared) = matcher.split_at(end);
        labels.insert(label);
        equal.extend(compared.strip_prefix("=\"").map(|value| (label, value.trim_end_matches('"'))));
    }
    let given = before
        .strip_suffix('(')
        .map(|before| &before[before.rfind(|letter| !is_word(letter)).map_or(0, |end| end + 1)..]);
    Asked { name, labels, equal, function: given.filter(|function| !function.is_empty()) }
}

#[test]
fn a_query_is_read() {
    let query = r#"histogram_quantile(0.9, sum by (le, a) (rate(kars_router_x_bucket{b="c",d=~"e|f"}[5m]))) / max by (g) (kars_router_y)"#;
    let [first, second] = asked(query).try_into().expect("it asks for two");
    let labels = ["a", "b", "d", "g", "le"].into();
    assert_eq!(first, Asked { name: "kars_router_x_bucket", labels, equal: vec![("b", "c")], function: Some("rate") });
    assert_eq!((second.name, second.function, second.equal.len()), ("kars_router_y", None, 0));
}
