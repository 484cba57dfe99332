//! K0714: a secret is bound to hosts because something uses it. Not here: secrets without a bind (K0505).

use std::collections::BTreeSet;

use kars_scenario::credential::Credential;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::suggest::did_you_mean;

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(714), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let Some(secrets) = &scenario.target.environment.secrets else { return };
    let models = scenario.scenario.models.iter().map(|(_, model)| &model.credential);
    let servers = scenario.scenario.mcp_servers.iter().filter_map(|(_, server)| server.credential.as_ref());
    let channels = scenario.scenario.channels.iter().map(|(_, channel)| channel.credential.secret.as_str());
    let keys = models.chain(servers).filter_map(|credential| match &credential.value {
        Credential::Secret(key) => Some(key.secret.as_str()),
        Credential::WorkloadIdentity { .. } | Credential::ManagedIdentity { .. } => None,
    });
    let used: BTreeSet<&str> = keys.chain(channels).collect();
    for (secret, hosts) in secrets.bind.iter().filter(|(secret, _)| !used.contains(secret.as_str())) {
        let span = hosts.first().map_or(scenario.target.environment.metadata.name.span, |host| host.span);
        found.push(
            Diagnostic::warning(RULE.code, span, format!("the bound secret `{secret}` is shown to nobody"))
                .label("no model, MCP server or channel of this scenario uses it")
                .help(did_you_mean(secret, used.iter().copied()).unwrap_or_else(|| "remove the entry".to_owned())),
        );
    }
}
