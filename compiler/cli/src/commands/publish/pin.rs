//! The digest of an artifact, written where an engine reads it: into `spec.ref` of a Flux `OCIRepository`, or the
//! `targetRevision` of an Argo CD `Application`. One scalar changes or appears, and a source that waited for it is no longer
//! suspended; every other byte stays. Not here: files.

use granit_parser::{Event, Parser, Span, StructureStyle};
use kars_contract::digest::Digest;

use crate::registry::Address;

/// Why a text cannot be pinned.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Unpinnable {
    #[error("it is not YAML: {0}")]
    Yaml(String),
    #[error("it has no `OCIRepository` or `Application` whose source is `{0}`")]
    NoSource(String),
    #[error("the `{0}` has no `{1}` to hold the digest; write it with a tag first")]
    NoPlace(String, &'static str),
}

/// The text with the digest in every object whose source is the artifact's repository.
pub(super) fn pinned(text: &str, address: &Address, digest: &Digest) -> Result<String, Unpinnable> {
    let source = format!("oci://{}/{}", address.host, address.repository);
    let mut edits = Vec::new();
    for document in documents(text)? {
        edits.extend(edit(&document, &source, digest)?);
    }
    if edits.is_empty() {
        return Err(Unpinnable::NoSource(source));
    }
    edits.sort_unstable_by_key(|edit| std::cmp::Reverse(edit.start));
    let mut text = text.to_owned();
    for Edit { start, end, new } in edits {
        text.replace_range(start..end, &new);
    }
    Ok(text)
}

/// New text in the place of some bytes.
struct Edit {
    start: usize,
    end: usize,
    new: String,
}

/// What is to be changed in an object; nothing where it has another source.
fn edit(document: &Node, source: &str, digest: &Digest) -> Result<Option<Edit>, Unpinnable> {
    let Some(kind) = document.at(&["kind"]).and_then(Node::text) else { return Ok(None) };
    let (url, holder, key, shown): (&[&str], &[&str], _, _) = match kind {
        "OCIRepository" => (&["spec", "url"], &["spec", "ref"], "digest", "spec.ref"),
        "Application" => {
            (&["spec", "source", "repoURL"], &["spec", "source"], "targetRevision", "spec.source.targetRevision")
        }
        _ => return Ok(None),
    };
    if document.at(url).and_then(Node::text) != Some(source) {
        return Ok(None);
    }
    let missing = || Unpinnable::NoPlace(kind.to_owned(), shown);
    if kind == "OCIRepository" && document.at(holder).is_none() {
        return Ok(waiting(document, digest));
    }
    let holder = document.at(holder).ok_or_else(missing)?;
    if let Some(node) = holder.at(&[key]) {
        let Node::Scalar { start, end, .. } = node else { return Err(missing()) };
        return Ok(Some(Edit { start: *start, end: *end, new: digest.to_string() }));
    }
    let Node::Map { entries, flow } = holder else { return Err(missing()) };
    let first = entries.first().ok_or_else(missing)?;
    let separator = if *flow { ", ".to_owned() } else { format!("\n{}", " ".repeat(first.column)) };
    Ok(Some(Edit { start: first.start, end: first.start, new: format!("{key}: {digest}{separator}") }))
}

/// An `OCIRepository` that names nothing to fetch waits for a digest, suspended by the build that wrote it; the digest takes
/// the place of the suspension. Written on one line, it fits every style.
fn waiting(document: &Node, digest: &Digest) -> Option<Edit> {
    let Some(Node::Map { entries, flow }) = document.at(&["spec"]) else { return None };
    let new = format!("ref: {{ digest: {digest} }}");
    for entry in entries.iter().filter(|entry| entry.key == "suspend") {
        if let Node::Scalar { end, .. } = entry.value {
            return Some(Edit { start: entry.start, end, new });
        }
    }
    let first = entries.first()?;
    let separator = if *flow { ", ".to_owned() } else { format!("\n{}", " ".repeat(first.column)) };
    Some(Edit { start: first.start, end: first.start, new: new + &separator })
}

/// What of a document matters here.
enum Node {
    Scalar { text: String, start: usize, end: usize },
    Map { entries: Vec<Entry>, flow: bool },
    Other,
}

struct Entry {
    key: String,
    /// Where the key starts: its byte, and its column in letters.
    start: usize,
    column: usize,
    value: Node,
}

impl Node {
    fn at(&self, path: &[&str]) -> Option<&Self> {
        let Some((first, rest)) = path.split_first() else { return Some(self) };
        let Self::Map { entries, .. } = self else { return None };
        entries.iter().find(|entry| entry.key == *first)?.value.at(rest)
    }

    fn text(&self) -> Option<&str> {
        if let Self::Scalar { text, .. } = self { Some(text) } else { None }
    }
}

fn documents(text: &str) -> Result<Vec<Node>, Unpinnable> {
    let mut documents = Vec::new();
    let events = Parser::new_from_str(text).filter(|event| !matches!(event, Ok((Event::Comment(..), _))));
    let mut events = events.map(|event| event.map_err(|error| Unpinnable::Yaml(error.info().to_lowercase())));
    while let Some(event) = events.next().transpose()? {
        if matches!(event.0, Event::StreamStart | Event::StreamEnd | Event::DocumentStart(..) | Event::DocumentEnd) {
            continue;
        }
        documents.push(node(event, &mut events)?);
    }
    Ok(documents)
}

/// An event of the parser, with its place.
type Placed<'t> = (Event<'t>, Span);

/// The node that starts with an event.
fn node<'t>(
    (event, span): Placed<'t>,
    events: &mut dyn Iterator<Item = Result<Placed<'t>, Unpinnable>>,
) -> Result<Node, Unpinnable> {
    let start = span.start.byte_offset().unwrap_or_default();
    match event {
        Event::Scalar(text, ..) => {
            let end = span.end.byte_offset().unwrap_or(start);
            Ok(Node::Scalar { text: text.into_owned(), start, end })
        }
        Event::SequenceStart(..) => {
            while !matches!(skip(events)?, Event::SequenceEnd) {}
            Ok(Node::Other)
        }
        Event::MappingStart(style, ..) => {
            let mut entries = Vec::new();
            loop {
                let (event, span) = next(events)?;
                if matches!(event, Event::MappingEnd) {
                    return Ok(Node::Map { entries, flow: style == StructureStyle::Flow });
                }
                let (start, column) = (span.start.byte_offset().unwrap_or_default(), span.start.col());
                let key = node((event, span), events)?;
                let value = next(events)?;
                let value = node(value, events)?;
                if let Some(key) = key.text() {
                    entries.push(Entry { key: key.to_owned(), start, column, value });
                }
            }
        }
        _ => Ok(Node::Other),
    }
}

/// Reads one node of a list, or its end.
fn skip<'t>(events: &mut dyn Iterator<Item = Result<Placed<'t>, Unpinnable>>) -> Result<Event<'t>, Unpinnable> {
    let (event, span) = next(events)?;
    if matches!(event, Event::SequenceEnd) {
        return Ok(event);
    }
    node((event.clone(), span), events)?;
    // What the node was matters to nobody; that it was not the end does.
    Ok(Event::StreamStart)
}

fn next<'t>(events: &mut dyn Iterator<Item = Result<Placed<'t>, Unpinnable>>) -> Result<Placed<'t>, Unpinnable> {
    events.next().unwrap_or_else(|| Err(Unpinnable::Yaml("it ends early".to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address() -> Address {
        "oci://ghcr.io/acme/brief:prod".parse().unwrap()
    }

    #[track_caller]
    fn changed(before: &str, old: &str, new: &str) {
        let digest = Digest::of(b"");
        let after = pinned(before, &address(), &digest).unwrap();
        assert_eq!(after, before.replacen(old, &new.replace("DIGEST", digest.as_str()), 1));
        assert_eq!(pinned(&after, &address(), &digest), Ok(after));
    }

    #[test]
    fn a_digest_appears_in_front_of_the_tag_and_nothing_else_changes() {
        let flux = "# ours\napiVersion: v1\nkind: ConfigMap\n---\nkind: OCIRepository # the source\nspec:\n  ref:\n    # which\n    tag: prod   # moved by people\n  url: oci://ghcr.io/acme/brief\n  list: [a, {b: c}]\n";
        changed(flux, "tag: prod", "digest: DIGEST\n    tag: prod");
        let flow = "kind: OCIRepository\nspec: { url: \"oci://ghcr.io/acme/brief\", ref: { tag: prod } }\n";
        changed(flow, "{ tag", "{ digest: DIGEST, tag");
    }

    #[test]
    fn a_digest_takes_the_place_of_another_one() {
        let flux = "kind: OCIRepository\nspec:\n  url: oci://ghcr.io/acme/brief\n  ref:\n    digest: \"sha256:0\"\n";
        changed(flux, "\"sha256:0\"", "DIGEST");
        let argo =
            "kind: Application\nspec:\n  source: {repoURL: oci://ghcr.io/acme/brief, path: ., targetRevision: prod}\n";
        changed(argo, "targetRevision: prod", "targetRevision: DIGEST");
    }

    #[test]
    fn a_digest_takes_the_place_of_the_suspension() {
        let flux = "kind: OCIRepository\nspec:\n  interval: 5m\n  suspend: true # until pinned\n  url: oci://ghcr.io/acme/brief\n";
        changed(flux, "suspend: true", "ref: { digest: DIGEST }");
        let flow = "kind: OCIRepository\nspec: {url: oci://ghcr.io/acme/brief}\n";
        changed(flow, "{url", "{ref: { digest: DIGEST }, url");
        let held =
            "kind: OCIRepository\nspec:\n  suspend: true\n  url: oci://ghcr.io/acme/brief\n  ref:\n    digest: old\n";
        changed(held, "old", "DIGEST");
    }

    #[test]
    fn every_object_with_that_source_is_pinned() {
        let one = "kind: Application\nspec:\n  source:\n    repoURL: oci://ghcr.io/acme/brief\n    targetRevision: é\n";
        let after = pinned(&format!("{one}---\n{one}"), &address(), &Digest::of(b"")).unwrap();
        assert_eq!(after.matches("sha256:").count(), 2);
        assert_eq!(after.matches('é').count(), 0);
    }

    #[test]
    fn what_cannot_be_pinned_says_why() {
        let digest = Digest::of(b"");
        for (text, why) in [
            ("kind: OCIRepository\nspec: {url: oci://ghcr.io/acme/other, ref: {tag: a}}\n", "has no `OCIRepository`"),
            ("kind: OCIRepository\nspec: {url: oci://ghcr.io/acme/brief, ref: }\n", "no `spec.ref`"),
            ("kind: [", "not YAML"),
            ("", "has no `OCIRepository`"),
        ] {
            let error = pinned(text, &address(), &digest).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
