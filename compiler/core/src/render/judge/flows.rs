//! The judgement of policies that somebody else wrote, held to flows that somebody else declared. Not here: the flows of a
//! build (`lower::flows`).

use std::collections::BTreeSet;

use kars_contract::name::{Namespace, Port};
use kars_scenario::environment::IpFamily;

use crate::lower::flows::{Flow, Peer};
use crate::lower::objects::Planned;
use crate::render::reach::{self, Expected, Fenced};

/// Declared flows in words: `out dns`, `out public 443`, `out range 10.20.0.0/24 443`, `into namespace monitoring 9090`,
/// `into agents kars-brief--lead,kars-brief--viz 8082 8083`.
///
/// # Errors
/// Where a text is no flow, or the objects have no workload.
pub(super) fn judge(objects: &[Planned], flows: &[&str]) -> Result<Vec<String>, String> {
    let (mut out, mut into) = (Vec::new(), Vec::new());
    for text in flows {
        let unknown = || format!("`{text}` is no flow");
        let (way, flow) = text.split_once(' ').ok_or_else(unknown)?;
        let flow = parse(flow).ok_or_else(unknown)?;
        match way {
            "out" => out.push(flow),
            "into" => into.push(flow),
            _ => return Err(unknown()),
        }
    }
    let expected = Expected::of(&out, &into, &[IpFamily::V4]);
    let fenced = Fenced::of(objects).ok_or("there is no workload")?;
    let mut faults = reach::wiring(objects);
    faults.extend(reach::faults(&fenced, &expected));
    Ok(faults.into_iter().map(|fault| format!("{}: {}: {}", fault.code, fault.subject, fault.message)).collect())
}

fn parse(text: &str) -> Option<Flow> {
    let mut words = text.split(' ');
    let kind = words.next()?;
    if kind == "dns" {
        return Some(Flow { peer: Peer::Dns, ports: BTreeSet::from([Port::new(53)?]), udp: true });
    }
    let peer = match kind {
        "public" => Peer::Public,
        "range" => Peer::Range(words.next()?.to_owned()),
        "namespace" => Peer::Namespace(words.next()?.to_owned()),
        "agents" => {
            let names = words.next()?.split(',');
            Peer::Agents(names.map(|name| Namespace::parse(name).ok()).collect::<Option<_>>()?)
        }
        _ => return None,
    };
    let ports = words.map(|word| Port::new(word.parse().ok()?)).collect::<Option<_>>()?;
    Some(Flow { peer, ports, udp: false })
}
