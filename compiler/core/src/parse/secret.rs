//! K0119: secrets are references; a value that looks like one is refused wherever it stands, comments included, and is
//! masked before anything can print it. Not here: whether a reference resolves.

use kars_scenario::codes;
use kars_scenario::diagnostic::{Diagnostic, Found};
use kars_scenario::span::{FileId, Span};

use crate::sources::Sources;

/// A known form of secret: what it is, how it starts, which characters follow, and how many at least.
struct Form {
    what: &'static str,
    start: &'static str,
    allowed: fn(u8) -> bool,
    least: usize,
}

fn token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

fn upper(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

fn jwt(byte: u8) -> bool {
    token(byte) || byte == b'.'
}

fn base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)
}

fn pem(byte: u8) -> bool {
    byte != 0
}

/// The prefixes that vendors publish for secret scanners.
const FORMS: &[Form] = &[
    Form { what: "an AWS access key", start: "AKIA", allowed: upper, least: 16 },
    Form { what: "an AWS access key", start: "ASIA", allowed: upper, least: 16 },
    Form { what: "a GitHub token", start: "ghp_", allowed: token, least: 36 },
    Form { what: "a GitHub token", start: "gho_", allowed: token, least: 36 },
    Form { what: "a GitHub token", start: "ghu_", allowed: token, least: 36 },
    Form { what: "a GitHub token", start: "ghs_", allowed: token, least: 36 },
    Form { what: "a GitHub token", start: "github_pat_", allowed: token, least: 30 },
    Form { what: "a GitLab token", start: "glpat-", allowed: token, least: 20 },
    Form { what: "an API key", start: "sk-", allowed: token, least: 20 },
    Form { what: "a Slack token", start: "xoxb-", allowed: token, least: 20 },
    Form { what: "a Slack token", start: "xoxp-", allowed: token, least: 20 },
    Form { what: "a Slack token", start: "xapp-", allowed: token, least: 20 },
    Form { what: "a Google API key", start: "AIza", allowed: token, least: 35 },
    Form { what: "a Hugging Face token", start: "hf_", allowed: token, least: 30 },
    Form { what: "an npm token", start: "npm_", allowed: token, least: 36 },
    Form { what: "a PyPI token", start: "pypi-", allowed: token, least: 40 },
    Form { what: "a JSON Web Token", start: "eyJ", allowed: jwt, least: 40 },
    Form { what: "a private key", start: "-----BEGIN ", allowed: pem, least: 40 },
    Form { what: "an encoded private key", start: "LS0tLS1CRUdJTi", allowed: base64, least: 40 },
];

/// Notes and masks every secret in a file.
pub(super) fn note_secrets(file: FileId, sources: &mut Sources, found: &mut Found) {
    let mut places = Vec::new();
    let text = &sources.get(file).text;
    for form in FORMS {
        note_form(form, text, &mut places);
    }
    passwords(text, &mut places);
    places.sort_unstable();
    let mut hidden_to = 0;
    for (start, end, what) in places {
        // What lies within another secret is hidden with it.
        if start < hidden_to {
            continue;
        }
        hidden_to = end;
        let byte = |at: usize| u32::try_from(at).expect("files are limited to 8 MiB");
        let shown: String = sources.get(file).text[start..end].chars().take(4).collect();
        let hidden = Span { file, start: byte(start + shown.len()), end: byte(end) };
        sources.mask(hidden);
        found.lose(
            Diagnostic::error(
                codes::SECRET_VALUE,
                Span { file, start: byte(start), end: byte(end) },
                format!("this looks like {what}: `{shown}…`"),
            )
            .help("remove it and revoke it; name a Secret and its key instead: `credential: {secret, key}`"),
        );
    }
}

/// A place from byte to byte, with what stands there.
type Place = (usize, usize, &'static str);

/// Finds every secret of a form. A secret is read once, however often its start occurs within it.
fn note_form(form: &Form, text: &str, places: &mut Vec<Place>) {
    let mut read_to = 0;
    for (at, _) in text.match_indices(form.start) {
        if at >= read_to
            && let Some(end) = end_of(form, text, at)
        {
            read_to = end;
            places.push((at, end, form.what));
        }
    }
}

/// The start of a text, up to the end of its line and no longer than what is looked for there.
fn line_start(text: &str) -> &str {
    const LONGEST: usize = 256;
    let end = (0..=LONGEST.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    text[..end].lines().next().unwrap_or_default()
}

/// The end of a secret that starts here, where it is one.
fn end_of(form: &Form, text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    if at > 0 && token(bytes[at - 1]) {
        return None;
    }
    let rest = &text[at + form.start.len()..];
    if form.start.starts_with("-----") {
        line_start(rest).contains("PRIVATE KEY").then_some(())?;
        let length = rest
            .find("-----END")
            .map_or(rest.len(), |end| rest[end..].find('\n').map_or(rest.len(), |line| end + line));
        return Some(at + form.start.len() + length);
    }
    let length = rest.bytes().take_while(|byte| (form.allowed)(*byte)).count();
    let varied = rest[..length].bytes().any(|byte| byte.is_ascii_digit()) || form.least > 30;
    (length >= form.least && varied && jwt_has_parts(form, &rest[..length])).then_some(at + form.start.len() + length)
}

fn jwt_has_parts(form: &Form, rest: &str) -> bool {
    form.start != "eyJ" || rest.matches('.').count() >= 2
}

/// Values of keys that say they are passwords, in any file. Plain words are prose, as in `password: required`.
fn passwords(text: &str, places: &mut Vec<Place>) {
    const KEYS: [&str; 4] = ["password", "passwd", "client_secret", "clientSecret"];
    for key in KEYS {
        let mut read_to = 0;
        for (at, _) in text.match_indices(key) {
            let after = at + key.len();
            let Some(rest) = text[after..].strip_prefix([':', '=']).filter(|_| at >= read_to) else { continue };
            let value = line_start(rest);
            let trimmed = value.trim_start().trim_start_matches(['"', '\'']);
            let start = after + 1 + (value.len() - trimmed.len());
            let length = text[start..].bytes().take_while(|byte| !b" \"',}#\r\n".contains(byte)).count();
            let word = &text[start..start + length];
            if length >= 6 && !word.starts_with(['{', '[', '$', '<']) && !is_prose(word) {
                read_to = start + length;
                places.push((start, read_to, "a password"));
            }
        }
    }
}

fn is_prose(word: &str) -> bool {
    word.len() < 20 && word.trim_end_matches(['.', ';', ':', ')']).chars().all(char::is_alphabetic)
}
