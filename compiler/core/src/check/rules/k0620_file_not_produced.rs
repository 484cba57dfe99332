//! K0620: a file on a link is one that its sender makes. Not here: whether it can be written (K0639).

use kars_contract::router::FilePattern;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::span::Spanned;
use kars_scenario::suggest::did_you_mean;

use crate::check::Rule;
use crate::resolve::{Agent, Resolved};

pub(super) const RULE: Rule = Rule { code: Code(620), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for link in &scenario.scenario.links {
        let Some(sender) = scenario.agents.get(&link.from.value) else { continue };
        for file in &link.files {
            match FilePattern::parse(&file.value) {
                Ok(pattern) => {
                    let made = sender.written.produces.iter().any(|artifact| pattern.matches(&artifact.path));
                    if !made {
                        found.push(not_made(file, sender));
                    }
                }
                Err(_) => found.push(
                    Diagnostic::error(RULE.code, file.span, format!("`{}` means no file", file.value))
                        .label("paths on links lie under `/sandbox`")
                        .help("write a path without `.` and `..`, such as `incoming/report.json` or `incoming/*.png`"),
                ),
            }
        }
    }
}

fn not_made(file: &Spanned<String>, sender: &Agent<'_>) -> Diagnostic {
    let paths = || sender.written.produces.iter().map(|artifact| artifact.path.value.as_str());
    let name = &sender.name.value;
    let help = did_you_mean(&file.value, paths())
        .unwrap_or_else(|| format!("add the file to `produces` of `{name}`, or remove it from the link"));
    let diagnostic = Diagnostic::error(RULE.code, file.span, format!("`{name}` does not make `{}`", file.value))
        .label("no entry of its `produces` is meant")
        .help(help);
    match sender.written.produces.first() {
        Some(artifact) => diagnostic.because(artifact.span, format!("what `{name}` makes")),
        None => diagnostic.because(sender.name.span, "makes no files"),
    }
}
