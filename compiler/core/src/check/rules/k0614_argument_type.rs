//! K0614: a matcher that cannot fit what the argument holds. Not here: arguments that do not exist (K0613).

use kars_scenario::catalog::{Argument, ArgumentType};
use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::rule::Matcher;

use crate::check::Rule;
use crate::check::conditions::conditions;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(614), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for condition in conditions(scenario) {
        let Some((key, fitting)) = wanted(condition.matcher) else { continue };
        let misfit = condition.tools.iter().find_map(|tool| {
            let argument: &Argument = tool.args.get(condition.argument)?;
            (!fitting.contains(&argument.kind)).then_some((tool, argument.kind))
        });
        let Some((tool, kind)) = misfit else { continue };
        let words: Vec<_> = fitting.iter().map(|kind| kind.as_str()).collect();
        found.push(
            Diagnostic::error(
                RULE.code,
                condition.matcher.span,
                format!("`{key}` cannot be asked of `{}`", condition.argument),
            )
            .label(format!("it is of type {} in `{}`", kind.as_str(), tool.id.value))
            .help(format!("`{key}` is for arguments of type {}", words.join(" or "))),
        );
    }
}

/// The key of a matcher, and the types of argument that it can fit.
fn wanted(matcher: &Matcher) -> Option<(&'static str, &'static [ArgumentType])> {
    const TEXT: &[ArgumentType] = &[ArgumentType::String];
    match matcher {
        Matcher { program: Some(_), .. } => Some(("program", &[ArgumentType::String, ArgumentType::Array])),
        Matcher { under: Some(_), .. } => Some(("under", TEXT)),
        Matcher { one_of: Some(_), .. } => Some(("oneOf", TEXT)),
        Matcher { prefix: Some(_), .. } => Some(("prefix", TEXT)),
        Matcher { max: Some(_), .. } => Some(("max", &[ArgumentType::Integer, ArgumentType::Number])),
        _ => None,
    }
}
