//! The dashboard for Grafana, made from what the metrics say they are. Not here: the metrics.

use kars_router::metrics::catalog::{Entry, Type};
use serde_json::{Value, json};

/// Which routers are shown.
const PICKED: &str = r#"namespace=~"$namespace",pod=~"$pod""#;
/// Columns of the page.
const WIDTH: usize = 24;
const PANEL: (usize, usize) = (8, 8);

/// A row, and the metrics in it with the labels that each is split by.
type Row = (&'static str, &'static [(&'static str, &'static [&'static str])]);

/// Every metric has its place; one that has none fails [`made`].
const ROWS: &[Row] = &[
    (
        "Health",
        &[
            ("policy_ready", &["pod"]),
            ("policy_stale", &["pod"]),
            ("policy_loads", &["outcome"]),
            ("policy_loaded_timestamp_seconds", &["pod"]),
            ("policy_not_after_timestamp_seconds", &["pod"]),
            ("policy_serial", &["pod"]),
            ("policy_generation", &["pod"]),
            ("policy_info", &["digest"]),
            ("build", &["version"]),
            ("audit_lines", &[]),
            ("audit_failures", &["pod"]),
            ("trace_spans", &["outcome"]),
            ("token_exchanges", &["issuer", "outcome"]),
        ],
    ),
    (
        "Traffic",
        &[
            ("http_requests", &["route", "status"]),
            ("http_requests_in_flight", &["pod"]),
            ("limits_reached", &["limit"]),
            ("inference_requests", &["model", "outcome"]),
            ("inference_attempts", &["model", "outcome"]),
            ("inference_breaker_open", &["model"]),
            ("mcp_calls", &["server", "outcome"]),
            ("platform_calls", &["tool", "outcome"]),
        ],
    ),
    (
        "Refusals",
        &[
            ("decisions", &["kind", "outcome"]),
            ("refusals", &["kind", "code"]),
            ("redactions", &[]),
            ("decision_seconds", &[]),
        ],
    ),
    (
        "Budgets",
        &[
            ("inference_tokens", &["model", "direction"]),
            ("budget_remaining_tokens", &["pod", "period"]),
            ("budget_used_tokens", &["pod", "period"]),
            ("budget_limit_tokens", &["pod", "period"]),
            ("budget_reserved_tokens", &["pod"]),
        ],
    ),
    (
        "Latency",
        &[
            ("inference_time_to_first_token_seconds", &["model"]),
            ("inference_duration_seconds", &["model"]),
            ("mcp_call_duration_seconds", &["server"]),
        ],
    ),
    (
        "Egress",
        &[
            ("egress_bytes", &["direction"]),
            ("tunnels", &["pod"]),
            ("proxy_connections", &["pod"]),
            ("egress_duration_seconds", &["kind"]),
            ("connect_seconds", &[]),
            ("dns_seconds", &[]),
            ("dns_answers", &["answer"]),
        ],
    ),
];

/// The dashboard.
pub(crate) fn made(entries: &[Entry]) -> Value {
    let (mut panels, mut top) = (Vec::new(), 0);
    let mut shown = 0;
    for (title, metrics) in ROWS {
        let id = panels.len() + 1;
        panels.push(json!({
            "id": id, "type": "row", "title": title, "collapsed": false, "panels": [],
            "gridPos": {"x": 0, "y": top, "w": WIDTH, "h": 1},
        }));
        for (place, (name, by)) in metrics.iter().enumerate() {
            let full = format!("kars_router_{name}");
            let entry = entries.iter().find(|entry| entry.name == full);
            let entry = entry.unwrap_or_else(|| panic!("no metric is called `{full}`"));
            let (width, height) = PANEL;
            let across = WIDTH / width;
            let place =
                json!({"x": place % across * width, "y": top + 1 + place / across * height, "w": width, "h": height});
            panels.push(panel(panels.len() + 1, entry, by, &place));
            shown += 1;
        }
        top += 1 + metrics.len().div_ceil(WIDTH / PANEL.0) * PANEL.1;
    }
    assert_eq!(shown, entries.len(), "every metric has one panel: give the new one its place in `ROWS`");
    json!({
        "uid": "kars-router",
        "title": "kars router",
        "description": "What agents' routers decide, carry and spend",
        "tags": ["kars"],
        "schemaVersion": 41,
        "version": 1,
        "editable": true,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timepicker": {},
        "timezone": "",
        "annotations": {"list": []},
        "links": [],
        "templating": {"list": [
            {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "current": {}, "refresh": 1},
            variable("namespace", "label_values(kars_router_build_info, namespace)"),
            variable("pod", r#"label_values(kars_router_build_info{namespace=~"$namespace"}, pod)"#),
        ]},
        "panels": panels,
    })
}

fn variable(name: &str, query: &str) -> Value {
    json!({
        "name": name, "type": "query", "datasource": datasource(), "definition": query,
        "query": {"query": query, "refId": name}, "refresh": 2, "sort": 1,
        "includeAll": true, "multi": true, "allValue": ".*", "current": {"text": "All", "value": "$__all"},
    })
}

fn datasource() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

fn panel(id: usize, entry: &Entry, by: &[&str], place: &Value) -> Value {
    let queries = queries(entry, by);
    let targets: Vec<Value> = queries
        .iter()
        .enumerate()
        .map(|(index, (query, legend))| {
            let letter = char::from(b'A' + u8::try_from(index).expect("a panel has few queries"));
            json!({"refId": letter.to_string(), "datasource": datasource(), "expr": query, "legendFormat": legend, "range": true})
        })
        .collect();
    json!({
        "id": id,
        "type": "timeseries",
        "title": entry.name.trim_start_matches("kars_router_").replace('_', " "),
        "description": entry.help,
        "datasource": datasource(),
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": unit(entry), "min": 0, "custom": {"fillOpacity": 10, "showPoints": "never"}}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}},
        "targets": targets,
    })
}

fn unit(entry: &Entry) -> &'static str {
    match (entry.kind, entry.unit) {
        (Type::Counter, Some("bytes")) => "binBps",
        (Type::Counter, _) => "cps",
        (_, Some("bytes")) => "bytes",
        (_, Some(_)) => "s",
        (_, None) => "short",
    }
}

/// The queries of a metric, and how each line is called.
fn queries(entry: &Entry, by: &[&str]) -> Vec<(String, String)> {
    let sample = entry.sample();
    let (labels, legend) =
        (by.join(", "), by.iter().map(|label| format!("{{{{{label}}}}}")).collect::<Vec<_>>().join(" "));
    match entry.kind {
        Type::Counter => vec![(format!("sum by ({labels}) (rate({sample}{{{PICKED}}}[$__rate_interval]))"), legend)],
        // A moment says more as the time since then, or until then.
        Type::Gauge if entry.name.ends_with("policy_loaded_timestamp_seconds") => {
            vec![(format!("time() - max by ({labels}) ({sample}{{{PICKED}}})"), legend)]
        }
        Type::Gauge if entry.name.ends_with("_timestamp_seconds") => {
            vec![(format!("max by ({labels}) ({sample}{{{PICKED}}} > 0) - time()"), legend)]
        }
        Type::Gauge | Type::Info => vec![(format!("sum by ({labels}) ({sample}{{{PICKED}}})"), legend)],
        Type::Histogram => ["0.5", "0.95", "0.99"]
            .map(|part| {
                let comma = if labels.is_empty() { "" } else { ", " };
                let rate = format!("rate({sample}{{{PICKED}}}[$__rate_interval])");
                let query = format!("histogram_quantile({part}, sum by (le{comma}{labels}) ({rate}))");
                (query, format!("p{} {legend}", &part[2..]).trim_end().replace("p5 ", "p50 "))
            })
            .to_vec(),
    }
}
