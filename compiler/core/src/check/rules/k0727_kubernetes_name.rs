//! K0727: names that are handed to Kubernetes have its form. Not here: whether the things exist.

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::span::{Span, Spanned};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(727), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let environment = scenario.target.environment;
    let confidential = environment.isolation.as_ref().and_then(|levels| levels.confidential.as_ref());
    let placements = scenario.scenario.agents.iter().filter_map(|(_, agent)| agent.placement.as_ref());
    let placements: Vec<_> = placements.chain(&scenario.scenario.defaults.placement).collect();
    let classes = placements.iter().filter_map(|placement| placement.priority_class_name.as_ref());
    let storage = environment.storage.iter().map(|storage| &storage.class);
    for name in classes.chain(storage).chain(confidential.map(|level| &level.runtime_class)) {
        if !is_dns_name(name) {
            refuse(name, "lower-case letters, digits, dashes and dots", found);
        }
    }
    let selectors = placements.iter().map(|placement| &placement.node_selector);
    for (key, value) in selectors.chain(confidential.map(|level| &level.node_selector)).flatten() {
        label(key, value.span, Some(value), found);
    }
    for toleration in placements.iter().flat_map(|placement| &placement.tolerations) {
        // An empty key is a fault of its own.
        if !toleration.key.is_empty() {
            label(&toleration.key, toleration.key.span, toleration.value.as_ref(), found);
        }
    }
}

fn label(key: &str, span: Span, value: Option<&Spanned<String>>, found: &mut Found) {
    let (prefix, name) = key.rsplit_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    if !is_word(name) || prefix.is_some_and(|prefix| !is_dns_name(prefix)) {
        refuse(&Spanned::new(key.to_owned(), span), "a DNS name and a slash if any, then letters, digits, dashes, dots and underscores", found);
    }
    if let Some(value) = value.filter(|value| !value.is_empty() && !is_word(value)) {
        refuse(value, "letters, digits, dashes, dots and underscores, at most 63", found);
    }
}

fn refuse(name: &Spanned<String>, form: &str, found: &mut Found) {
    found.push(
        Diagnostic::error(RULE.code, name.span, format!("Kubernetes does not accept the name `{}`", name.value))
            .help(format!("use {form}")),
    );
}

fn is_word(text: &str) -> bool {
    let ends = |letter: char| letter.is_ascii_alphanumeric();
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.len() <= 63 && text.starts_with(ends) && text.ends_with(ends) && text.bytes().all(inner)
}

fn is_dns_name(text: &str) -> bool {
    let ends = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= 253
        && text.split('.').all(|part| part.starts_with(ends) && part.ends_with(ends) && part.bytes().all(inner))
}
