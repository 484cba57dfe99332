//! Words that a persona or prompt writes as code. Not here: which of them are tools.

use kars_scenario::span::{FileId, Span};

use crate::resolve::{Agent, Resolved};

/// A text that an agent is told.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) file: FileId,
    pub(super) text: &'a str,
}

/// A word at the beginning of a code span, and what follows it there.
pub(super) struct Mention<'a> {
    pub(super) word: &'a str,
    pub(super) rest: &'a str,
    pub(super) span: Span,
}

/// The agent's persona, and the prompt where it is sent to this agent.
pub(super) fn told<'a>(scenario: &Resolved<'a>, agent: &Agent<'a>) -> Vec<Told<'a>> {
    let persona = agent.persona.map(|persona| Told { file: persona.file, text: persona.text });
    let prompt = scenario.scenario.prompt.as_ref().filter(|prompt| prompt.to.value == agent.name.value);
    let prompt = prompt.and_then(|prompt| {
        let file = scenario.texts.get(&prompt.file.value)?;
        Some(Told { file, text: &scenario.sources.get(file).text })
    });
    persona.into_iter().chain(prompt).collect()
}

/// The code spans of a text that begin with a word. Fenced blocks are examples of something else and left out.
pub(super) fn mentions(told: Told<'_>) -> Vec<Mention<'_>> {
    let mut mentions = Vec::new();
    let (mut at, mut fenced) = (0, false);
    for line in told.text.split_inclusive('\n') {
        let is_fence = line.trim_start().starts_with("```");
        fenced ^= is_fence;
        if !fenced && !is_fence {
            in_line(line, at, told.file, &mut mentions);
        }
        at += line.len();
    }
    mentions
}

fn in_line<'a>(line: &'a str, mut at: usize, file: FileId, mentions: &mut Vec<Mention<'a>>) {
    let pieces: Vec<_> = line.split('`').collect();
    for (place, piece) in pieces.iter().enumerate() {
        // Every second piece stands between two backticks, but for a last one that nothing closes.
        if place % 2 == 1 && place + 1 < pieces.len() {
            let is_part = |letter: char| letter.is_ascii_alphanumeric() || "_.-/".contains(letter);
            let (word, rest) = piece.split_at(piece.find(|letter| !is_part(letter)).unwrap_or(piece.len()));
            if !word.is_empty() && (rest.is_empty() || rest.starts_with(['(', ' '])) {
                let byte = |at: usize| u32::try_from(at).expect("files are limited to 8 MiB");
                mentions.push(Mention { word, rest, span: Span { file, start: byte(at), end: byte(at + word.len()) } });
            }
        }
        at += piece.len() + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_backticks_and_nothing_else() {
        let text =
            "Use `write_file`, `kars_spawn analyst` and `f(x)`.\n```\n`in_fence`\n```\n`*.md` `open\nlast `mcp_a_b`\n";
        let found: Vec<_> = mentions(Told { file: FileId(0), text })
            .into_iter()
            .map(|mention| (mention.word, mention.rest, &text[mention.span.start as usize..mention.span.end as usize]))
            .collect();
        let expected = [
            ("write_file", "", "write_file"),
            ("kars_spawn", " analyst", "kars_spawn"),
            ("f", "(x)", "f"),
            ("mcp_a_b", "", "mcp_a_b"),
        ];
        assert_eq!(found, expected);
    }
}
