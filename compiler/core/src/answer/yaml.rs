//! Values as they are written inside a flow list or map of YAML. Not here: whole documents (`render::yaml`).

use std::collections::BTreeSet;

use kars_contract::host_pattern::HostPattern;
use kars_contract::name::Port;
use kars_scenario::plain::reads_as_other_than_text;

/// An entry of `egress`.
pub(crate) fn host_entry(host: &HostPattern, ports: &BTreeSet<Port>, reason: &str) -> String {
    let host = text(&host.to_string());
    let https = ports.iter().map(|port| port.get()).eq([443]);
    let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
    let ports = if https { String::new() } else { format!(", ports: [{}]", ports.join(", ")) };
    format!("{{ host: {host}{ports}, reason: {} }}", text(reason))
}

/// A text, bare where every reader of YAML takes it for the same text, else quoted.
pub(crate) fn text(text: &str) -> String {
    let inner = |letter: char| letter.is_ascii_alphanumeric() || " _-./;".contains(letter);
    let plain = text.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '/')
        && text.chars().all(inner)
        && !text.ends_with(' ')
        && !reads_as_other_than_text(text);
    if plain { text.to_owned() } else { serde_json::to_string(text).expect("text is a value of JSON") }
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn what_could_be_read_as_something_else_is_quoted() {
        for bare in ["api.example.org", "release notes of the runtimes", "/sandbox/incoming", "seen; say why"] {
            assert_eq!(text(bare), bare);
        }
        for quoted in
            ["*.example.org", "no", "1.0", "", "a, b", "a: b", "a #b", "- a", "say \"why\"", "a ", "ü", "a\nb"]
        {
            assert_eq!(text(quoted), serde_json::to_string(quoted).expect("it is text"));
        }
    }
}
