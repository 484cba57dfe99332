//! K0629: an environment variable that the compiler, the runtime or the platform sets. Not here: secrets (K0630).

use std::collections::BTreeSet;

use kars_scenario::catalog::CodeUse;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::{Resolved, RuntimeChoice};

pub(super) const RULE: Rule = Rule { code: Code(629), check };

/// Beginnings of names by which router, identity endpoints and cluster speak to programs.
const PREFIXES: [&str; 6] = ["KARS_", "AGT_", "AZURE_", "IMDS_", "FOUNDRY_", "KUBERNETES_"];

/// The variables that lead traffic to the router, in any case.
const PROXIES: [&str; 5] = ["http_proxy", "https_proxy", "all_proxy", "no_proxy", "ftp_proxy"];

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    // Agents share the list of `defaults`, so each variable is judged once for each runtime.
    let mut seen = BTreeSet::new();
    for agent in scenario.agents() {
        let Some(runtime) = &agent.runtime else { continue };
        for variable in agent.env.iter().filter(|variable| seen.insert((variable.name.span, runtime.kind()))) {
            let Some(why) = reserved(&variable.name.value.to_string(), runtime) else { continue };
            found.push(
                Diagnostic::error(RULE.code, variable.name.span, format!("`{}` is reserved", variable.name.value))
                    .label(why)
                    .help("use another name, or the field of the scenario that decides it"),
            );
        }
    }
}

fn reserved(name: &str, runtime: &RuntimeChoice<'_>) -> Option<String> {
    let descriptor = runtime.descriptor;
    if let Some(prefix) = PREFIXES.iter().find(|prefix| name.starts_with(*prefix)) {
        return Some(format!("names with `{prefix}` are set by the platform"));
    }
    if PROXIES.contains(&name.to_ascii_lowercase().as_str()) {
        return Some("it leads the agent's traffic to its router".to_owned());
    }
    let versioned = runtime.version.and_then(|version| descriptor.version_env.get(version.as_str()));
    if descriptor.env.contains_key(name) || versioned.is_some_and(|env| env.contains_key(name)) {
        return Some(format!("`{}` is started with it", runtime.kind()));
    }
    if descriptor.forbidden_env.iter().any(|forbidden| forbidden.as_str() == name) {
        return Some(format!("it would change what `{}` is configured to do", runtime.kind()));
    }
    let mut tokens = descriptor.channels.values().flat_map(|channel| channel.extra_tokens.iter().chain([&channel.token_env]));
    if tokens.any(|token| token.as_str() == name) {
        return Some("a channel's token goes there".to_owned());
    }
    let own = format!("{}_", runtime.kind().as_str().to_ascii_uppercase().replace('-', "_"));
    (descriptor.capabilities.code == CodeUse::None && name.starts_with(&own))
        .then(|| format!("names with `{own}` configure the runtime, which the compiler does"))
}
