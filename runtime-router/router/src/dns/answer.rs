//! One question about a name and its answer. Not here: sockets.
//!
//! A name that the agent may not reach does not exist, and nobody is asked about it: a question could carry data out.

use std::net::IpAddr;

use hickory_resolver::proto::op::{Edns, Message, MessageType, Metadata, OpCode, Query, ResponseCode};
use hickory_resolver::proto::rr::{DNSClass, RData, Record, RecordType};
use kars_contract::agent_api::ErrorCode;
use kars_contract::host::Hostname;
use tokio::time::Instant;

use crate::connect::{Connector, Terms, Vetted};
use crate::gate::Gate;
use crate::metrics::{DnsAnswer, Kind};
use crate::refusal::{Refusal, shown};

/// Bytes of an answer over UDP to a client that names no size, and the most that is sent to any.
const SMALLEST: u16 = 512;
const LARGEST: u16 = 1232;
/// Bytes of a message's header.
const HEADER: usize = 12;

/// By what an answer travels.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Transport {
    Udp,
    Tcp,
}

/// The answer to a message; none to what is no question.
pub(super) async fn answer(gate: &Gate, connector: &Connector, bytes: &[u8], transport: Transport) -> Option<Vec<u8>> {
    let asked = match Message::from_vec(bytes) {
        Ok(message) if message.metadata.message_type == MessageType::Query => message,
        Ok(_) => return None,
        Err(_) => {
            gate.metrics().resolved(DnsAnswer::Malformed);
            return unreadable(bytes);
        }
    };
    let mut reply = Message::new(asked.metadata.id, MessageType::Response, asked.metadata.op_code);
    reply.metadata = Metadata::response_from_request(&asked.metadata);
    reply.metadata.recursion_available = true;
    reply.add_queries(asked.queries.iter().cloned());
    let code = match (asked.metadata.op_code, asked.queries.as_slice()) {
        (OpCode::Query, [query]) => match found(gate, connector, query).await {
            Ok(records) => {
                reply.add_answers(records);
                ResponseCode::NoError
            }
            Err(code) => code,
        },
        (OpCode::Query, _) => ResponseCode::FormErr,
        _ => ResponseCode::NotImp,
    };
    reply.metadata.response_code = code;
    gate.metrics().resolved(match code {
        ResponseCode::NoError if reply.answers.is_empty() => DnsAnswer::Nothing,
        ResponseCode::NoError => DnsAnswer::Records,
        ResponseCode::NXDomain => DnsAnswer::NoName,
        ResponseCode::FormErr => DnsAnswer::Malformed,
        ResponseCode::Refused | ResponseCode::NotImp => DnsAnswer::Refused,
        _ => DnsAnswer::Failed,
    });
    let most = asked.edns.as_ref().map_or(SMALLEST, Edns::max_payload).clamp(SMALLEST, LARGEST);
    if asked.edns.is_some() {
        let mut edns = Edns::new();
        edns.set_max_payload(LARGEST);
        reply.set_edns(edns);
    }
    written(&reply, most, transport)
}

async fn found(gate: &Gate, connector: &Connector, query: &Query) -> Result<Vec<Record>, ResponseCode> {
    if query.query_class != DNSClass::IN
        || matches!(query.query_type, RecordType::ANY | RecordType::AXFR | RecordType::IXFR)
    {
        return Err(ResponseCode::Refused);
    }
    let name = query.name.to_ascii();
    let host = Hostname::parse(&name).map_err(|error| {
        let refusal = Refusal::new(ErrorCode::EgressDenied, format!("`{}` is refused: {error}", shown(&name)));
        gate.refused(Kind::Dns, shown(&name), &refusal);
        ResponseCode::NXDomain
    })?;
    let permitted = gate.name(host).map_err(|refusal| match refusal.code() {
        ErrorCode::EgressDenied => ResponseCode::NXDomain,
        _ => ResponseCode::ServFail,
    })?;
    let terms = Terms::of(permitted.permit().generation().document());
    let wanted = match query.query_type {
        RecordType::A if terms.v4 => IpAddr::is_ipv4,
        RecordType::AAAA if terms.v6 => IpAddr::is_ipv6,
        // The name exists, but has nothing of this kind: neither other addresses nor hints at other ways to connect.
        _ => return Ok(Vec::new()),
    };
    let vetted = connector.addresses(&permitted).await.map_err(|refusal| {
        let refusal = gate.undone(Kind::Dns, permitted.host(), permitted.permit(), refusal);
        if refusal.code() == ErrorCode::EgressSpecialUse { ResponseCode::NXDomain } else { ResponseCode::ServFail }
    })?;
    if vetted.addresses.is_empty() {
        return Err(ResponseCode::NXDomain);
    }
    Ok(records(query, &vetted, wanted))
}

/// The answer may be kept as long as the router itself would connect by it.
fn records(query: &Query, vetted: &Vetted, wanted: fn(&IpAddr) -> bool) -> Vec<Record> {
    let left = vetted.until.saturating_duration_since(Instant::now()).as_secs();
    let left = u32::try_from(left).unwrap_or(u32::MAX);
    let addresses = vetted.addresses.iter().filter(|address| wanted(address));
    addresses.map(|address| Record::from_rdata(query.name.clone(), left, RData::from(*address))).collect()
}

fn written(reply: &Message, most: u16, transport: Transport) -> Option<Vec<u8>> {
    let whole = reply.to_vec().ok()?;
    if transport == Transport::Tcp || whole.len() <= usize::from(most) {
        return Some(whole);
    }
    reply.truncate().to_vec().ok()
}

/// What answers bytes that cannot be read, if they have a number to answer to.
fn unreadable(bytes: &[u8]) -> Option<Vec<u8>> {
    let (&[high, low, flags, ..], true) = (bytes, bytes.len() >= HEADER) else { return None };
    if flags & 0x80 != 0 {
        return None;
    }
    Message::error_msg(u16::from_be_bytes([high, low]), OpCode::Query, ResponseCode::FormErr).to_vec().ok()
}
