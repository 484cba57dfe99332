//! K0621: the path of a produced file, relative to `/sandbox`. Not here: links (K0620).

use kars_contract::router::FilePattern;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(621), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for artifact in scenario.agents().flat_map(|agent| &agent.written.produces) {
        let path = &artifact.path;
        let Some(why) = fault(path) else { continue };
        let help = match path.strip_prefix("/sandbox/").filter(|rest| fault(rest).is_none()) {
            Some(rest) => format!("write `{rest}`"),
            None => "write a path such as `incoming/report.json`".to_owned(),
        };
        found.push(
            Diagnostic::error(RULE.code, path.span, format!("`{}` cannot be a produced file", path.value))
                .label(why)
                .help(help),
        );
    }
}

fn fault(path: &str) -> Option<&'static str> {
    if path.starts_with('/') {
        return Some("paths are relative to `/sandbox`");
    }
    if path.contains('*') {
        return Some("each produced file is one path");
    }
    if path.split('/').any(|part| part.starts_with('.')) {
        return Some("names with a dot first are the runtime's own");
    }
    FilePattern::parse(path).is_err().then_some("not a path")
}
