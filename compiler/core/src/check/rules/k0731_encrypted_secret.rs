//! K0731: every Secret that an agent needs lies encrypted beside the scenario, for that agent, with the declared keys.
//! Not here: whether it can be decrypted.

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::environment::{Engine, SecretSource};
use kars_scenario::node::{Node, Value};
use kars_scenario::span::{FileId, Span};

use crate::check::Rule;
use crate::lower::encrypted::{self, Encrypted};
use crate::lower::namespace;
use crate::parse::node_of;
use crate::resolve::{Agent, Resolved};

pub(super) const RULE: Rule = Rule { code: Code(731), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    if scenario.target.secrets != SecretSource::Sops {
        return;
    }
    if scenario.target.engine != Engine::Flux {
        let from = scenario.target.environment.secrets.as_ref().and_then(|secrets| secrets.from.as_ref());
        let span = from.map_or(scenario.target.environment.metadata.name.span, |from| from.span);
        found.push(
            Diagnostic::error(RULE.code, span, "nothing here decrypts these Secrets")
                .label("Flux does, when it is the delivery engine")
                .help("set `delivery.engine: flux`, or take secrets from `external-secrets`"),
        );
    }
    for agent in scenario.agents() {
        for secret in encrypted::of(scenario, agent) {
            match secret.file {
                None => found.push(missing(agent, &secret)),
                Some(file) => fits(scenario, agent, &secret, file, found),
            }
        }
    }
}

fn missing(agent: &Agent<'_>, secret: &Encrypted) -> Diagnostic {
    Diagnostic::error(RULE.code, agent.name.span, format!("`{}` is not there", secret.path))
        .label(format!("this agent needs the Secret `{}`", secret.secret))
        .help(format!("encrypt a Secret with the keys {} into that file", secret.keys.join(", ")))
}

/// Whether the file is that agent's Secret, encrypted. It is read once more, since nothing else needs its shape.
fn fits(scenario: &Resolved<'_>, agent: &Agent<'_>, secret: &Encrypted, file: FileId, found: &mut Found) {
    let Some(node) = node_of(file, scenario.sources, found) else { return };
    let whole = Span { file, start: 0, end: 0 };
    let mut wrong = |span: Span, message: String, help: &str| {
        found.push(Diagnostic::error(RULE.code, span, message).because(agent.name.span, "needed here").help(help));
    };
    if node.get("sops").is_none() {
        return wrong(whole, format!("`{}` is not encrypted", secret.path), "encrypt it with `sops`, and revoke what it held");
    }
    let text = |path: [&str; 2]| node.get(path[0]).and_then(|node| node.get(path[1])).and_then(Node::text).unwrap_or_default().to_owned();
    let place = namespace(scenario, &agent.name.value).to_string();
    if text(["metadata", "name"]) != secret.secret || text(["metadata", "namespace"]) != place {
        wrong(whole, format!("`{}` is not the Secret `{}` of `{place}`", secret.path, secret.secret), "give it that name and namespace before it is encrypted");
    }
    let sections = || ["data", "stringData"].into_iter().filter_map(|section| node.get(section));
    for key in &secret.keys {
        match sections().find_map(|section| section.get(key)) {
            None => wrong(whole, format!("`{}` has no key `{key}`", secret.path), "add the key and encrypt the file again"),
            Some(Node { value: Value::Scalar { text, .. }, .. }) if text.starts_with("ENC[") => {}
            Some(value) => wrong(value.span, format!("the key `{key}` is not encrypted"), "encrypt the file again with data and stringData covered, and revoke what it held"),
        }
    }
}
