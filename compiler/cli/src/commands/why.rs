//! `karsc why`: whether an agent may do something, which line decides, who enforces it, and what to do where it is refused.

use std::fmt::Write as _;

use kars_contract::router::Enforcer;
use kars_scenario::policy_test::QuestionKind;
use karsc_core::answer::{Explanation, Limit, Remedy};
use karsc_core::report::path_of;
use karsc_core::why::{Asked, why};

use super::{json, seen};
use crate::args::{AnswerFormat, Kind, Why};
use crate::inputs::Inputs;
use crate::outcome::{Exit, Outcome};
use crate::print::{Printer, counted};

pub(crate) fn run(arguments: &Why, printer: &Printer) -> Outcome {
    let inputs = Inputs::for_target(&arguments.path, &arguments.target)?;
    let asked = Asked {
        agent: arguments.agent.clone(),
        kind: match arguments.kind {
            Kind::Egress => QuestionKind::Egress,
            Kind::Tool => QuestionKind::Tool,
            Kind::Mcp => QuestionKind::Mcp,
            Kind::Mesh => QuestionKind::Mesh,
            Kind::Model => QuestionKind::Model,
        },
        subject: arguments.subject.clone(),
        args: arguments.args.clone(),
    };
    let inspection = why(&inputs.input, inputs.as_of, inputs.files.as_ref(), &asked);
    let Some(explanation) = seen(inspection, &inputs, printer)? else { return Ok(Exit::Input) };
    let text = match arguments.output {
        AnswerFormat::Text => text(&explanation, &inputs.folder),
        AnswerFormat::Json => json(&explanation),
    };
    printer.data(text.as_bytes())?;
    Ok(if explanation.allowed { Exit::Done } else { Exit::Negative })
}

/// The answer for people. Places are named as the caller named the folder, so that terminals find them.
fn text(explanation: &Explanation, folder: &str) -> String {
    let Explanation { allowed, reason, because, rule, origin, enforced, limits, remedy, .. } = explanation;
    let word = if *allowed { "allow" } else { "deny" };
    let mut text = format!("{word}: {}\n", explanation.question());
    let mut line = |name: &str, value: &str| writeln!(text, "  {name:<10}{value}").expect("a string takes all");
    line("reason", &format!("{}: {because}", reason.as_str()));
    if let Some(rule) = rule {
        line("rule", rule.as_str());
    }
    if let Some(origin) = origin {
        line("at", &path_of(folder, origin.as_str()));
    }
    line(
        "enforced",
        match enforced {
            Enforcer::Router => "by the router",
            Enforcer::Runtime => "only by the runtime: the agent's own process asks, and no proof rests on it",
        },
    );
    for Limit { rule, origin, calls, per_seconds } in limits {
        let at = origin.as_ref().map(|origin| format!(" ({})", path_of(folder, origin.as_str()))).unwrap_or_default();
        let (calls, seconds) = (counted(*calls as usize, "call"), counted(*per_seconds as usize, "second"));
        line("limit", &format!("{calls} in {seconds}, by {rule}{at}"));
    }
    if let Some(Remedy { help, lines }) = remedy {
        line("help", help);
        if let Some(lines) = lines {
            let at = lines.at.as_ref().map(|at| format!(", {}", path_of(folder, at.as_str()))).unwrap_or_default();
            line("add", &format!("under {}{at}:", lines.under));
            text.push_str(&lines.yaml.lines().map(|line| format!("      {line}\n")).collect::<String>());
        }
    }
    text
}
