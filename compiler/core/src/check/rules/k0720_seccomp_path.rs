//! K0720: the filter of `enhanced` isolation is a profile on the nodes. Not here: whether it is installed.

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(720), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let Some(enhanced) = scenario.target.environment.isolation.as_ref().and_then(|levels| levels.enhanced.as_ref()) else {
        return;
    };
    let path = &enhanced.seccomp;
    if path.value == "RuntimeDefault" || is_profile(path) {
        return;
    }
    found.push(
        Diagnostic::error(RULE.code, path.span, format!("`{}` is no seccomp profile", path.value))
            .label("the kubelet looks in its own folder of profiles")
            .help("write `profiles/<name>.json`, or `RuntimeDefault`"),
    );
}

fn is_profile(path: &str) -> bool {
    let name = path.strip_prefix("profiles/").and_then(|path| path.strip_suffix(".json"));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    name.is_some_and(|name| !name.is_empty() && !name.starts_with('.') && name.bytes().all(plain))
}
