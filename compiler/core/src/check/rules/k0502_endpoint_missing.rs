//! K0502: a model has an address: its own, or the one that its provider has for everybody. Not here: what the address is.

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(502), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for (name, model) in &scenario.scenario.models {
        let provider = scenario.catalog.providers.get(&model.provider.value);
        let fixed = provider.and_then(|provider| provider.default_endpoint.as_ref());
        if model.endpoint.is_some() || fixed.is_some() {
            continue;
        }
        let word = model.provider.value.as_str();
        let hosts: Vec<_> = provider.iter().flat_map(|provider| &provider.hosts).map(|host| format!("`{}`", host.value)).collect();
        found.push(
            Diagnostic::error(RULE.code, name.span, format!("the model `{}` has no endpoint", name.value))
                .because(model.provider.span, format!("every customer of `{word}` has an address of their own"))
                .help(format!("add `endpoint`, an https URL with a host of {}", hosts.join(" or "))),
        );
    }
}
