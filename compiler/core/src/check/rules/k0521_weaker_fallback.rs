//! K0521: a fallback filters at least what the model filters that it answers for. Not here: what is strict enough.

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::model::{Fallback, Model, Safety, Severity};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(521), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let models = &scenario.scenario.models;
    for (name, model) in models {
        let Some(Fallback::Models(next)) = &model.fallback else { continue };
        for spare in next {
            let Some(other) = models.get(&spare.value) else { continue };
            let own = grades(model);
            let Some((category, _)) = grades(other).into_iter().zip(own).find(|((_, theirs), (_, own))| theirs > own).map(|(theirs, _)| theirs) else { continue };
            let mut diagnostic = Diagnostic::error(RULE.code, spare.span, format!("`{}` filters less than `{}`", spare.value, name.value))
                    .label(format!("when it answers, more passes in `{category}`"))
                    .help("give both the same `safety`; what is not written is `medium`");
            if let Some(safety) = &other.safety {
                diagnostic = diagnostic.because(safety.span, "what it filters");
            }
            found.push(diagnostic);
        }
    }
}

/// What passes in each category, the stricter the smaller.
fn grades(model: &Model) -> [(&'static str, Severity); 5] {
    let Some(Safety { prompt_shields, hate, self_harm, sexual, violence }) = model.safety.as_ref().map(|safety| safety.value) else {
        return grades_of(false, [None; 4]);
    };
    grades_of(prompt_shields, [hate, self_harm, sexual, violence])
}

fn grades_of(shields: bool, [hate, self_harm, sexual, violence]: [Option<Severity>; 4]) -> [(&'static str, Severity); 5] {
    let grade = |written: Option<Severity>| written.unwrap_or(Severity::Medium);
    [
        ("promptShields", if shields { Severity::Safe } else { Severity::High }),
        ("hate", grade(hate)),
        ("selfHarm", grade(self_harm)),
        ("sexual", grade(sexual)),
        ("violence", grade(violence)),
    ]
}
