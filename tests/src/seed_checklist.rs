//! `docs/seed-checklist.md` names what answers each known fault; what it names must exist. Not here: whether it does its job,
//! which is for the tests that it names.

use karsc_core::check::pages;

use crate::support::root;

/// Rows of the table by section: ids and answer.
fn rows() -> Vec<(String, Vec<String>, String)> {
    let text = std::fs::read_to_string(root().join("docs/seed-checklist.md")).unwrap();
    let mut section = String::new();
    let mut rows = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            title.clone_into(&mut section);
        }
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let ["", ids, _, answer, ""] = cells.as_slice() else { continue };
        if !matches!(*ids, "id" | "---") {
            rows.push((section.clone(), ids.split(", ").map(str::to_owned).collect(), (*answer).to_owned()));
        }
    }
    rows
}

/// The words in backticks.
fn names(answer: &str) -> impl Iterator<Item = &str> {
    answer.split('`').skip(1).step_by(2)
}

/// Why a name does not stand for anything; nothing where it does, or where it is no place in the repository.
fn missing(name: &str) -> Option<String> {
    if name.starts_with('K') && name[1..].bytes().all(|byte| byte.is_ascii_digit()) {
        return pages::by_code(name).is_none().then(|| format!("{name} has no page"));
    }
    let (path, word) = name.split_once("::").map_or((name, None), |(path, word)| (path, Some(word)));
    if !path.contains('/') {
        return None;
    }
    let full = root().join(path);
    if !full.exists() {
        return Some(format!("there is no `{path}`"));
    }
    let text = std::fs::read_to_string(full).unwrap_or_default();
    let is_inside = |letter: char| letter.is_alphanumeric() || letter == '_';
    let has = |word: &str| text.split(|letter| !is_inside(letter)).any(|part| part == word);
    word.filter(|word| !has(word)).map(|word| format!("`{path}` does not name `{word}`"))
}

#[test]
fn every_answer_exists() {
    let mut faults = Vec::new();
    for (section, ids, answer) in rows() {
        let found = names(&answer).filter_map(missing).map(|fault| format!("{section}: {}: {fault}", ids[0]));
        faults.extend(found);
        let is_answered = names(&answer).any(|name| name.contains('/') || pages::by_code(name).is_some());
        if !is_answered && !answer.contains("comes with") {
            faults.push(format!("{section}: {}: nothing answers it", ids[0]));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_row_is_forgotten() {
    let rows = rows();
    for (section, letter, last) in [
        ("4.", 'N', 20),
        ("5.", 'E', 14),
        ("6.", 'P', 30),
        ("7.", 'V', 16),
        ("8.", 'A', 13),
        ("9.", 'S', 15),
        ("10.", 'M', 10),
        ("3.", 'X', 28),
    ] {
        let own = rows.iter().filter(|(title, _, _)| title.starts_with(section));
        let ids: Vec<_> = own.flat_map(|(_, ids, _)| ids.clone()).collect();
        let expected: Vec<_> = (1..=last).map(|number| format!("{letter}{number:02}")).collect();
        let mut sorted = ids.clone();
        sorted.sort();
        assert_eq!(sorted, expected, "section {section}");
    }
}
