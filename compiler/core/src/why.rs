//! One question, put to the router of one agent: what `karsc why` prints. Its words are read as strictly as a file, and what
//! is wrong with them is shown at its place. Not here: the answer (`answer`), and terminals.

use std::collections::BTreeMap;

use kars_contract::instant::Instant;
use kars_contract::settings::HTTPS_PORT;
use kars_scenario::codes;
use kars_scenario::decode::Decode;
use kars_scenario::diagnostic::{Diagnostic, Found};
use kars_scenario::name::Name;
use kars_scenario::node::{Node, Value};
use kars_scenario::policy_test::{Question, QuestionKind};
use kars_scenario::span::{FileId, Span, Spanned};

use crate::answer::{Explanation, Routers, names};
use crate::inspect::{Inspection, inspect_beside};
use crate::lower::lower;
use crate::parse::Input;
use crate::sources::{Files, Source, Sources};

/// What the words of a question are called in diagnostics.
const SOURCE: &str = "<question>";

/// A question as it was typed.
#[derive(Clone, Debug)]
pub struct Asked {
    pub agent: String,
    pub kind: QuestionKind,
    /// What is tried: `host`, `host:port`, a tool id, `server/tool`, an agent or a model.
    pub subject: String,
    /// Arguments of a tool call, each as `name=value`.
    pub args: Vec<String>,
}

/// Asks the router of an agent. Nothing is seen where the scenario breaks a rule or the question names what is not there.
pub fn why(input: &Input, as_of: Instant, files: &dyn Files, asked: &Asked) -> Inspection<Explanation> {
    inspect_beside(
        (input, as_of, files),
        |_, sources, found| Words::of(asked, sources).read(asked.kind, found),
        |resolved, (agent, question), found| names::check(resolved, agent, question, found),
        |checked, (agent, question)| Routers::of(&lower(checked)).ask(&agent.value, &question),
    )
}

/// The words of a question, each with its place in the line that they make.
struct Words {
    agent: Node,
    subject: Node,
    args: Vec<Node>,
}

impl Words {
    fn of(asked: &Asked, sources: &mut Sources) -> Self {
        let subject = with_port(asked);
        let words = [asked.agent.as_str(), asked.kind.as_str(), subject.as_str()].into_iter();
        let words: Vec<&str> = words.chain(asked.args.iter().map(String::as_str)).collect();
        let file = sources.add(Source { path: SOURCE.to_owned(), text: words.join(" "), evaluated: false });
        let mut start = 0;
        let mut nodes = words.iter().map(|word| {
            let node = node(file, start, word);
            start += word.len() + 1;
            node
        });
        let mut next = || nodes.next().expect("there are three words and the arguments");
        let (agent, _, subject) = (next(), next(), next());
        Self { agent, subject, args: nodes.collect() }
    }

    fn read(&self, kind: QuestionKind, found: &mut Found) -> Option<(Spanned<Name>, Question)> {
        let agent = Spanned::<Name>::decode(&self.agent, found);
        let args = arguments(&self.args, found);
        let subject = &self.subject;
        let question = match kind {
            QuestionKind::Egress => Decode::decode(subject, found).map(Question::Egress),
            QuestionKind::Tool => Decode::decode(subject, found).map(|tool| Question::Tool(tool, args)),
            QuestionKind::Mcp => Decode::decode(subject, found).map(|tool| Question::Mcp(tool, args)),
            QuestionKind::Mesh => Decode::decode(subject, found).map(Question::Mesh),
            QuestionKind::Model => Decode::decode(subject, found).map(Question::Model),
        };
        if let (Some(first), false) = (self.args.first(), matches!(kind, QuestionKind::Tool | QuestionKind::Mcp)) {
            let message = "only a question about `tool` or `mcp` has arguments";
            found.lose(Diagnostic::error(codes::UNKNOWN_FIELD, first.span, message).help("remove them"));
        }
        Some((agent?, question?))
    }
}

/// What is tried; a host without a port is asked for at the port of HTTPS. An address of colons is a host, too.
fn with_port(Asked { kind, subject, .. }: &Asked) -> String {
    let colons = subject.matches(':').count();
    let bare = colons == 0 || subject.ends_with(']') || (colons > 1 && !subject.starts_with('['));
    if *kind == QuestionKind::Egress && bare { format!("{subject}:{HTTPS_PORT}") } else { subject.clone() }
}

/// A word as a quoted scalar: it is text, whatever it looks like.
fn node(file: FileId, start: usize, word: &str) -> Node {
    let byte = |at: usize| u32::try_from(at).expect("a command line is short");
    let span = Span { file, start: byte(start), end: byte(start + word.len()) };
    Node { span, value: Value::Scalar { text: word.to_owned(), plain: false } }
}

/// Arguments by name. A value that is JSON is read as JSON, so that numbers and lists can be said; any other is text.
fn arguments(words: &[Node], found: &mut Found) -> BTreeMap<String, serde_json::Value> {
    let mut args = BTreeMap::new();
    for word in words {
        let text = word.text().unwrap_or_default();
        let Some((name, value)) = text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            found.lose(
                Diagnostic::error(codes::MALFORMED, word.span, format!("`{text}` is not an argument"))
                    .help("write `name=value`, as in `path=/sandbox/incoming/brief.md`"),
            );
            continue;
        };
        let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
        if args.insert(name.to_owned(), value).is_some() {
            let message = format!("the argument `{name}` is given twice");
            found.lose(Diagnostic::error(codes::DUPLICATE_KEY, word.span, message).help("keep one of them"));
        }
    }
    args
}
