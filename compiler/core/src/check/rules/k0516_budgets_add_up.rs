//! K0516: the agents together may spend no more than the scenario. Not here: whether one budget makes sense (K0517).

use kars_scenario::agent::Budget;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::span::Spanned;

use crate::check::Rule;
use crate::resolve::{Agent, Resolved};

pub(super) const RULE: Rule = Rule { code: Code(516), check };

/// The longest month in days.
const DAYS: u64 = 31;

/// A period that budgets are written for, and the most that a budget lets through in it.
struct Period {
    name: &'static str,
    limit: fn(&Budget) -> Option<&Spanned<u64>>,
    most: fn(&Budget) -> Option<u64>,
}

const PERIODS: [Period; 2] = [
    Period {
        name: "day",
        limit: |budget| budget.tokens_per_day.as_ref(),
        most: |budget| budget.tokens_per_day.as_ref().or(budget.tokens_per_month.as_ref()).map(|tokens| tokens.value),
    },
    Period {
        name: "month",
        limit: |budget| budget.tokens_per_month.as_ref(),
        most: |budget| {
            let days = budget.tokens_per_day.as_ref().map(|day| day.saturating_mul(DAYS));
            budget.tokens_per_month.as_ref().map(|month| month.value).or(days)
        },
    },
];

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let Some(budget) = &scenario.scenario.budget else { return };
    for period in &PERIODS {
        let Some(limit) = (period.limit)(budget) else { continue };
        let spenders = || scenario.agents().filter(|agent| agent.model.is_some());
        let most = |agent: &Agent<'_>| agent.budget.and_then(|budget| (period.most)(budget));
        if let Some(agent) = spenders().find(|agent| most(agent).is_none()) {
            // In production that is a fault of its own.
            if !scenario.is_prod() {
                found.push(endless(period, limit, agent));
            }
            continue;
        }
        let sum: u128 = spenders().filter_map(most).map(u128::from).sum();
        let largest = spenders().max_by_key(|agent| most(agent));
        if let Some(largest) = largest.filter(|_| sum > u128::from(limit.value)) {
            found.push(too_much(period, limit, sum, largest));
        }
    }
}

fn endless(period: &Period, limit: &Spanned<u64>, agent: &Agent<'_>) -> Diagnostic {
    let message = format!("the budget of a {} cannot hold: `{}` has none", period.name, agent.name.value);
    Diagnostic::error(RULE.code, limit.span, message)
        .because(agent.name.span, "it may spend without end")
        .help("give every agent a budget, or `defaults` one")
}

fn too_much(period: &Period, limit: &Spanned<u64>, sum: u128, largest: &Agent<'_>) -> Diagnostic {
    let share = largest.budget.map_or(largest.name.span, |budget| budget.span);
    Diagnostic::error(RULE.code, limit.span, format!("the agents together may spend {sum} tokens a {}", period.name))
        .label(format!("the scenario may spend {}", limit.value))
        .because(share, format!("`{}` has the largest share", largest.name.value))
        .help("raise the scenario's budget, or lower those of agents")
}
