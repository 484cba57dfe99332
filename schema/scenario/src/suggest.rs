//! "Did you mean": the known word nearest to an unknown one.

/// A sentence that names the nearest known word, where one is near enough to be a slip.
pub fn did_you_mean<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    nearest(unknown, known).map(|word| format!("did you mean `{word}`?"))
}

/// The known word with the fewest edits, at most a third of the length. Case alone never counts.
fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let folded = unknown.to_lowercase();
    let allowed = (unknown.chars().count() / 3).max(1);
    known
        .map(|word| (strsim::osa_distance(&folded, &word.to_lowercase()), word))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let known = ["allowFrom", "egress", "model", "tools"];
        for (slip, meant) in [("alowFrom", "allowFrom"), ("Egress", "egress"), ("modle", "model"), ("tool", "tools")] {
            assert_eq!(nearest(slip, known.into_iter()), Some(meant));
        }
        assert_eq!(nearest("persona", known.into_iter()), None);
    }
}
