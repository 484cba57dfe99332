//! The guard's table as the kernel holds it: chains at hooks, with rules. Not here: the messages that carry it.

use kars_contract::guard::{Pass, Redirect, Ruleset};

use super::expression::Step;
use super::terms;

/// Its name, in the family of both versions of IP.
pub(super) const NAME: &str = "kars_guard";
/// Where packets leave a process.
const OUTPUT: u32 = 3;
/// Before the list is read, so that it sees where a redirected packet goes.
const DESTINATIONS_CHANGE: i32 = -100;

/// A table.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Table {
    /// Zero: neither asleep nor owned by one process.
    pub(super) flags: u32,
    pub(super) chains: Vec<Chain>,
}

/// Rules at a hook; the first that decides counts, or else the policy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Chain {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) hook: u32,
    pub(super) priority: i32,
    pub(super) policy: u32,
    pub(super) rules: Vec<Rule>,
}

/// What a chain does with packets that no rule decides.
pub(super) const DROP: u32 = 0;
pub(super) const ACCEPT: u32 = 1;

/// A rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Rule {
    /// What `nft list ruleset` shows as its comment.
    pub(super) why: String,
    pub(super) steps: Vec<Step>,
}

impl Table {
    /// The table of a list. A rule that no packet can match is left out.
    pub(super) fn of(list: &Ruleset) -> Self {
        let Ruleset { redirects, passes } = list;
        let redirects = Chain {
            name: "to_router".to_owned(),
            kind: "nat".to_owned(),
            hook: OUTPUT,
            priority: DESTINATIONS_CHANGE,
            policy: ACCEPT,
            rules: redirects.iter().filter_map(redirect).collect(),
        };
        Self {
            flags: 0,
            chains: vec![redirects, Chain { rules: passes.iter().filter_map(pass).collect(), ..closed() }],
        }
    }

    /// The table that lets nothing out. It needs no more of the kernel than a table and a chain.
    pub(super) fn closed() -> Self {
        Self { flags: 0, chains: vec![closed()] }
    }

    /// How many rules it has.
    pub(super) fn rules(&self) -> usize {
        self.chains.iter().map(|chain| chain.rules.len()).sum()
    }

    /// The first place where what was found is not this.
    pub(super) fn difference(&self, found: &Self) -> Option<String> {
        if self.flags != found.flags {
            return Some(format!("the table has the flags {}", found.flags));
        }
        let names = |table: &Self| table.chains.iter().map(|chain| chain.name.clone()).collect::<Vec<_>>().join("`, `");
        if self.chains.len() != found.chains.len() {
            return Some(format!("the chains are `{}` instead of `{}`", names(found), names(self)));
        }
        self.chains.iter().zip(&found.chains).find_map(|(meant, found)| meant.difference(found))
    }
}

impl Chain {
    fn difference(&self, found: &Self) -> Option<String> {
        let Self { name, kind, hook, priority, policy, rules } = self;
        let head = (name, kind, hook, priority, policy);
        if head != (&found.name, &found.kind, &found.hook, &found.priority, &found.policy) {
            return Some(format!("the chain `{name}` is not at its hook with its policy"));
        }
        if rules.len() != found.rules.len() {
            return Some(format!("the chain `{name}` has {} rules instead of {}", found.rules.len(), rules.len()));
        }
        let place = rules.iter().zip(&found.rules).position(|(meant, found)| meant != found)?;
        Some(format!("rule {} of the chain `{name}` is not `{}`", place + 1, rules[place].why))
    }
}

fn closed() -> Chain {
    Chain {
        name: "out".to_owned(),
        kind: "filter".to_owned(),
        hook: OUTPUT,
        priority: 0,
        policy: DROP,
        rules: Vec::new(),
    }
}

fn redirect(redirect: &Redirect) -> Option<Rule> {
    let Redirect { why, matches, to } = redirect;
    let decided = vec![Step::Count, Step::Put(*to), Step::Redirect];
    Some(Rule { why: (*why).to_owned(), steps: [terms::steps(matches)?, decided].concat() })
}

fn pass(pass: &Pass) -> Option<Rule> {
    let Pass { why, matches } = pass;
    Some(Rule { why: (*why).to_owned(), steps: [terms::steps(matches)?, vec![Step::Count, Step::Accept]].concat() })
}
