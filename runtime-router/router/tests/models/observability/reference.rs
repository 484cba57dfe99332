//! The reference of the metrics, made from what they say they are. Not here: the metrics.

use kars_router::metrics::catalog::{Entry, Label, Values};

/// The page.
pub(crate) fn made(entries: &[Entry]) -> String {
    let mut page = String::from(
        "# Metrics of the router\n\n`GET :9090/metrics` of every router, in OpenMetrics' text form. No value of a label comes from an agent. This file is made from \
         the registry (`just bless`), as are the [dashboard](../observability/dashboard.json) and the [alerts](../observability/alerts.yaml); \
         [operating](../guides/operating.md#watching) says how to load them.\n\n\
         | name | type | labels | |\n|---|---|---|---|\n",
    );
    for entry in entries {
        let name = entry.sample();
        let name = name.strip_suffix("_bucket").unwrap_or(&name);
        let labels: Vec<String> = entry.labels.iter().map(|label| format!("`{}`", label.name)).collect();
        page.push_str(&format!("| `{name}` | {} | {} | {} |\n", entry.kind.as_str(), labels.join(", "), entry.help));
    }
    page.push_str("\n## Labels\n\n| metric | label | values |\n|---|---|---|\n");
    for entry in entries {
        for Label { name, values } in entry.labels {
            let values = match values {
                Values::These(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
                Values::Of(sentence) => (*sentence).to_owned(),
            };
            page.push_str(&format!("| `{}` | `{name}` | {values} |\n", entry.name));
        }
    }
    page
}
