//! K0507: a model or MCP server is opened with a form of credential that it takes. Not here: secrets and their hosts.

use kars_scenario::catalog::CredentialForm;
use kars_scenario::credential::Credential;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(507), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for (_, model) in &scenario.scenario.models {
        let Some(provider) = scenario.catalog.providers.get(&model.provider.value) else { continue };
        let form = form(&model.credential.value);
        if provider.auth.contains(&form) {
            continue;
        }
        let accepted: Vec<_> = provider.auth.iter().copied().map(word).collect();
        let of = model.provider.value.as_str();
        found.push(
            Diagnostic::error(RULE.code, model.credential.span, format!("`{of}` does not accept {}", word(form)))
                .because(model.provider.span, "the model is served here")
                .help(format!("use {}", accepted.join(" or "))),
        );
    }
    for (_, server) in &scenario.scenario.mcp_servers {
        let Some(credential) = &server.credential else { continue };
        if let form @ (CredentialForm::WorkloadIdentity | CredentialForm::ManagedIdentity) = form(&credential.value) {
            let message = format!("an MCP server does not accept {}", word(form));
            found.push(
                Diagnostic::error(RULE.code, credential.span, message)
                    .label("nothing says whom a token would be meant for")
                    .help("use a secret"),
            );
        }
    }
}

fn form(credential: &Credential) -> CredentialForm {
    match credential {
        Credential::Secret(_) => CredentialForm::Secret,
        Credential::WorkloadIdentity { .. } => CredentialForm::WorkloadIdentity,
        Credential::ManagedIdentity { .. } => CredentialForm::ManagedIdentity,
    }
}

fn word(form: CredentialForm) -> &'static str {
    match form {
        CredentialForm::Secret => "a secret",
        CredentialForm::WorkloadIdentity => "a workload identity",
        CredentialForm::ManagedIdentity => "a managed identity",
    }
}
