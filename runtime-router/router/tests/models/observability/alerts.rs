//! The alert rules for Prometheus, with what to do about each. Not here: the metrics.

use serde::Serialize;

/// The file of rules.
#[derive(Serialize)]
pub(crate) struct File {
    groups: [Group; 1],
}

#[derive(Serialize)]
struct Group {
    name: &'static str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
struct Rule {
    alert: &'static str,
    expr: &'static str,
    #[serde(rename = "for")]
    lasts: &'static str,
    labels: Labels,
    annotations: Annotations,
}

#[derive(Serialize)]
struct Labels {
    severity: &'static str,
}

#[derive(Serialize)]
struct Annotations {
    summary: String,
    runbook: &'static str,
}

/// When to tell somebody, and what that one can do.
pub(crate) struct Alert {
    pub(crate) name: &'static str,
    severity: &'static str,
    /// For how long it must be so.
    lasts: &'static str,
    pub(crate) query: &'static str,
    /// What is so, of a router.
    so: &'static str,
    /// What it comes from and what to do.
    runbook: &'static str,
}

pub(crate) const ALERTS: &[Alert] = &[
    Alert {
        name: "KarsRouterDeniesAll",
        severity: "critical",
        lasts: "2m",
        query: "kars_router_policy_ready == 0",
        so: "has no document in force that it is known to enforce",
        runbook: "Its document is missing or refused, or its signature has ended and so has the time of grace. `kars-router ctl status` in the router's container says which. Sign the bundle anew with `karsc sign` and deliver it; a refused document is named in the log, with its code. `document enforced` is missing from the log where the router could not see itself refuse what the document refuses: it says why, and a restart asks again.",
    },
    Alert {
        name: "KarsRouterPolicyStale",
        severity: "warning",
        lasts: "10m",
        query: "kars_router_policy_stale == 1 and kars_router_policy_ready == 1",
        so: "serves a document that should have been replaced",
        runbook: "What lies in its files was refused, so the last good document stays in force, or the document's signature has ended and the time of grace runs. `kars-router ctl status` and the lines `document refused` of its log say which.",
    },
    Alert {
        name: "KarsRouterSignatureEndsSoon",
        severity: "warning",
        lasts: "1h",
        query: "(kars_router_policy_not_after_timestamp_seconds > 0) - time() < 172800 and kars_router_policy_not_after_timestamp_seconds > time()",
        so: "serves a document whose signature ends within two days",
        runbook: "Run the job that signs and publishes bundles; where it runs by itself, find out why it has not.",
    },
    Alert {
        name: "KarsRouterSignatureEnded",
        severity: "critical",
        lasts: "5m",
        query: "kars_router_policy_not_after_timestamp_seconds > 0 and kars_router_policy_not_after_timestamp_seconds < time()",
        so: "serves a document whose signature has ended",
        runbook: "After the time of grace everything is refused. Sign the bundle anew with `karsc sign` and deliver it now.",
    },
    Alert {
        name: "KarsRouterAuditFails",
        severity: "critical",
        lasts: "0m",
        query: "increase(kars_router_audit_failures_total[10m]) > 0",
        so: "cannot write its audit log and so refuses everything",
        runbook: "The volume of its state is full, gone or read-only: `kubectl describe pod`, and `df` on the claim. Once a line can be written the router goes on by itself; `kars-router audit verify` says whether the log is whole.",
    },
    Alert {
        name: "KarsRouterBudgetNearlySpent",
        severity: "warning",
        lasts: "5m",
        query: "kars_router_budget_remaining_tokens / kars_router_budget_limit_tokens < 0.1",
        so: "has less than a tenth of its tokens left for this {{ $labels.period }}",
        runbook: "`kars-router ctl budgets` shows what was used. Raise the budget in the scenario if the agent's work is worth it; otherwise its requests end with `budget.exceeded` until the next {{ $labels.period }} of UTC begins.",
    },
    Alert {
        name: "KarsRouterInferenceFails",
        severity: "warning",
        lasts: "10m",
        query: "sum without (provider, model, outcome) (rate(kars_router_inference_requests_total{outcome=\"failed\"}[10m])) / sum without (provider, model, outcome) (rate(kars_router_inference_requests_total[10m])) > 0.05",
        so: "gets no complete answer to more than one request to a model in twenty",
        runbook: "`kars_router_inference_attempts_total` by model and outcome says whether providers are unreachable, late, overloaded or failing; the log has the reason of each. Check the provider's status, the credential, and the network policy; add a fallback to the scenario where there is none.",
    },
    Alert {
        name: "KarsRouterBreakerOpen",
        severity: "warning",
        lasts: "10m",
        query: "avg_over_time(kars_router_inference_breaker_open[10m]) > 0.5",
        so: "leaves the model {{ $labels.model }} alone most of the time, as it fails",
        runbook: "Three requests in a row failed, and each try after a pause has failed, too. The same causes as of KarsRouterInferenceFails; the agent is served by its other candidates, if it has any.",
    },
    Alert {
        name: "KarsRouterModelIsSlow",
        severity: "warning",
        lasts: "15m",
        query: "histogram_quantile(0.95, sum without (provider) (rate(kars_router_inference_time_to_first_token_seconds_bucket[15m]))) > 60",
        so: "waits more than a minute for the first token of {{ $labels.model }}",
        runbook: "The provider is slow, or prompts have grown. Compare with `kars_router_connect_seconds`, which shows the network alone.",
    },
    Alert {
        name: "KarsRouterToolsFail",
        severity: "warning",
        lasts: "10m",
        query: "sum without (outcome) (rate(kars_router_mcp_calls_total{outcome=\"failed\"}[10m])) / sum without (outcome) (rate(kars_router_mcp_calls_total[10m])) > 0.2",
        so: "gets no answer to more than one call of a tool in five from the MCP server {{ $labels.server }}",
        runbook: "The server is down, slow or refuses the credential: the log has the reason of each call. The agent reads the refusal as the result of its call.",
    },
    Alert {
        name: "KarsRouterSheds",
        severity: "warning",
        lasts: "0m",
        query: "increase(kars_router_limits_reached_total{limit=~\"connections|agent-connections|admin-connections|questions\"}[10m]) > 0",
        so: "turns work away, as its ceiling of {{ $labels.limit }} is reached",
        runbook: "The agent opens more at once than its document allows: a loop, a leak, or too low a limit. `kars_router_tunnels` and `kars_router_http_requests_in_flight` show what is open.",
    },
    Alert {
        name: "KarsRouterRefusesOften",
        severity: "info",
        lasts: "0m",
        query: "sum without (kind, code) (increase(kars_router_refusals_total[15m])) > 200",
        so: "has refused its agent more than 200 times in a quarter of an hour",
        runbook: "Either the scenario lacks something that the agent needs, or the agent tries what it should not. `kars-router ctl decisions --denied --since 15m` lists what was refused and by which rule; `karsc suggest` proposes what is lacking.",
    },
    Alert {
        name: "KarsRouterTracesLost",
        severity: "info",
        lasts: "15m",
        query: "sum without (outcome) (increase(kars_router_trace_spans_total{outcome=~\"dropped|failed\"}[15m])) > 0",
        so: "loses spans of traces",
        runbook: "The collector does not answer, refuses them, or is too slow. Nothing of the agent's waits for it. Check the address in the environment, that it takes OTLP over HTTP, and its network policy.",
    },
];

/// The file of rules.
pub(crate) fn made() -> File {
    let rule = |Alert { name, severity, lasts, query, so, runbook }: &'static Alert| Rule {
        alert: name,
        expr: query,
        lasts,
        labels: Labels { severity },
        annotations: Annotations {
            summary: format!("the router of {{{{ $labels.namespace }}}}/{{{{ $labels.pod }}}} {so}"),
            runbook,
        },
    };
    File { groups: [Group { name: "kars-router", rules: ALERTS.iter().map(rule).collect() }] }
}
