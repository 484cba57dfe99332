//! Label selectors, read once and matched often, and labels that one of them matches. Not here: what is selected.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

pub(super) type Labels = BTreeMap<String, String>;

#[derive(Clone, Debug)]
enum Need {
    In(BTreeSet<String>),
    NotIn(BTreeSet<String>),
    Exists,
    Absent,
    /// An operator that Kubernetes does not know.
    Never,
}

/// A selector; without needs it selects everything.
#[derive(Clone, Debug, Default)]
pub(super) struct Selector {
    needs: Vec<(String, Need)>,
}

impl Selector {
    pub(super) fn of(written: &LabelSelector) -> Self {
        let equal = written.match_labels.iter().flatten();
        let equal = equal.map(|(key, value)| (key.clone(), Need::In(BTreeSet::from([value.clone()]))));
        let further = written.match_expressions.iter().flatten().map(need);
        Self { needs: equal.chain(further).collect() }
    }

    pub(super) fn matches(&self, labels: &Labels) -> bool {
        self.needs.iter().all(|(key, need)| need.allows(labels.get(key)))
    }

    /// The values that a key may have, where the selector lists them.
    pub(super) fn listed(&self, key: &str) -> Option<&BTreeSet<String>> {
        self.needs.iter().find_map(|(name, need)| match need {
            Need::In(values) if name == key => Some(values),
            _ => None,
        })
    }

    /// Adds labels that the selector asks for, one value each; whether they satisfy it, [`Self::matches`] says.
    pub(super) fn satisfy(&self, labels: &mut Labels) {
        let any = BTreeSet::from(["any".to_owned()]);
        for (key, need) in &self.needs {
            let values = match need {
                Need::In(values) => values,
                Need::Exists => &any,
                Need::NotIn(_) | Need::Absent | Need::Never => continue,
            };
            let fits = |value: &&String| self.needs.iter().all(|(name, need)| name != key || need.allows(Some(value)));
            if let Some(value) = values.iter().find(fits) {
                labels.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
    }
}

impl Need {
    fn allows(&self, value: Option<&String>) -> bool {
        match self {
            Self::In(values) => value.is_some_and(|value| values.contains(value)),
            Self::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            Self::Exists => value.is_some(),
            Self::Absent => value.is_none(),
            Self::Never => false,
        }
    }
}

fn need(written: &LabelSelectorRequirement) -> (String, Need) {
    let values = || written.values.iter().flatten().cloned().collect();
    let need = match written.operator.as_str() {
        "In" => Need::In(values()),
        "NotIn" => Need::NotIn(values()),
        "Exists" => Need::Exists,
        "DoesNotExist" => Need::Absent,
        _ => Need::Never,
    };
    (written.key.clone(), need)
}
