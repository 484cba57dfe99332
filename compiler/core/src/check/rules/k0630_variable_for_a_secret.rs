//! K0630: an environment variable whose name says that it holds a secret. Not here: values that look like one (K0119).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::check::environment_variables::lists;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(630), check };

/// Words of a name that stand for something to be kept secret.
const SECRET_WORDS: [&str; 14] = [
    "APIKEY", "BEARER", "CREDENTIAL", "CREDENTIALS", "KEY", "PASSPHRASE", "PASSWD", "PASSWORD", "PAT", "PRIVATEKEY",
    "SECRET", "SECRETS", "TOKEN", "CONNSTRING",
];

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for variable in lists(scenario).flatten() {
        let name = variable.name.as_str().to_ascii_uppercase();
        let Some(word) = name.split('_').find(|word| SECRET_WORDS.contains(word)) else { continue };
        found.push(
            Diagnostic::error(RULE.code, variable.name.span, format!("`{}` looks like a secret", variable.name.value))
                .label(format!("`{word}` in a name stands for one"))
                .help("let the router hold it: name it as the `credential` of a model, MCP server or channel"),
        );
    }
}
