//! What the kernel holds, read from its answers. Attributes that say nothing about what a rule does, such as counts and
//! handles, are passed over. Not here: asking for the answers.

use std::collections::BTreeSet;

use kars_contract::Port;

use super::attribute::{Fields, Malformed};
use super::expression::{ACCEPT, PLACES, PORT_IS_NAMED, Place, Property, REGISTER, Step, VERDICT};
use super::fault::Fault;
use super::message::{INET, Message};
use super::table::{Chain, NAME, Rule};

/// The values of a set.
pub(super) type Values = BTreeSet<Vec<u8>>;

/// The attributes of a message about the guard's table; none of one about another table.
pub(super) fn ours(message: &Message) -> Result<Option<Fields<'_>>, Malformed> {
    let fields = Fields::read(message.attributes())?;
    Ok((message.family() == Some(INET) && fields.text(1) == Some(NAME)).then_some(fields))
}

/// The flags of the table.
pub(super) fn flags(fields: &Fields<'_>) -> u32 {
    fields.number(2).unwrap_or_default()
}

/// A chain, without its rules.
pub(super) fn chain(fields: &Fields<'_>) -> Result<Chain, Malformed> {
    let text = |number| fields.text(number).map(str::to_owned).ok_or(Malformed);
    let name = text(3)?;
    // A chain without a hook sees no packet; it gets a place that none of ours has.
    let Ok(place) = fields.nested(4) else {
        return Ok(Chain { name, kind: String::new(), hook: 0, priority: 0, policy: 0, rules: Vec::new() });
    };
    Ok(Chain {
        name,
        kind: text(7)?,
        hook: place.number(1).ok_or(Malformed)?,
        priority: place.number(2).ok_or(Malformed)?.cast_signed(),
        policy: fields.number(5).ok_or(Malformed)?,
        rules: Vec::new(),
    })
}

/// A rule; `values` gives those of a set by its name.
pub(super) fn rule(fields: &Fields<'_>, mut values: impl FnMut(&str) -> Result<Values, Fault>) -> Result<Rule, Fault> {
    let mut steps = Vec::new();
    for (_, expression) in fields.nested(4)?.all() {
        let expression = Fields::read(expression)?;
        let (name, data) = (expression.text(1).ok_or(Malformed)?, expression.nested(2)?);
        let found = match name {
            "lookup" => among(&data, &mut values)?,
            _ => step(name, &data)?,
        };
        steps.push(found.ok_or_else(|| Fault::Differs(format!("a rule has a step `{name}` of another kind")))?);
    }
    Ok(Rule { why: comment(fields.bytes(7).unwrap_or_default()), steps })
}

/// The values in one message about the elements of a set.
pub(super) fn values(fields: &Fields<'_>) -> Result<Values, Fault> {
    let mut values = Values::new();
    let Some(elements) = fields.bytes(3) else { return Ok(values) };
    for (_, element) in Fields::read(elements)?.all() {
        let element = Fields::read(element)?;
        if element.number(3).unwrap_or_default() != 0 {
            return Err(Fault::Differs("a set has more than single values".to_owned()));
        }
        values.insert(element.nested(1)?.bytes(1).ok_or(Malformed)?.to_vec());
    }
    Ok(values)
}

fn among(data: &Fields<'_>, values: &mut impl FnMut(&str) -> Result<Values, Fault>) -> Result<Option<Step>, Fault> {
    let negated = data.number(5).unwrap_or_default() != 0;
    if negated || data.number(2) != Some(REGISTER) {
        return Ok(None);
    }
    Ok(Some(Step::Among(values(data.text(1).ok_or(Malformed)?)?)))
}

fn step(name: &str, data: &Fields<'_>) -> Result<Option<Step>, Malformed> {
    let first_is_register = data.number(1) == Some(REGISTER);
    Ok(match name {
        "counter" => Some(Step::Count),
        "immediate" if data.number(1) == Some(VERDICT) => {
            let verdict = data.nested(2)?.nested(2)?.number(1);
            (verdict == Some(ACCEPT)).then_some(Step::Accept)
        }
        _ if !first_is_register => None,
        "meta" => data.number(2).and_then(|key| property(Place::Meta(key))),
        "ct" => data.number(2).and_then(|key| property(Place::Tracked(key))),
        "payload" => header(data).and_then(property),
        "cmp" => {
            let value = data.nested(3)?.bytes(1).ok_or(Malformed)?.to_vec();
            match data.number(2) {
                Some(0) => Some(Step::Equal(value)),
                Some(1) => Some(Step::Differs(value)),
                _ => None,
            }
        }
        "bitwise" => {
            let (mask, flipped) = (data.nested(4)?, data.nested(5)?);
            let (mask, flipped) = (mask.bytes(1).ok_or(Malformed)?, flipped.bytes(1).ok_or(Malformed)?);
            let other = data.number(6).unwrap_or_default() != 0 || data.number(2) != Some(REGISTER);
            (!other && flipped.iter().all(|byte| *byte == 0)).then(|| Step::Mask(mask.to_vec()))
        }
        "immediate" => {
            let port = data.nested(2)?.bytes(1).and_then(|value| value.try_into().ok()).map(u16::from_be_bytes);
            port.and_then(Port::new).map(Step::Put)
        }
        "redir" => {
            let one_port = data.number(2).is_none_or(|last| last == REGISTER);
            (one_port && data.number(3) == Some(PORT_IS_NAMED)).then_some(Step::Redirect)
        }
        _ => None,
    })
}

fn header(data: &Fields<'_>) -> Option<Place> {
    Some(Place::Header { base: data.number(2)?, offset: data.number(3)?, length: data.number(4)? })
}

fn property(place: Place) -> Option<Step> {
    let found: Option<Property> = PLACES.iter().find(|(_, known)| *known == place).map(|(property, _)| *property);
    found.map(Step::Load)
}

/// The comment in the user data of a rule, which is a list of a number, a length and a value each.
fn comment(mut data: &[u8]) -> String {
    while let [number, length, rest @ ..] = data {
        let Some((value, rest)) = rest.split_at_checked(usize::from(*length)) else { break };
        if *number == 0 {
            return String::from_utf8_lossy(value.strip_suffix(&[0]).unwrap_or(value)).into_owned();
        }
        data = rest;
    }
    String::new()
}
