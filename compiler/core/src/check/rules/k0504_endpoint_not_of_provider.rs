//! K0504: the address of a model belongs to its provider. Not here: which secret may go there.

use kars_contract::endpoint::Endpoint;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(504), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for (_, model) in &scenario.scenario.models {
        let Some(provider) = scenario.catalog.providers.get(&model.provider.value) else { continue };
        let Some(url) = &model.endpoint else { continue };
        let Some(host) = Endpoint::parse(&url.value).ok().and_then(|endpoint| endpoint.public_host()) else { continue };
        if provider.hosts.iter().any(|pattern| pattern.matches(&host)) {
            continue;
        }
        let word = model.provider.value.as_str();
        let hosts: Vec<_> = provider.hosts.iter().map(|host| format!("`{}`", host.value)).collect();
        found.push(
            Diagnostic::error(RULE.code, url.span, format!("`{host}` is not a host of `{word}`"))
                .label("prompts and the credential would go there")
                .because(model.provider.span, format!("its hosts are {}", hosts.join(", ")))
                .help("correct the endpoint or the provider"),
        );
    }
}
