//! K0302: one agent reaches a host and port by two rules, so the narrower one decides nothing. Every rule is looked up by
//! the few patterns that can cover it. Not here: sets that overlap each other, which nobody can edit.

use std::collections::BTreeMap;

use kars_contract::host_pattern::HostPattern;
use kars_contract::name::Port;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::{Agent, EgressRule, EgressSource, Resolved};

pub(super) const RULE: Rule = Rule { code: Code(302), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for agent in scenario.agents() {
        check_agent(agent, found);
    }
}

fn check_agent(agent: &Agent<'_>, found: &mut Found) {
    let mut by_pattern: BTreeMap<(String, Port), &EgressRule<'_>> = BTreeMap::new();
    let mut twice: Vec<(&EgressRule<'_>, &EgressRule<'_>)> = Vec::new();
    for rule in &agent.egress {
        for port in &rule.ports {
            let first = *by_pattern.entry((rule.host.to_string(), *port)).or_insert(rule);
            if !std::ptr::eq(first, rule) {
                twice.push((rule, first));
            }
        }
    }
    for rule in &agent.egress {
        let wider = wider(rule.host);
        let covers = |port: &Port| wider.iter().find_map(|pattern| by_pattern.get(&(pattern.clone(), *port)).copied());
        twice.extend(rule.ports.iter().find_map(covers).map(|cover| (rule, cover)));
    }
    let mut last = None;
    for (rule, first) in twice {
        // A set named twice repeats each of its hosts: it is said once.
        let places = Some((rule.span, first.span));
        if last != places && (is_written(rule) || is_written(first) || rule.host == first.host && same_set(rule, first))
        {
            found.push(double(rule, first));
            last = places;
        }
    }
}

fn is_written(rule: &EgressRule<'_>) -> bool {
    matches!(rule.source, EgressSource::Written(_))
}

fn same_set(one: &EgressRule<'_>, other: &EgressRule<'_>) -> bool {
    match (one.source, other.source) {
        (EgressSource::Preset(one), EgressSource::Preset(other)) => one.value == other.value && one.span != other.span,
        _ => false,
    }
}

/// The patterns that mean more hosts than this one, and this one's hosts among them.
fn wider(pattern: &HostPattern) -> Vec<String> {
    let base = pattern.base().as_str();
    let above = base.match_indices('.').map(|(dot, _)| &base[dot + 1..]);
    match pattern {
        HostPattern::Exact(_) => {
            let one_label = base.split_once('.').map(|(_, parent)| format!("*.{parent}"));
            one_label.into_iter().chain(above.map(|parent| format!("**.{parent}"))).collect()
        }
        HostPattern::OneLabel(_) => std::iter::once(base).chain(above).map(|parent| format!("**.{parent}")).collect(),
        HostPattern::AnyDepth(_) => above.map(|parent| format!("**.{parent}")).collect(),
    }
}

fn double(rule: &EgressRule<'_>, first: &EgressRule<'_>) -> Diagnostic {
    if same_set(rule, first)
        && let EgressSource::Preset(preset) = rule.source
    {
        return Diagnostic::error(RULE.code, rule.span, format!("the preset `{}` is named twice", preset.value))
            .because(first.span, "first named here")
            .help("keep one of them");
    }
    let by = match first.source {
        EgressSource::Written(_) => format!("`{}` opens it", first.host),
        EgressSource::Preset(preset) => format!("the preset `{}` opens `{}`", preset.value, first.host),
    };
    Diagnostic::error(RULE.code, rule.span, format!("`{}` is opened twice for one agent", rule.host))
        .label("this entry decides nothing")
        .because(first.span, by)
        .help("keep one of them: dates, reasons and labels of the other mislead")
}
