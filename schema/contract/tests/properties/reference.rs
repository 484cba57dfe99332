//! The matcher written a second time, slowly and plainly, from the words of the contract. Not here: any lookup.

use kars_contract::permits::{Arguments, Bucket, Decision, Reason};
use kars_contract::router::{ArgumentMatcher, Effect, EgressRule, Enforcer, ToolRule};
use kars_contract::{HostPattern, Hostname, Instant, Port, RouterDocument, RuleId, ToolId};
use serde_json::Value;

fn decided(reason: Reason, rule: Option<&RuleId>, enforced: Enforcer) -> Decision {
    let allowed =
        [Reason::Listed, Reason::Granted, Reason::AllowRule, Reason::Reply, Reason::Learning].contains(&reason);
    Decision { allowed, rule: rule.cloned(), reason, enforced, limits: Vec::new() }
}

pub(crate) fn egress(document: &RouterDocument, host: &Hostname, port: Port, now: Instant) -> Decision {
    let named: Vec<&EgressRule> = document.egress.iter().filter(|rule| means(&rule.host, host)).collect();
    let with_port: Vec<&&EgressRule> = named.iter().filter(|rule| rule.ports.contains(&port)).collect();
    for rule in &with_port {
        if rule.until.is_none() || rule.until > Some(now) {
            return decided(Reason::Listed, Some(&rule.id), Enforcer::Router);
        }
    }
    if let Some(learn) = document.learn.iter().find(|learn| learn.until > now) {
        return decided(Reason::Learning, Some(&learn.id), Enforcer::Router);
    }
    if let Some(rule) = with_port.first() {
        return decided(Reason::RuleEnded, Some(&rule.id), Enforcer::Router);
    }
    if let Some(rule) = named.first() {
        return decided(Reason::PortNotListed, Some(&rule.id), Enforcer::Router);
    }
    decided(Reason::HostNotListed, None, Enforcer::Router)
}

/// Compares labels one by one, from the right.
fn means(pattern: &HostPattern, host: &Hostname) -> bool {
    let pattern = pattern.to_string();
    let mut wanted = pattern.split('.').rev();
    let mut found = host.as_str().split('.').rev();
    loop {
        match (wanted.next(), found.next()) {
            (None, None) | (Some("**"), Some(_)) => return true,
            (Some("*"), Some(_)) => return found.next().is_none(),
            (Some(want), Some(have)) if want == have => {}
            _ => return false,
        }
    }
}

pub(crate) fn tool(document: &RouterDocument, tool: &ToolId, args: &Arguments) -> Decision {
    let by_list =
        document.tools.iter().find(|granted| &granted.tool == tool).map(|granted| (&granted.id, granted.enforced));
    let by_server = document
        .mcp
        .iter()
        .find(|(name, server)| server.tools.iter().any(|served| format!("mcp.{name}.{served}") == tool.as_str()));
    let grant = by_list.or(by_server.map(|(_, server)| (&server.id, Enforcer::Router)));
    let Some((grant, enforced)) = grant else { return decided(Reason::ToolNotGranted, None, tool.enforcer()) };

    let naming: Vec<&ToolRule> = document.rules.iter().filter(|rule| names(rule, tool)).collect();
    if let Some(rule) = naming.iter().find(|rule| rule.effect == Effect::Deny && hit(rule, args) != Some(false)) {
        return decided(Reason::DenyRule, Some(&rule.id), enforced);
    }
    let allows: Vec<&&ToolRule> = naming.iter().filter(|rule| rule.effect == Effect::Allow).collect();
    let allowing = allows.iter().find(|rule| hit(rule, args) == Some(true));
    let mut decision = match (allowing, allows.first()) {
        (Some(rule), _) => decided(Reason::AllowRule, Some(&rule.id), enforced),
        (None, Some(rule)) => return decided(Reason::NoAllowRule, Some(&rule.id), enforced),
        (None, None) => decided(Reason::Granted, Some(grant), enforced),
    };
    for rule in &naming {
        if let Effect::Limit { calls, per_seconds } = rule.effect
            && hit(rule, args) != Some(false)
        {
            decision.limits.push(Bucket { rule: rule.id.clone(), calls, per_seconds });
        }
    }
    decision
}

fn names(rule: &ToolRule, tool: &ToolId) -> bool {
    let pattern = rule.tool.to_string();
    pattern == tool.as_str() || pattern.strip_suffix('*').is_some_and(|front| tool.as_str().starts_with(front))
}

/// Whether a rule means the arguments; nothing when it cannot be told.
fn hit(rule: &ToolRule, args: &Arguments) -> Option<bool> {
    let each: Vec<Option<bool>> = rule
        .when
        .args
        .iter()
        .map(|(name, matcher)| args.get(name).map_or(Some(false), |value| argument(matcher, value)))
        .collect();
    if each.contains(&Some(false)) {
        return Some(false);
    }
    if each.contains(&None) { None } else { Some(true) }
}

/// Exact for the values that `sample` makes: words joined by spaces and `;`, short paths, small numbers, lists of words.
fn argument(matcher: &ArgumentMatcher, value: &Value) -> Option<bool> {
    match (matcher, value) {
        (ArgumentMatcher::Program(names), Value::Array(words)) => {
            words.first().map(|word| names.contains(word.as_str().unwrap()))
        }
        (ArgumentMatcher::Program(names), Value::String(line)) => {
            let firsts: Vec<&str> = line.split(';').filter_map(|command| command.split_whitespace().next()).collect();
            // A path whose last part is a program's name, or no name at all, may be anything.
            let sure = firsts.iter().map(|first| {
                let last = first.rsplit('/').next().unwrap();
                if names.contains(*first) {
                    Some(true)
                } else if last.is_empty() {
                    None
                } else {
                    Some(false)
                }
            });
            let sure: Vec<Option<bool>> = sure.collect();
            let first = *sure.first()?;
            if sure.iter().all(|found| *found == first) { first } else { None }
        }
        (ArgumentMatcher::OneOf(texts), Value::String(text)) => Some(texts.contains(text)),
        (ArgumentMatcher::Prefix(prefix), Value::String(text)) => Some(text.starts_with(prefix)),
        (ArgumentMatcher::Max(most), Value::Number(number)) => {
            Some(number.as_i64().unwrap() <= i64::try_from(*most).unwrap())
        }
        (ArgumentMatcher::Under(folder), Value::String(path)) => {
            let plain = path.starts_with('/') && !path.contains("..") && !path.contains("//");
            let inside = |path: &str| path == folder || path.starts_with(&format!("{}/", folder.trim_end_matches('/')));
            plain.then(|| inside(path))
        }
        _ => None,
    }
}
