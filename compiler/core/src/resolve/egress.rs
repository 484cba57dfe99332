//! The hosts an agent may reach: what it writes, what presets stand for. Hosts of models, MCP servers and channels are
//! derived where they are needed. Not here: whether a host is wise (`check`).

use std::collections::BTreeSet;

use kars_contract::host_pattern::HostPattern;
use kars_contract::id::RuleId;
use kars_contract::instant::Instant;
use kars_contract::name::{Name, Port};
use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::egress::{EgressEntry, EgressHost, FlowLabel};
use kars_scenario::span::{Span, Spanned};

use super::{Scope, names};

pub(super) const PORT_ZERO: Code = Code(310);

/// One rule of the allowlist.
#[derive(Clone, Debug)]
pub struct EgressRule<'a> {
    pub id: RuleId,
    pub host: &'a HostPattern,
    pub ports: BTreeSet<Port>,
    pub until: Option<Instant>,
    /// Where the date is written.
    pub until_span: Option<Span>,
    pub reason: &'a str,
    pub ticket: Option<&'a str>,
    pub labels: BTreeSet<FlowLabel>,
    pub source: EgressSource<'a>,
    /// Where the scenario says it.
    pub span: Span,
}

impl EgressRule<'_> {
    /// What the scenario names: the host, or the preset it comes from.
    pub fn named(&self) -> String {
        match self.source {
            EgressSource::Written(_) => format!("`{}`", self.host),
            EgressSource::Preset(preset) => format!("the preset `{}`", preset.value),
        }
    }
}

/// Why a host may be reached.
#[derive(Clone, Copy, Debug)]
pub enum EgressSource<'a> {
    Written(&'a EgressHost),
    Preset(&'a Spanned<Name>),
}

pub(super) fn resolve<'a>(
    agent: &Name,
    entries: &'a [Spanned<EgressEntry>],
    scope: Scope<'a, '_>,
    found: &mut Found,
) -> Vec<EgressRule<'a>> {
    let mut rules = Vec::new();
    for entry in entries {
        match &entry.value {
            EgressEntry::Host(host) => {
                rules.push(rule(agent, host, host.until, EgressSource::Written(host), host.host.span, found));
            }
            EgressEntry::Preset(preset) => {
                let Some(known) = scope.parsed.catalog.presets.get(&preset.preset.value) else {
                    let presets = &scope.parsed.catalog.presets;
                    found.lose(names::unresolved(&preset.preset, "presets", presets.keys().map(Name::as_str)));
                    continue;
                };
                let source = EgressSource::Preset(&preset.preset);
                rules.extend(known.egress.iter().map(|host| {
                    let until = earlier(preset.until, host.until);
                    rule(agent, host, until, source, preset.preset.span, found)
                }));
            }
        }
    }
    rules
}

/// The earlier of two dates that may not be written.
fn earlier(one: Option<Spanned<Instant>>, other: Option<Spanned<Instant>>) -> Option<Spanned<Instant>> {
    one.into_iter().chain(other).min()
}

fn rule<'a>(
    agent: &Name,
    host: &'a EgressHost,
    until: Option<Spanned<Instant>>,
    source: EgressSource<'a>,
    span: Span,
    found: &mut Found,
) -> EgressRule<'a> {
    let mut ports = BTreeSet::new();
    for port in host.ports.iter().flatten() {
        match Port::new(port.value) {
            Some(port) => ports.extend([port]),
            None => found
                .lose(Diagnostic::error(PORT_ZERO, port.span, "there is no port 0").help("use a port from 1 to 65535")),
        }
    }
    if host.ports.is_none() {
        ports.extend(Port::new(443));
    }
    let labels = match &host.labels {
        Some(labels) => labels.iter().map(|label| label.value).collect(),
        None => BTreeSet::from([FlowLabel::UntrustedInput, FlowLabel::WayOut]),
    };
    EgressRule {
        id: RuleId::egress(agent, &host.host, &ports),
        host: &host.host,
        ports,
        until: until.map(|until| until.value),
        until_span: until.map(|until| until.span),
        reason: &host.reason,
        ticket: host.ticket.as_ref().map(|ticket| ticket.value.as_str()),
        labels,
        source,
        span,
    }
}
