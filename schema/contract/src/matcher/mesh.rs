//! Which messages and files links carry. Not here: whether a message really answers another; the router remembers that.

use std::collections::BTreeSet;

use crate::id::RuleId;
use crate::name::Name;
use crate::permits::{Decision, Reason};
use crate::router::{Enforcer, FilePattern, Mesh};

/// The two sides of what a document says of one peer, as seen from the direction of the message.
struct Sides<'a> {
    /// The link in the direction of the message, with the files it carries.
    along: Option<(&'a RuleId, &'a BTreeSet<FilePattern>)>,
    /// The link against it, with whether it lets answers back.
    against: Option<(&'a RuleId, bool)>,
}

/// Whether the agent may send to this peer.
pub(super) fn send(mesh: Option<&Mesh>, peer: &Name, reply: bool) -> Decision {
    message(&sending(mesh, peer), reply)
}

/// Whether the agent takes a message of this peer.
pub(super) fn receive(mesh: Option<&Mesh>, peer: &Name, reply: bool) -> Decision {
    message(&receiving(mesh, peer), reply)
}

/// Whether the agent may send this peer a file.
pub(super) fn send_file(mesh: Option<&Mesh>, peer: &Name, path: &str) -> Decision {
    file(&sending(mesh, peer), path)
}

/// Whether the agent takes a file of this peer.
pub(super) fn receive_file(mesh: Option<&Mesh>, peer: &Name, path: &str) -> Decision {
    file(&receiving(mesh, peer), path)
}

fn sending<'a>(mesh: Option<&'a Mesh>, peer: &Name) -> Sides<'a> {
    let outgoing = mesh.and_then(|mesh| mesh.outgoing.get(peer));
    let incoming = mesh.and_then(|mesh| mesh.incoming.get(peer));
    Sides {
        along: outgoing.map(|link| (&link.id, &link.files)),
        against: incoming.map(|link| (&link.id, link.replies)),
    }
}

fn receiving<'a>(mesh: Option<&'a Mesh>, peer: &Name) -> Sides<'a> {
    let outgoing = mesh.and_then(|mesh| mesh.outgoing.get(peer));
    let incoming = mesh.and_then(|mesh| mesh.incoming.get(peer));
    Sides {
        along: incoming.map(|link| (&link.id, &link.files)),
        against: outgoing.map(|link| (&link.id, link.replies)),
    }
}

fn message(sides: &Sides<'_>, reply: bool) -> Decision {
    let (reason, rule) = match (sides.along, sides.against) {
        (Some((rule, _)), _) => (Reason::Listed, Some(rule)),
        (None, Some((rule, true))) if reply => (Reason::Reply, Some(rule)),
        (None, Some((rule, true))) => (Reason::ReplyOnly, Some(rule)),
        (None, Some((rule, false))) => (Reason::NoReplies, Some(rule)),
        (None, None) => (Reason::NotLinked, None),
    };
    Decision::new(reason, rule, Enforcer::Router)
}

fn file(sides: &Sides<'_>, path: &str) -> Decision {
    let (reason, rule) = match (sides.along, sides.against) {
        (Some((rule, files)), _) if files.iter().any(|pattern| pattern.matches(path)) => (Reason::Listed, Some(rule)),
        (Some((rule, _)), _) | (None, Some((rule, _))) => (Reason::FileNotListed, Some(rule)),
        (None, None) => (Reason::NotLinked, None),
    };
    Decision::new(reason, rule, Enforcer::Router)
}
