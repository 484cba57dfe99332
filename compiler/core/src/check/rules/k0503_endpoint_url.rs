//! K0503: the address of a model is an https URL with a public host name. Not here: whose host it is.

use kars_contract::endpoint::{Endpoint, Scheme};
use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(503), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let written = scenario.scenario.models.iter().filter_map(|(_, model)| model.endpoint.as_ref());
    let fixed = scenario.catalog.providers.values().filter_map(|provider| provider.default_endpoint.as_ref());
    for url in written.chain(fixed) {
        let fault = match Endpoint::parse(&url.value) {
            Err(error) => error.to_string(),
            Ok(endpoint) if endpoint.scheme() != Scheme::Https => "the credential would travel in the clear".to_owned(),
            Ok(endpoint) if endpoint.public_host().is_none() => "an address, or a name inside a cluster".to_owned(),
            Ok(_) => continue,
        };
        found.push(
            Diagnostic::error(RULE.code, url.span, "a model's endpoint is an https URL with a public host name")
                .label(fault)
                .help("write scheme, host and path alone, as in `https://contoso.openai.azure.com`"),
        );
    }
}
