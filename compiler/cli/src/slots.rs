//! Signature slots: objects that are built empty and filled by `karsc sign`. Filling one changes the text of one value
//! and no other byte. Not here: what is signed.

use kars_contract::settings::SIGNATURE_FILE;

/// The file of a slot, in each agent's folder.
const FILE: &str = "31-router-signature.yaml";

/// The agent whose slot a path of a bundle is, if it is one.
pub(crate) fn agent(path: &str) -> Option<&str> {
    let agent = path.strip_prefix("agents/")?.strip_suffix(FILE)?.strip_suffix('/')?;
    (!agent.contains('/')).then_some(agent)
}

/// The path of an agent's slot.
pub(crate) fn path(agent: &str) -> String {
    format!("agents/{agent}/{FILE}")
}

/// The text of a slot with this signature file in it; absent where the text is not that of a slot.
pub(crate) fn fill(slot: &str, signatures: &str) -> Option<String> {
    let (before, _) = split(slot)?;
    let value = serde_json::to_string(signatures).expect("text can always be written");
    Some(format!("{before}{value}\n"))
}

/// The text of the empty slot, and the signature file in it; absent where the text is not that of a slot.
pub(crate) fn empty(slot: &str) -> Option<(String, String)> {
    let (before, value) = split(slot)?;
    let signatures: String = serde_json::from_str(value).ok()?;
    // There is one way to write each value, so that what is compared is what was filled in.
    (serde_json::to_string(&signatures).ok()? == value).then(|| (format!("{before}\"\"\n"), signatures))
}

/// The text up to the value, and the value: one line, the last one.
fn split(slot: &str) -> Option<(&str, &str)> {
    let key = format!("\n  {SIGNATURE_FILE}: ");
    let start = slot.find(&key)? + key.len();
    let value = slot[start..].strip_suffix('\n')?;
    (!value.contains('\n')).then_some((&slot[..start], value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "kind: ConfigMap\ndata:\n  document.sigstore.json: \"\"\n";

    #[test]
    fn filling_and_emptying_gives_back_every_byte() {
        for signatures in ["", "{}\n", "a \"quoted\" line\nand another\n"] {
            let filled = fill(EMPTY, signatures).expect("it is a slot");
            assert_eq!(empty(&filled), Some((EMPTY.to_owned(), signatures.to_owned())));
            assert_eq!(filled.lines().count(), EMPTY.lines().count());
        }
    }

    #[test]
    fn other_spellings_of_a_value_are_no_slot() {
        for value in ["\"\\u0041\"", "'A'", "A", "|\n    A", "\"A\" # why", "\"A\"\n  more: \"\""] {
            assert_eq!(empty(&EMPTY.replace("\"\"", value)), None, "{value}");
        }
    }

    #[test]
    fn only_the_file_of_an_agent_is_a_slot() {
        assert_eq!(agent("agents/lead/31-router-signature.yaml"), Some("lead"));
        for path in
            ["agents/lead/x/31-router-signature.yaml", "mesh/31-router-signature.yaml", "agents/lead/32-origins.yaml"]
        {
            assert_eq!(agent(path), None, "{path}");
        }
    }
}
