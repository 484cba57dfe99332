//! K0718: an agent asks for no more than it may use, and its memory has a limit. Not here: how much is enough.

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::pod::{Amounts, Resources};
use kars_scenario::span::Span;

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(718), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for agent in scenario.agents() {
        let (Some(resources), Some(runtime)) = (agent.resources, &agent.runtime) else { continue };
        let default = runtime.descriptor.resources.as_ref();
        let part = |of: fn(&Resources) -> Option<&Amounts>| of(resources).or_else(|| default.and_then(of));
        let limits = part(|resources| resources.limits.as_ref());
        if let Some(requests) = part(|resources| resources.requests.as_ref()) {
            compare(resources.span, requests, limits, found);
        }
        if limits.is_some_and(|limits| limits.memory.is_none()) {
            found.push(
                Diagnostic::error(RULE.code, resources.span, "the limits name no memory")
                    .label("the agent could take all memory of its node")
                    .help("add `limits: { memory: … }`; limits replace those of the runtime as a whole"),
            );
        }
    }
}

fn compare(span: Span, requests: &Amounts, limits: Option<&Amounts>, found: &mut Found) {
    let Some(limits) = limits else { return };
    let cpu = |amounts: &Amounts| amounts.cpu.as_ref().map(|cpu| (cpu.milli(), cpu.to_string()));
    let memory = |amounts: &Amounts| amounts.memory.as_ref().map(|memory| (memory.bytes(), memory.to_string()));
    let disk = |amounts: &Amounts| amounts.ephemeral_storage.as_ref().map(|disk| (disk.bytes(), disk.to_string()));
    let pairs = [
        ("cpu", cpu(requests), cpu(limits)),
        ("memory", memory(requests), memory(limits)),
        ("ephemeralStorage", disk(requests), disk(limits)),
    ];
    for (name, request, limit) in pairs {
        let (Some((request, asked)), Some((limit, allowed))) = (request, limit) else { continue };
        if request > limit {
            found.push(
                Diagnostic::error(RULE.code, span, format!("the agent asks for more `{name}` than it may use"))
                    .label(format!("requests {asked}, limit {allowed}"))
                    .help("lower the request or raise the limit; what is not written here is the runtime's"),
            );
        }
    }
}
